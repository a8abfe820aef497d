/** The queue on the disk: bytes in order, room for each, and nothing left of it. */

import assert from "node:assert/strict";
import { DiskQueue } from "../../../storage/spool/disk_queue.ts";
import { FakeSpool } from "./fake_spool.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A queue of segments of 8 bytes, whose room is reserved 10 bytes at a time. */
function setup() {
  const spool = new FakeSpool();
  const queue = new DiskQueue(spool, { tenant: "acme", segmentBytes: 8, reserveBytes: 10 });
  return {
    spool,
    queue,
    put: (text: string) => queue.put(encoder.encode(text)),
    take: async () => decoder.decode(await queue.take()),
    assertFreed: () => {
      assert.deepEqual([spool.open, spool.stored, spool.reserved], [0, 0, 0]);
      assert.deepEqual([queue.unread, queue.held], [0, 0]);
      assert.deepEqual(spool.misuse, []);
    },
  };
}

Deno.test("nothing is asked of the disk before the first bytes", () => {
  const { spool, queue } = setup();
  queue.trim();
  queue.close();
  assert.deepEqual(spool.calls, []);
});

Deno.test("bytes come back in order, through several segments, each freed when it was read", async () => {
  const { spool, queue, put, take, assertFreed } = setup();
  for (const text of ["0123", "4567", "89ab", "cdef"]) assert.equal(await put(text), undefined);
  assert.deepEqual([queue.unread, queue.held, spool.open], [16, 16, 2]);
  assert.equal(await take(), "01234567");
  assert.deepEqual([queue.unread, queue.held, spool.open], [8, 8, 1]);
  assert.equal(await put("ghij"), undefined);
  assert.equal(await take(), "89abcdef");
  assert.equal(await take(), "ghij");
  queue.trim();
  assertFreed();
});

Deno.test("room is reserved in steps for one tenant, and what is ahead is given back by trim", async () => {
  const { spool, queue, put, assertFreed } = setup();
  await put("0123");
  assert.equal(spool.reserved, 10);
  await put("4567");
  assert.equal(spool.reserved, 10);
  await put("89ab");
  assert.equal(spool.reserved, 20);
  assert.deepEqual(spool.calls.filter((call) => call === "reserve" || call === "grow"), [
    "reserve",
    "grow",
  ]);
  assert.deepEqual(spool.tenants, ["acme"]);
  queue.trim();
  assert.equal(spool.reserved, 12);
  queue.close();
  assertFreed();
});

Deno.test("a chunk that is refused is not in the queue, and what was ahead is given back", async () => {
  const { spool, queue, put, take, assertFreed } = setup();
  await put("0123");
  spool.quota = 10;
  assert.equal(await put("456789abcdef"), "quota");
  assert.deepEqual([queue.unread, spool.reserved], [4, 4]);
  spool.quota = Infinity;
  assert.equal(await put("4567"), undefined);
  assert.equal(await take(), "01234567");
  queue.close();
  assertFreed();
});

Deno.test("of a write that fails half-way nothing is read, and nothing is written behind it", async () => {
  const { spool, queue, put, take, assertFreed } = setup();
  await put("0123");
  spool.fault = (call) => call === "write" ? { error: new Error("ENOSPC"), written: 2 } : undefined;
  const refusal = await put("4567");
  assert.ok(refusal instanceof Error);
  assert.equal(refusal.message, "ENOSPC");
  assert.deepEqual([queue.unread, queue.held, spool.stored], [4, 8, 6]);
  spool.fault = () => undefined;
  await put("4567");
  assert.equal(spool.open, 2);
  assert.equal(await take(), "0123");
  assert.equal(await take(), "4567");
  queue.close();
  assertFreed();
});

Deno.test("a segment whose only write fails is freed", async () => {
  const { spool, queue, put, assertFreed } = setup();
  spool.fault = (call) => call === "write" ? { error: new Error("EIO"), written: 2 } : undefined;
  assert.ok(await put("0123") instanceof Error);
  assert.deepEqual([queue.held, spool.open, spool.stored], [0, 0, 0]);
  queue.close();
  assertFreed();
});

Deno.test("bytes that cannot be read back are an error", async () => {
  const { spool, queue, put, assertFreed } = setup();
  await put("0123");
  spool.truncated = true;
  await assert.rejects(queue.take(), /Cannot read 4 spilled bytes back: their segment has ended/);
  queue.close();
  assertFreed();
});

Deno.test("a queue that is closed in a write is freed when the disk has answered", async () => {
  const { spool, queue, put, assertFreed } = setup();
  await put("0123");
  const { promise, resolve } = Promise.withResolvers<void>();
  spool.delay = () => promise;
  const putting = put("4567");
  queue.close();
  assert.deepEqual([spool.open, spool.reserved], [1, 10]);
  resolve();
  await putting;
  assertFreed();
  await assert.rejects(put("89ab"), /Cannot use a disk queue that is closed/);
});

Deno.test("two calls at once are refused", async () => {
  const { queue, put } = setup();
  const putting = put("0123");
  await assert.rejects(put("4567"), /Cannot use a disk queue twice at once/);
  await putting;
  await queue.take();
  await assert.rejects(queue.take(), /Cannot take from a disk queue that is empty/);
  queue.close();
});
