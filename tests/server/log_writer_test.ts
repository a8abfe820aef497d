/** Log lines for readers that are slow, and for none. */

import assert from "node:assert/strict";
import { createLogWriter } from "../../server/log_writer.ts";
import { settle } from "../storage/spool/fake_spool.ts";

/** A sink that takes what the test lets it take, and a writer to it that may have 30 bytes waiting. */
function setup() {
  let text = "";
  let open = Promise.withResolvers<void>();
  let error: Error | undefined;
  const told: number[] = [];
  const calls: number[] = [];
  const writer = createLogWriter(
    {
      async write(bytes) {
        calls.push(bytes.length);
        await open.promise;
        if (error) throw error;
        const some = bytes.subarray(0, 20);
        text += new TextDecoder().decode(some);
        return some.length;
      },
    },
    (lines) => {
      told.push(lines);
      writer.write(`-${lines}`);
    },
    30,
  );
  return {
    writer,
    told,
    calls,
    text: () => text,
    stall: () => open = Promise.withResolvers<void>(),
    goOn: () => open.resolve(),
    fail: (because?: Error) => error = because,
  };
}

Deno.test("lines are written in order, those that wait in one piece, and short writes are finished", async () => {
  const { writer, text, calls, goOn } = setup();
  writer.write("first");
  await settle();
  writer.write("second line");
  writer.write("third line");
  assert.equal(text(), "");
  goOn();
  await writer.flush();
  assert.equal(text(), "first\nsecond line\nthird line\n");
  assert.deepEqual(calls, [6, 23, 3]);
  assert.equal(writer.dropped, 0);
});

Deno.test("a reader that stalls costs lines, whose number is written when it reads again", async () => {
  const { writer, text, told, goOn } = setup();
  for (let line = 1; line <= 10; line++) writer.write(`line ${line}`);
  await settle();
  assert.equal(writer.dropped, 6, "four lines of seven bytes may wait");
  goOn();
  await writer.flush();
  assert.equal(text(), "line 1\nline 2\nline 3\nline 4\n-6\n");
  writer.write("line 11");
  await writer.flush();
  assert.equal(text().slice(-8), "line 11\n");
  assert.deepEqual([told, writer.dropped], [[6], 6]);
});

Deno.test("while there is no reader, lines are counted, and nothing is written or thrown", async () => {
  const { writer, text, told, goOn, fail } = setup();
  goOn();
  fail(new Error("Broken pipe"));
  for (let line = 0; line < 3; line++) {
    writer.write("line");
    await writer.flush();
  }
  assert.deepEqual([text(), told, writer.dropped], ["", [], 3]);
  fail();
  writer.write("again");
  await writer.flush();
  assert.equal(text(), "again\n-3\n");
});
