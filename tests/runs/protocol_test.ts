import assert from "node:assert/strict";
import fc from "fast-check";
import {
  commandLine,
  createFrameReader,
  FRAME,
  frameHeader,
  parseCommand,
  type RunTask,
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

Deno.test("a frame header is a type and a little-endian length", () => {
  assert.deepEqual([...frameHeader(FRAME.chunk, 0x01020304)], [0x43, 4, 3, 2, 1]);
});

Deno.test("a command is one line and keeps integers beyond 2^53", () => {
  const line = commandLine({ start: task, run: "a", credit: 1 });
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.ok(line.includes('"org":{"$bigint":"9007199254740993"}'));
  assert.deepEqual(parseCommand(line), { start: task, run: "a", credit: 1 });
  assert.deepEqual(parseCommand(commandLine({ cancel: true })), { cancel: true });
});

Deno.test("a newline in a query does not end the line", () => {
  const query = { text: "select 1\nfrom t", params: {} };
  const start = { ...task, tables: [{ ...task.tables[0]!, query }] };
  const line = commandLine({ start, run: "a", credit: 1 });
  assert.equal(line.split("\n").length, 2);
  assert.deepEqual(parseCommand(line), { start, run: "a", credit: 1 });
});

Deno.test("frames come out whole however the pipe cut them", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 }),
    (payloads, cuts) => {
      const bytes = new Uint8Array(
        payloads.flatMap((payload) => [...frameHeader(FRAME.chunk, payload.length), ...payload]),
      );
      const read = createFrameReader();
      const frames: number[][] = [];
      const frame: number[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = cuts[turn % cuts.length]!;
        for (const { type, data, last } of read(bytes.slice(at, at + size))) {
          assert.equal(type, FRAME.chunk);
          frame.push(...data);
          if (last) frames.push(frame.splice(0));
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
