import assert from "node:assert/strict";
import { withRetry } from "../../sources/retry.ts";
import { SourceError } from "../../sources/source.ts";

const refused = () => new SourceError("Cannot open source: refused", { connection: true });
const never = new AbortController().signal;

/** Throws these errors one after the other, then gives the number of the attempt. */
function failing(errors: readonly Error[]) {
  let attempts = 0;
  return {
    open: () => {
      const error = errors[attempts++];
      return error ? Promise.reject(error) : Promise.resolve(attempts);
    },
    get attempts() {
      return attempts;
    },
  };
}

Deno.test("a connection that fails is tried again, after pauses that grow", async () => {
  const source = failing([refused(), refused()]);
  const started = performance.now();
  assert.equal(await withRetry(source.open, never), 3);
  // 100 to 200 ms, then 200 to 400.
  const took = performance.now() - started;
  assert.ok(took >= 295, `${took} ms`);
});

Deno.test("the third failure is the last", async () => {
  const errors = [refused(), refused(), refused(), refused()];
  const source = failing(errors);
  await assert.rejects(withRetry(source.open, never), (error) => error === errors[2]);
  assert.equal(source.attempts, 3);
});

Deno.test("a query that is refused is not tried again", async () => {
  for (const error of [new SourceError("Cannot run the query: no such table"), new Error("bug")]) {
    const source = failing([error]);
    await assert.rejects(withRetry(source.open, never), (thrown) => thrown === error);
    assert.equal(source.attempts, 1);
  }
});

Deno.test("nobody who left is tried again for", async () => {
  const left = new AbortController();
  const source = failing([refused(), refused()]);
  const open = () => {
    // In the pause behind it, which is longer than a turn of the event loop.
    setTimeout(() => left.abort());
    return source.open();
  };
  await assert.rejects(withRetry(open, left.signal), { name: "AbortError" });
  assert.equal(source.attempts, 1);
});
