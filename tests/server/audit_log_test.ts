/** What becomes of the lines of the audit log while it cannot be written. */

import assert from "node:assert/strict";
import { createAuditLog } from "../../server/audit_log.ts";
import { settle } from "../storage/spool/fake_spool.ts";

/** An audit log of which 30 bytes may wait, whose sink fails while the test wants it to. */
function setup() {
  let text = "";
  let error: Error | undefined;
  let next = Promise.withResolvers<void>();
  const events: string[] = [];
  const log = createAuditLog(
    {
      write(bytes) {
        if (error) return Promise.reject(error);
        text += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
    },
    {
      onFailure: (error) => events.push(String(error)),
      onRecovery: () => events.push("recovered"),
      onMissing: (lines) => events.push(`${lines} missing`),
      wait: () => next.promise,
      maxWaitingBytes: 30,
    },
  );
  return {
    log,
    events,
    text: () => text,
    fail: (message?: string) => error = message === undefined ? undefined : new Error(message),
    async retry() {
      next.resolve();
      next = Promise.withResolvers();
      await settle();
    },
  };
}

Deno.test("lines wait while they cannot be written, and none is missing once they can", async () => {
  const { log, events, text, fail, retry } = setup();
  log.write("first");
  await log.flush();
  assert.equal(log.failing, false);
  fail("No space left on device");
  log.write("second");
  await settle();
  assert.equal(log.failing, true);
  log.write("third");
  await retry();
  await retry();
  assert.deepEqual(events, ["Error: No space left on device"], "which is said once");
  fail();
  await retry();
  await log.flush();
  assert.equal(text(), "first\nsecond\nthird\n");
  assert.deepEqual([log.failing, log.missing], [false, 0]);
  assert.deepEqual(events.slice(1), ["recovered"]);
});

Deno.test("while it fails, refusals make room for runs, and what is missing is said", async () => {
  const { log, events, text, fail, retry } = setup();
  log.write("refusal 0", true);
  await log.flush();
  fail("EIO");
  log.write("run 1");
  await settle();
  for (let index = 1; index <= 100; index++) log.write(`refusal ${index}`, true);
  for (let index = 2; index <= 9; index++) log.write(`run ${index}`);
  assert.equal(log.missing, 104, "a hundred refusals, and four runs that there is no room for");
  fail();
  await retry();
  await log.flush();
  assert.equal(text(), "refusal 0\nrun 1\nrun 2\nrun 3\nrun 4\nrun 5\n");
  assert.equal(log.failing, false);
  assert.deepEqual(events, ["Error: EIO", "recovered", "100 missing", "4 missing"]);
  log.write("refusal 101", true);
  await log.flush();
  assert.ok(text().endsWith("refusal 101\n"));
});

Deno.test("a line that is longer than all that may wait is written, and what it leaves no room for is said", async () => {
  const { log, events, text } = setup();
  log.write("a run whose line is longer than 30 bytes");
  log.write("run 2");
  assert.equal(log.failing, true);
  await log.flush();
  assert.equal(text(), "a run whose line is longer than 30 bytes\n");
  assert.deepEqual([log.failing, log.missing, events], [false, 1, ["1 missing"]]);
});
