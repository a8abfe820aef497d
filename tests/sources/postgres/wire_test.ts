/** Rows come in pieces of any size, in one buffer that is filled again and again. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { CellQueue, TextQueue } from "../../../sources/postgres/queues.ts";
import { Wire } from "../../../sources/postgres/wire.ts";

const INT8 = 20;
const TEXT = 25;

const COLUMNS = [{ name: "id", oid: INT8 }, { name: "note", oid: TEXT }];

const ROWS: [number, string | null][] = Array.from({ length: 40 }, (_, index) => [
  index,
  index % 7 === 3 ? null : "ä".repeat(index * index % 90) + index,
]);

/** A message of the protocol (PostgreSQL 55.7). */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function described(): Buffer {
  const columns = COLUMNS.map(({ name, oid }) =>
    Buffer.concat([Buffer.from(`${name}\0`), int32(0), uint16(0), int32(oid), Buffer.alloc(8)])
  );
  return message("T", Buffer.concat([uint16(columns.length), ...columns]));
}

function row(cells: readonly (string | null)[]): Buffer {
  const fields = cells.flatMap((cell) => {
    if (cell === null) return [int32(-1)];
    const bytes = Buffer.from(cell);
    return [int32(bytes.length), bytes];
  });
  return message("D", Buffer.concat([uint16(cells.length), ...fields]));
}

const complete = (tag: string) => message("C", Buffer.from(`${tag}\0`));

const COMPLETE = complete("SELECT 40");

const PARSED = message("1", Buffer.alloc(0));
const BOUND = message("2", Buffer.alloc(0));

const SENT = Buffer.concat([
  described(),
  ...ROWS.map(([id, note]) => row([`${id}`, note])),
  COMPLETE,
]);

/** A connection that is fed by hand: what was given is overwritten as soon as it was taken. */
function connect(maxRow?: number) {
  const idle = () => {};
  const written: Buffer[] = [];
  let destroyed = false;
  const socket = Object.assign(new EventEmitter(), {
    pause: idle,
    resume: idle,
    ref: idle,
    unref: idle,
    write: (bytes: Buffer) => written.push(Buffer.from(bytes)) > 0,
    destroy: () => void (destroyed = true),
  });
  let take!: (bytes: Buffer) => void;
  const wire = new Wire({
    socket: socket as unknown as Socket,
    onBytes: (given) => take = given,
  }, maxRow);
  const passed: Buffer[] = [];
  wire.on("data", (bytes: Buffer) => passed.push(bytes));
  const buffer = Buffer.alloc(SENT.length);
  return {
    wire,
    passed,
    written,
    destroyed: () => destroyed,
    send(bytes: Buffer): void {
      buffer.set(bytes);
      take(buffer.subarray(0, bytes.length));
      buffer.fill(0xff);
    },
  };
}

function* pieces(size: number): Generator<Buffer> {
  for (let at = 0; at < SENT.length; at += size) yield SENT.subarray(at, at + size);
}

Deno.test("rows are the same however they are cut, and so is what the library is given", () => {
  for (let size = 1; size <= SENT.length; size += size < 300 ? 1 : 97) {
    const { wire, passed, send } = connect();
    const queue = new CellQueue({});
    wire.divert(queue);
    for (const piece of pieces(size)) send(piece);
    assert.deepEqual(queue.take(ROWS.length), ROWS, `in pieces of ${size} bytes`);
    assert.deepEqual(Buffer.concat(passed), Buffer.concat([described(), COMPLETE]));
  }
});

Deno.test("a batch of text stays until the next one is taken, whatever comes meanwhile", () => {
  const decoder = new TextDecoder();
  for (const size of [1, 50, 333, 1000, SENT.length]) {
    const { wire, send } = connect();
    const queue = new TextQueue({});
    wire.divert(queue);
    const read: (string | null)[][] = [];
    const batches = () => {
      while (queue.length > 0) {
        const { bytes, bounds, length } = queue.take();
        // The server goes on sending before the batch is read.
        const next = sending.next();
        if (!next.done) send(next.value);
        for (let at = 0; at < 4 * length; at += 4) {
          read.push([0, 2].map((cell) => {
            const start = bounds[at + cell]!;
            return start < 0 ? null : decoder.decode(bytes.subarray(start, bounds[at + cell + 1]));
          }));
        }
      }
    };
    const sending = pieces(size);
    for (let next = sending.next(); !next.done; next = sending.next()) {
      send(next.value);
      // Some wait, so that there is more than one piece.
      if (queue.length > 5) batches();
    }
    batches();
    assert.deepEqual(read, ROWS.map(([id, note]) => [`${id}`, note]), `in pieces of ${size} bytes`);
  }
});

Deno.test("a row that is too large is refused as soon as its length is known", () => {
  const large = Buffer.concat([described(), row(["1", "short"]), row(["2", "x".repeat(2000)])]);
  const begins = large.length - 2000;
  const { wire, send } = connect(1024);
  const errors: unknown[] = [];
  wire.on("error", (error) => errors.push(error));
  const queue = new CellQueue({});
  wire.divert(queue);
  send(large.subarray(0, begins - 40));
  assert.deepEqual(errors, []);
  send(large.subarray(begins - 40, begins));
  assert.equal(
    String(errors[0]),
    "SourceError: Cannot read the query: a row of 2015 bytes is larger than max_row, which is 1KiB",
  );
  assert.deepEqual(queue.take(1), [[1, "short"]]);
});

Deno.test("what is sent before a statement goes with it, and its answers are kept from the library", () => {
  const { wire, written, passed, send } = connect();
  let rows = 0;
  let done = false;
  wire.precede({
    statements: ["begin", "select 1"],
    onRow: (left) => rows += left === 1 ? 1 : 100,
    onDone: () => done = true,
  });
  // The login is not what it waits for.
  wire.write(Buffer.from([0, 0, 0, 8, 0, 3, 0, 0]));
  assert.deepEqual(written.splice(0), [Buffer.from([0, 0, 0, 8, 0, 3, 0, 0])]);
  wire.write(message("P", Buffer.from("\0table t\0\0\0")));
  const [sent] = written;
  assert.equal(
    sent!.toString("latin1"),
    "P\0\0\0\x0d\0begin\0\0\0" + "B\0\0\0\x0c\0\0\0\0\0\0\0\0" + "E\0\0\0\x09\0\0\0\0\0" +
      "P\0\0\0\x10\0select 1\0\0\0" + "B\0\0\0\x0c\0\0\0\0\0\0\0\0" +
      "E\0\0\0\x09\0\0\0\0\0" + "P\0\0\0\x0f\0table t\0\0\0",
  );
  const answer = (tag: string) => Buffer.concat([PARSED, BOUND, complete(tag)]);
  const notice = message("N", Buffer.from("SNOTICE\0\0"));
  send(Buffer.concat([answer("BEGIN"), notice, PARSED, BOUND, row(["1"])]));
  assert.deepEqual([rows, done], [1, false]);
  send(Buffer.concat([complete("SELECT 1"), PARSED, BOUND]));
  assert.deepEqual([rows, done], [1, true]);
  assert.deepEqual(Buffer.concat(passed), Buffer.concat([notice, PARSED, BOUND]));
});

Deno.test("an error of what is sent before a statement is the statement's", () => {
  const { wire, passed, send } = connect();
  const failed = () => assert.fail("it has not been done");
  wire.precede({ statements: ["begin", "select 1"], onRow: failed, onDone: failed });
  wire.write(message("P", Buffer.from("\0table t\0\0\0")));
  const error = message("E", Buffer.from("SERROR\0VERROR\0Mno\0\0"));
  const ready = message("Z", Buffer.from("E"));
  send(Buffer.concat([PARSED, error, ready]));
  assert.deepEqual(Buffer.concat(passed), Buffer.concat([error, ready]));
});

Deno.test("a connection that rests ends with the first byte that comes", () => {
  const { wire, send, destroyed } = connect();
  assert.equal(wire.rest(), true);
  assert.equal(wire.rouse(), true);
  send(complete("SELECT 1"));
  assert.equal(destroyed(), false);
  assert.equal(wire.rest(), true);
  send(message("N", Buffer.from("SNOTICE\0\0")));
  assert.equal(destroyed(), true);
  assert.equal(wire.rouse(), false);
});

Deno.test("a connection does not rest in the middle of a message", () => {
  const { wire, send } = connect();
  send(complete("SELECT 1").subarray(0, 7));
  assert.equal(wire.rest(), false);
});
