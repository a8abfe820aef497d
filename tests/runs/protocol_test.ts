import assert from "node:assert/strict";
import fc from "fast-check";
import {
  commandLine,
  createFrameReader,
  FRAME,
  FRAME_HEADER_BYTES,
  parseCommand,
  type RunTask,
  writeFrameHeader,
} from "../../runs/protocol.ts";

const task: RunTask = {
  export: "audit-log",
  tables: [{
    source: { type: "sqlite", config: { path: "app.db" } },
    query: {
      text: "select :org",
      params: { org: 9007199254740993n, since: null, on: true, ids: [1, 9007199254740993n] },
      types: { ids: "integer[]" },
    },
    title: "Audit log",
    columns: { amount: { type: "decimal" } },
  }],
  format: "csv",
  options: {},
  coding: "identity",
};

/** A frame of a task. */
function frame(task: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  writeFrameHeader(bytes, FRAME.chunk, task);
  return bytes;
}

Deno.test("a frame is a type, the number of its task and its length, little-endian, then its payload", () => {
  assert.deepEqual([...frame(0x01020304, Uint8Array.of(9, 8))], [
    ...[0x43, 4, 3, 2, 1, 2, 0, 0, 0],
    ...[9, 8],
  ]);
});

Deno.test("a command is one line and keeps integers beyond 2^53", () => {
  const command = { start: task, task: 1, run: "a", credit: 1, exclusive: true };
  const line = commandLine(command);
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.ok(line.includes('"org":{"$bigint":"9007199254740993"}'));
  assert.deepEqual(parseCommand(line), command);
  const cancel = { cancel: true, task: 7 } as const;
  assert.deepEqual(parseCommand(commandLine(cancel)), cancel);
});

Deno.test("a newline in a query does not end the line", () => {
  const query = { text: "select 1\nfrom t", params: {} };
  const start = { ...task, tables: [{ ...task.tables[0]!, query }] };
  const command = { start, task: 1, run: "a", credit: 1, exclusive: false };
  const line = commandLine(command);
  assert.equal(line.split("\n").length, 2);
  assert.deepEqual(parseCommand(line), command);
});

Deno.test("frames come out whole however the pipe cut them", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 }),
    (payloads, cuts) => {
      const bytes = new Uint8Array(
        payloads.flatMap((payload, index) => [...frame(index, payload)]),
      );
      const read = createFrameReader();
      const frames: number[][] = [];
      const gathered: number[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = cuts[turn % cuts.length]!;
        for (const { type, task, data, last } of read(bytes.slice(at, at + size))) {
          assert.equal(type, FRAME.chunk);
          assert.equal(task, frames.length);
          gathered.push(...data);
          if (last) frames.push(gathered.splice(0));
        }
        at += size;
      }
      assert.deepEqual(frames, payloads.map((payload) => [...payload]));
    },
  ));
});

Deno.test("a stray byte between frames is an error, not a frame", () => {
  const read = createFrameReader();
  assert.throws(() => read(new TextEncoder().encode("hello")), /it begins with 104/);
});
