/** The spill buffer: every byte, in order, whatever the reader, the source and the disk do. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { SpillBuffer, type SpillOptions, StallError } from "../../../storage/spool/spill_buffer.ts";
import { FakeClock, FakeSpool, settle, type SpoolCall } from "./fake_spool.ts";

type Chunk = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A source that gives what it is given, when it is asked. */
class Source {
  readonly #chunks: Chunk[] = [];
  #controller!: ReadableStreamDefaultController<Chunk>;
  #ended = false;
  #asked: (() => void) | undefined;
  /** Bytes that were read from it. */
  given = 0;
  /** Why it was cancelled, if it was. */
  cancelled: { readonly reason: unknown } | undefined;
  readonly stream = new ReadableStream<Chunk>({
    start: (controller) => {
      this.#controller = controller;
    },
    pull: async () => {
      if (this.#chunks.length === 0 && !this.#ended) {
        await new Promise<void>((resolve) => this.#asked = resolve);
      }
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.given += chunk.length;
        this.#controller.enqueue(chunk);
      } else if (!this.cancelled) this.#controller.close();
    },
    cancel: (reason) => {
      this.cancelled = { reason };
      this.#ended = true;
      this.#asked?.();
    },
  }, { highWaterMark: 0 });

  push(...chunks: (string | Chunk)[]): this {
    for (const chunk of chunks) {
      this.#chunks.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
    }
    this.#asked?.();
    return this;
  }

  end(): this {
    this.#ended = true;
    this.#asked?.();
    return this;
  }

  break(error: Error): void {
    this.#controller.error(error);
  }
}

/** A buffer of ten bytes of memory, and everything around it. */
function fixture(options: SpillOptions = {}) {
  const source = new Source();
  const spool = new FakeSpool();
  const clock = new FakeClock();
  const spills: number[] = [];
  const refusals: string[] = [];
  const stalls: string[] = [];
  const buffer = new SpillBuffer(source.stream, {
    spool,
    clock,
    memoryBytes: 10,
    segmentBytes: 12,
    reserveBytes: 8,
    spillRate: 0,
    onSpill: () => spills.push(clock.now()),
    onRefused: (why) => refusals.push(typeof why === "string" ? why : why.message),
    ...options,
  });
  void buffer.over.then((delivery) => {
    if (delivery.state !== "failed") return;
    if (delivery.error instanceof StallError) stalls.push(delivery.error.message);
  });
  const reader = buffer.readable.getReader();
  return {
    source,
    spool,
    clock,
    spills,
    refusals,
    stalls,
    buffer,
    reader,
    /** Reads a chunk; `end` at the end. */
    async read(): Promise<string> {
      const { done, value } = await reader.read();
      return done ? "end" : decoder.decode(value);
    },
    /** Reads until the end. */
    async readAll(): Promise<string> {
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return text;
        text += decoder.decode(value);
      }
    },
    /** Nothing is left, nowhere, and nobody misused the spool. */
    async assertFreed(): Promise<void> {
      await Promise.all([buffer.released, buffer.sourceEnded]);
      assert.deepEqual(
        { open: spool.open, reserved: spool.reserved, stored: spool.stored, timers: clock.timers },
        { open: 0, reserved: 0, stored: 0, timers: 0 },
      );
      assert.deepEqual(spool.misuse, []);
      assert.equal(buffer.diskBytes, 0);
    },
  };
}

/** A fixture whose reader fell behind: `0123 4567 89ab` are on the disk, and nothing more was given. */
async function spilledFixture(options: SpillOptions = {}) {
  const all = fixture(options);
  all.source.push("0123", "4567", "89ab");
  await all.clock.pass(10_000);
  assert.equal(all.buffer.diskBytes, 12);
  return all;
}

/** A promise that the test settles, for calls that are under way. */
function gate(spool: FakeSpool, held: SpoolCall): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  spool.delay = (call) => call === held ? promise : Promise.resolve();
  return resolve;
}

Deno.test("chunks pass as they are, without a copy and without the disk", async () => {
  const { source, spool, reader, assertFreed } = fixture();
  const chunks = [new Uint8Array(4), new Uint8Array(400), new Uint8Array(1)];
  source.push(...chunks).end();
  for (const chunk of chunks) assert.equal((await reader.read()).value, chunk);
  assert.deepEqual(await reader.read(), { done: true, value: undefined });
  assert.deepEqual(spool.calls, []);
  await assertFreed();
});

Deno.test("an empty source ends, and empty chunks are left out", async () => {
  const empty = fixture();
  empty.source.end();
  assert.equal(await empty.read(), "end");
  await empty.assertFreed();

  const hollow = fixture();
  hollow.source.push("", "a", "", "b", "").end();
  assert.deepEqual([await hollow.read(), await hollow.read(), await hollow.read()], [
    "a",
    "b",
    "end",
  ]);
  await hollow.assertFreed();
});

Deno.test("the source is read ahead up to the bound, and one chunk for each that is taken", async () => {
  const { source, buffer, read, reader } = fixture();
  source.push("0123", "4567", "89ab", "cdef", "ghij");
  await settle();
  assert.equal(source.given, 12);
  assert.equal(buffer.asking, false);
  assert.equal(await read(), "0123");
  await settle();
  assert.equal(source.given, 12 + 4);
  assert.equal(await read(), "4567");
  assert.equal(await read(), "89ab");
  await settle();
  assert.equal(source.given, 20);
  assert.equal(buffer.asking, true);
  await reader.cancel();
});

Deno.test("several reads may wait at once", async () => {
  const { source, read, assertFreed } = fixture();
  const reads = [read(), read(), read(), read()];
  source.push("a", "b").end();
  assert.deepEqual(await Promise.all(reads), ["a", "b", "end", "end"]);
  await assertFreed();
});

Deno.test("a reader that stops for ten seconds is spilled, and the source is read to its end", async () => {
  const { source, spool, clock, spills, buffer, read, readAll, assertFreed } = fixture({
    tenant: "acme",
  });
  let ended = false;
  void buffer.sourceEnded.then(() => ended = true);
  source.push("0123", "4567", "89ab", "cdef", "ghij", "kl").end();
  assert.equal(await read(), "0123");
  await clock.pass(9_999);
  assert.deepEqual(spool.calls, []);
  assert.equal(source.given, 16);
  assert.equal(buffer.spilled, false);
  await clock.pass(1);
  assert.deepEqual(spills, [11_000]);
  assert.equal(source.given, 22);
  assert.equal(ended, true);
  assert.equal(buffer.spilled, true);
  // All of it is on the disk, memory is empty, and no byte more is reserved.
  assert.equal(buffer.diskBytes, 18);
  assert.deepEqual([spool.stored, spool.reserved], [18, 18]);
  assert.deepEqual(spool.tenants, ["acme"]);
  assert.equal(await readAll(), "456789abcdefghijkl");
  await assertFreed();
});

Deno.test("a source that fills the memory late does not wait another ten seconds", async () => {
  const { source, clock, buffer, readAll, assertFreed } = fixture();
  source.push("0123", "4567");
  await clock.pass(25_000);
  assert.equal(buffer.spilled, false);
  source.push("89", "ab").end();
  await settle();
  assert.equal(buffer.spilled, true);
  assert.equal(await readAll(), "0123456789ab");
  await assertFreed();
});

Deno.test("without a spool there is plain backpressure", async () => {
  const { source, clock, buffer, readAll, assertFreed } = fixture({ spool: undefined });
  source.push("0123", "4567", "89ab", "cdef").end();
  await clock.pass(60_000);
  assert.equal(source.given, 12);
  assert.equal(buffer.spilled, false);
  assert.equal(await readAll(), "0123456789abcdef");
  await assertFreed();
});

Deno.test("a reader below the rate is spilled after ten seconds although it reads", async () => {
  const { source, clock, spills, read, reader } = fixture({ spillRate: 5 });
  source.push(...Array.from({ length: 100 }, () => "abcd"));
  for (let second = 0; second < 9; second++) {
    assert.equal(await read(), "abcd");
    await clock.pass(1_000);
  }
  assert.equal(await read(), "abcd");
  await clock.pass(999);
  assert.deepEqual(spills, []);
  await clock.pass(1);
  // The source had to wait for it at once, at 1,000.
  assert.deepEqual(spills, [11_000]);
  await reader.cancel();
});

Deno.test("a reader at the rate is not spilled, and its good start does not excuse it later", async () => {
  const { source, clock, spills, read, reader } = fixture({ spillRate: 3 });
  source.push(...Array.from({ length: 200 }, () => "abcd"));
  for (let second = 0; second < 60; second++) {
    assert.equal(await read(), "abcd");
    await clock.pass(1_000);
  }
  assert.deepEqual(spills, []);
  for (let time = 0; time < 5; time++) {
    assert.equal(await read(), "abcd");
    await clock.pass(2_000);
  }
  assert.deepEqual(spills, [71_000]);
  await reader.cancel();
});

Deno.test("a reader that takes a lot now and then is judged by what it takes in all", async () => {
  const { source, clock, spills, read, reader } = fixture({ spillRate: 6 });
  source.push("abcd", "abcd", "abcd");
  for (let turn = 0; turn < 3; turn++) {
    await clock.pass(3_000);
    // It takes all that there is, waits for more, and then takes nothing for three seconds.
    for (let chunk = 0; chunk < 3; chunk++) await read();
    const reading = read();
    source.push("abcd", "abcd", "abcd", "abcd");
    await reading;
  }
  assert.deepEqual(spills, []);
  await clock.pass(3_000);
  assert.deepEqual(spills, [11_000]);
  await reader.cancel();
});

Deno.test("a rate is measured over five seconds, where ten seconds are too long to wait", async () => {
  const { source, clock, spills, read, reader } = fixture({ spillRate: 5, spillAfter: 2_000 });
  source.push(...Array.from({ length: 100 }, () => "abcd"));
  for (let second = 0; second < 5; second++) {
    assert.equal(await read(), "abcd");
    await clock.pass(1_000);
  }
  assert.deepEqual(spills, [6_000]);
  await reader.cancel();
});

Deno.test("a slow source is not its reader's fault", async () => {
  const { source, clock, spool, read, reader } = fixture({ spillRate: 1_000_000 });
  // It has to wait once, then the reader is faster than it.
  source.push("0123", "4567", "89ab");
  await settle();
  for (let chunk = 0; chunk < 3; chunk++) await read();
  for (let second = 0; second < 60; second++) {
    const reading = read();
    await clock.pass(1_000);
    source.push("a");
    assert.equal(await reading, "a");
  }
  assert.deepEqual(spool.calls, []);
  await reader.cancel();
});

Deno.test("what a source was slow in giving does not count against its reader afterwards", async () => {
  const { source, clock, spills, read, reader } = fixture({ spillRate: 3 });
  source.push("0123", "4567", "89ab");
  await settle();
  for (let chunk = 0; chunk < 3; chunk++) await read();
  const first = read();
  await clock.pass(60_000);
  source.push(...Array.from({ length: 100 }, () => "abcd"));
  await first;
  for (let second = 0; second < 30; second++) {
    await clock.pass(1_000);
    await read();
  }
  assert.deepEqual(spills, []);
  await reader.cancel();
});

Deno.test("where others wait, a reader that has its source wait is spilled within a second", async () => {
  const contended = { now: false };
  const { source, clock, spills, buffer, read, reader } = fixture({
    contended: () => contended.now,
    spillAfter: 60_000,
  });
  source.push(...Array.from({ length: 100 }, () => "abcd"));
  for (let second = 0; second < 30; second++) {
    assert.equal(await read(), "abcd");
    await clock.pass(1_500);
  }
  assert.deepEqual(spills, []);
  // It has had its source wait for more than a second already.
  contended.now = true;
  buffer.look();
  await settle();
  assert.deepEqual(spills, [46_000]);
  assert.equal(source.given, 400);
  await reader.cancel();
});

Deno.test("where others wait, a reader that keeps its source busy for half of the time is not spilled", async () => {
  const { source, clock, spool, read, reader } = fixture({ contended: () => true });
  for (let turn = 0; turn < 50; turn++) {
    source.push("0123", "4567", "89ab");
    await clock.pass(450);
    for (let chunk = 0; chunk < 3; chunk++) await read();
    await clock.pass(550);
  }
  assert.deepEqual(spool.calls, []);
  await reader.cancel();
});

Deno.test("a reader that has had its source wait for too long in all is spilled, however fast it is", async () => {
  const { source, clock, spills, read, reader } = fixture({ maxHeldUp: 100_000 });
  source.push(...Array.from({ length: 1_000 }, () => "abcd"));
  await settle();
  for (let second = 0; spills.length === 0 && second < 1_000; second++) {
    assert.equal(await read(), "abcd");
    await clock.pass(1_000);
  }
  assert.deepEqual(spills, [101_000]);
  await reader.cancel();
});

Deno.test("all that a source has left may be taken at once, and put on the disk", async () => {
  const { source, spool, clock, buffer, readAll, assertFreed } = fixture();
  source.push("0123", "4567", "89ab", "cdef", "ghij").end();
  await settle();
  assert.equal(buffer.memoryBytes, 12);
  buffer.takeAll();
  await buffer.sourceEnded;
  assert.equal(buffer.memoryBytes, 20);
  let freed = false;
  void buffer.memoryFreed.then(() => freed = true);
  spool.quota = 10;
  buffer.spillAll();
  await settle();
  // As much as there is room for; then again as for any that was refused.
  assert.deepEqual([buffer.memoryBytes, buffer.diskBytes, freed], [12, 8, false]);
  spool.quota = Infinity;
  await clock.pass(1_000);
  assert.deepEqual([buffer.memoryBytes, buffer.diskBytes, freed], [0, 20, true]);
  assert.equal(await readAll(), "0123456789abcdefghij");
  await assertFreed();
});

Deno.test("memory is free too once the reader has taken what was in it", async () => {
  const { source, buffer, readAll, assertFreed } = fixture();
  source.push("0123", "4567").end();
  assert.equal(await readAll(), "01234567");
  await buffer.memoryFreed;
  await assertFreed();
});

Deno.test("what was read of the disk is freed while the rest waits", async () => {
  const { source, spool, clock, buffer, read, assertFreed } = fixture();
  // Segments of twelve bytes, or one chunk more.
  source.push("0123", "4567", "89ab", "cdef", "ghij", "klmn", "opqr").end();
  await clock.pass(10_000);
  assert.deepEqual([spool.open, spool.stored, spool.reserved], [3, 28, 28]);
  assert.equal(await read(), "0123456789ab");
  assert.deepEqual([spool.open, spool.stored, spool.reserved], [2, 16, 16]);
  assert.equal(buffer.diskBytes, 16);
  assert.equal(await read(), "cdefghijklmn");
  assert.deepEqual([spool.open, spool.stored, spool.reserved], [1, 4, 4]);
  assert.equal(await read(), "opqr");
  assert.equal(await read(), "end");
  await assertFreed();
});

Deno.test("segments grow with what is on the disk, so that descriptors stay few", async () => {
  const { source, spool, clock, reader, assertFreed } = fixture({ segmentBytes: 16 });
  source.push(...Array.from({ length: 5_000 }, () => "0123")).end();
  await clock.pass(10_000);
  assert.equal(spool.stored, 20_000);
  // 20,000 bytes are 1,250 segments of 16, as 20 GiB are 1,280 of 16 MiB.
  assert.equal(spool.open, 46);
  await reader.cancel();
  await assertFreed();
});

Deno.test("once the disk is read empty, chunks come from memory again, and may be spilled again", async () => {
  const { source, spool, clock, spills, buffer, read, readAll, assertFreed } =
    await spilledFixture();
  assert.equal(await read(), "0123456789ab");
  await settle();
  assert.deepEqual([spool.open, spool.reserved], [0, 0]);
  const calls = spool.calls.length;
  source.push("A");
  assert.equal(await read(), "A");
  source.push("BBBB", "CCCC");
  assert.equal(await read(), "BBBB");
  assert.equal(await read(), "CCCC");
  assert.equal(spool.calls.length, calls);

  source.push("DDDD", "EEEE", "FFFF", "GGGG").end();
  await clock.pass(10_000);
  assert.equal(buffer.diskBytes, 16);
  assert.equal(spills.length, 1);
  assert.equal(await readAll(), "DDDDEEEEFFFFGGGG");
  await assertFreed();
});

Deno.test("while the disk is not read empty, whatever comes goes to it at once", async () => {
  const { source, spool, buffer, readAll, assertFreed } = await spilledFixture();
  source.push("A");
  await settle();
  assert.deepEqual([buffer.diskBytes, spool.stored], [13, 13]);
  // Four bytes were reserved, then eight more, then another eight; what is not needed comes back.
  assert.equal(spool.reserved, 16);
  source.end();
  await settle();
  assert.equal(spool.reserved, 13);
  assert.equal(await readAll(), "0123456789abA");
  await assertFreed();
});

Deno.test("a reader that stops again with a full memory is spilled again, ten seconds later", async () => {
  const { source, spool, clock, buffer, read, readAll, assertFreed } = fixture({ spillRate: 1 });
  spool.quota = 8;
  source.push("0123", "4567", "89ab", "cdef", "ghij", "klmn", "opqr");
  await clock.pass(60_000);
  assert.deepEqual([buffer.diskBytes, source.given], [8, 20]);
  assert.equal(await read(), "01234567");
  await settle();
  assert.deepEqual([buffer.diskBytes, source.given], [0, 20]);
  await clock.pass(9_999);
  assert.equal(buffer.diskBytes, 0);
  await clock.pass(1);
  assert.deepEqual([buffer.diskBytes, source.given], [8, 28]);
  source.end();
  assert.equal(await readAll(), "89abcdefghijklmnopqr");
  await assertFreed();
});

Deno.test("a source may end while the last bytes are on their way from the disk", async () => {
  for (let turns = 0; turns < 40; turns++) {
    const { source, spool, readAll, read, assertFreed } = await spilledFixture();
    const open = gate(spool, "read");
    const reading = read();
    await settle();
    open();
    for (let turn = 0; turn < turns; turn++) await null;
    source.end();
    assert.equal(await reading, "0123456789ab", `${turns} turns`);
    assert.equal(await readAll(), "");
    await assertFreed();
  }
});

Deno.test("a reader that waits while its bytes are being written gets them as soon as they are", async () => {
  const { source, spool, clock, read, reader, assertFreed } = fixture();
  const open = gate(spool, "write");
  source.push("0123", "4567", "89ab");
  await clock.pass(10_000);
  const reading = read();
  await clock.pass(500_000);
  open();
  assert.equal(await reading, "0123");
  assert.equal(await read(), "4567");
  await reader.cancel();
  await assertFreed();
});

Deno.test("a refused reservation means backpressure, and another try after 1, 2, 4 … 30 seconds", async () => {
  const { source, spool, clock, refusals, buffer, readAll, assertFreed } = fixture({
    stallTimeout: 1_000_000,
  });
  spool.quota = 7;
  const tries: number[] = [];
  spool.fault = (call) => (call === "reserve" && tries.push(clock.now() - 11_000), undefined);
  source.push("0123", "4567", "89ab", "cdef");
  await clock.pass(110_000);
  assert.deepEqual(tries, [0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000]);
  assert.deepEqual(refusals, Array(8).fill("quota"));
  assert.deepEqual([source.given, buffer.spilled, buffer.diskBytes], [12, false, 0]);
  assert.equal(clock.timers, 1);
  spool.quota = Infinity;
  await clock.pass(21_000);
  assert.deepEqual([source.given, buffer.spilled, buffer.diskBytes], [16, true, 16]);
  // It is well again, and so the first wait is a short one again.
  tries.length = 0;
  spool.quota = 16;
  spool.fault = (call) => (call === "grow" && tries.push(clock.now()), undefined);
  source.push("ghij", "klmn", "opqr");
  const refusedAt = clock.now();
  await clock.pass(2_999);
  assert.deepEqual(tries, [refusedAt, refusedAt + 1_000]);
  source.end();
  assert.equal(await readAll(), "0123456789abcdefghijklmnopqr");
  await assertFreed();
});

Deno.test("where the quota ends midway the source waits, and goes on when a segment is freed", async () => {
  const { source, spool, clock, refusals, buffer, read, readAll, assertFreed } = fixture();
  spool.quota = 24;
  source.push("0123", "4567", "89ab", "cdef", "ghij", "klmn");
  source.push("opqr", "stuv", "wxyz", "ABCD", "EFGH").end();
  await clock.pass(10_000);
  assert.deepEqual(refusals, ["quota"]);
  // 24 on the disk, 12 in memory.
  assert.deepEqual([buffer.diskBytes, source.given], [24, 36]);
  assert.equal(await read(), "0123456789ab");
  await settle();
  // Eight more, which is a step: two steps would not fit.
  assert.deepEqual([buffer.diskBytes, source.given], [20, 44]);
  assert.equal(await readAll(), "cdefghijklmnopqrstuvwxyzABCDEFGH");
  await assertFreed();
});

Deno.test("a write that fails in the middle of a chunk neither loses nor doubles a byte", async () => {
  const { source, spool, clock, refusals, buffer, readAll, assertFreed } = fixture({
    segmentBytes: 1_000,
  });
  let writes = 0;
  spool.fault = (call) =>
    call === "write" && ++writes === 3 ? { error: new Error("full"), written: 3 } : undefined;
  source.push("0123", "4567", "89ab", "cdef", "ghij", "klmn", "opqr").end();
  await clock.pass(10_000);
  assert.deepEqual(refusals, ["full"]);
  // Two chunks are on the disk, part of the third is there to no purpose, and is paid for.
  assert.deepEqual([spool.stored, buffer.diskBytes, spool.reserved], [11, 12, 12]);
  assert.equal(source.given, 20);
  await clock.pass(1_000);
  assert.equal(source.given, 28);
  assert.equal(await readAll(), "0123456789abcdefghijklmnopqr");
  await assertFreed();
});

Deno.test("a first write that fails leaves nothing on the disk", async () => {
  const { source, spool, clock, buffer, spills, readAll, assertFreed } = fixture();
  spool.fault = (call) => call === "write" ? { error: new Error("full"), written: 2 } : undefined;
  source.push("0123", "4567", "89ab", "cdef").end();
  await clock.pass(50_000);
  assert.deepEqual([spool.open, spool.stored, spool.reserved], [0, 0, 0]);
  assert.deepEqual([buffer.spilled, spills], [false, []]);
  assert.equal(await readAll(), "0123456789abcdef");
  await assertFreed();
});

Deno.test("a segment that cannot be made means backpressure", async () => {
  const { source, spool, clock, refusals, readAll, assertFreed } = fixture();
  spool.fault = (call) => call === "create" ? { error: new Error("no file") } : undefined;
  source.push("0123", "4567", "89ab", "cdef").end();
  await clock.pass(10_000);
  assert.deepEqual(refusals, ["no file"]);
  assert.equal(spool.reserved, 0);
  assert.equal(await readAll(), "0123456789abcdef");
  await assertFreed();
});

Deno.test("an error of a read is the reader's error, and cancels the source", async () => {
  const { source, spool, reader, buffer, assertFreed } = await spilledFixture();
  const error = new Error("Input/output error");
  spool.fault = (call) => call === "read" ? { error } : undefined;
  await assert.rejects(reader.read(), error);
  assert.deepEqual(source.cancelled, { reason: error });
  await assertFreed();
  assert.equal(buffer.spilled, true);
});

Deno.test("a segment that ends before what was written to it is an error", async () => {
  const { spool, reader, assertFreed } = await spilledFixture();
  spool.truncated = true;
  await assert.rejects(reader.read(), /Cannot read 12 spilled bytes back/);
  await assertFreed();
});

Deno.test("an error of the source is the reader's at once, whatever still waits", async () => {
  const error = new Error("the database went away");
  const queued = fixture();
  queued.source.push("0123", "4567", "89ab");
  await settle();
  queued.source.break(error);
  await assert.rejects(queued.reader.closed, error);
  await assert.rejects(queued.reader.read(), error);
  await queued.assertFreed();

  const spilled = await spilledFixture();
  spilled.source.break(error);
  await assert.rejects(spilled.reader.read(), error);
  await spilled.assertFreed();

  const waiting = fixture();
  const reading = waiting.reader.read();
  await settle();
  waiting.source.break(error);
  await assert.rejects(reading, error);
  await waiting.assertFreed();
});

Deno.test("a reader that leaves cancels the source and frees everything", async () => {
  for (const make of [() => Promise.resolve(fixture()), spilledFixture]) {
    const { source, clock, reader, assertFreed } = await make();
    source.push("A", "B");
    await clock.pass(0);
    await reader.cancel("gone");
    assert.deepEqual(source.cancelled, { reason: "gone" });
    await assertFreed();
  }
});

Deno.test("a cancel of the source that fails is the caller's to know", async () => {
  const clock = new FakeClock();
  const source = new ReadableStream<Chunk>({
    cancel: () => Promise.reject(new Error("will not stop")),
  });
  const buffer = new SpillBuffer(source, { clock });
  await assert.rejects(buffer.readable.cancel(), /will not stop/);
  await buffer.released;
});

for (const held of ["reserve", "grow", "create", "write", "read"] as const) {
  Deno.test(`a reader that leaves during a pending ${held} frees everything when it returns`, async () => {
    const { source, spool, clock, reader, buffer, assertFreed } = fixture();
    const open = gate(spool, held);
    source.push("0123", "4567", "89ab", "cdef", "ghij");
    await clock.pass(10_000);
    if (held === "read") void reader.read();
    await settle();
    assert.equal(spool.calls.at(-1), held);
    let left = false;
    const cancelled = reader.cancel("gone").then(() => left = true);
    await settle();
    // The source need not wait for the disk.
    assert.deepEqual(source.cancelled, { reason: "gone" });
    await buffer.sourceEnded;
    assert.equal(clock.timers, 0);
    // The disk has not answered yet: what it may still write is paid for.
    let released = false;
    void buffer.released.then(() => released = true);
    await settle();
    assert.deepEqual([left, released], [false, false]);
    open();
    await cancelled;
    assert.equal(spool.calls.at(-1), held);
    await assertFreed();
  });

  Deno.test(`a source that breaks during a pending ${held} frees everything when it returns`, async () => {
    const { source, spool, clock, reader, assertFreed } = fixture();
    const open = gate(spool, held);
    source.push("0123", "4567", "89ab", "cdef", "ghij");
    await clock.pass(10_000);
    const error = new Error("broken");
    const reading = held === "read" ? reader.read() : reader.closed;
    await settle();
    source.break(error);
    await assert.rejects(reading, error);
    open();
    await assertFreed();
  });
}

Deno.test("a reader that takes nothing for two minutes is given up", async () => {
  for (const spool of [undefined, new FakeSpool()]) {
    const { source, clock, stalls, reader, read, assertFreed } = fixture({ spool });
    source.push("0123", "4567", "89ab", "cdef");
    await clock.pass(1_000);
    assert.equal(await read(), "0123");
    await clock.pass(119_999);
    assert.deepEqual(stalls, []);
    await clock.pass(1);
    assert.deepEqual(stalls, ["The reader took nothing for 120000 ms"]);
    await assert.rejects(reader.read(), new StallError("The reader took nothing for 120000 ms"));
    assert.ok(source.cancelled?.reason instanceof StallError);
    await assertFreed();
    assert.equal(spool?.open ?? 0, 0);
    assert.equal(spool?.reserved ?? 0, 0);
  }
});

Deno.test("a reader is given up too when the source has long ended", async () => {
  const { source, clock, stalls, read, assertFreed } = fixture();
  source.push("0123", "4567", "89ab", "cdef", "ghij").end();
  await clock.pass(100_000);
  assert.equal(await read(), "0123456789ab");
  await clock.pass(119_999);
  assert.deepEqual(stalls, []);
  await clock.pass(1);
  assert.deepEqual(stalls, ["The reader took nothing for 120000 ms"]);
  await assertFreed();
});

Deno.test("a reader with nothing to take is not given up", async () => {
  const { source, clock, stalls, read, assertFreed } = fixture();
  const first = read();
  await clock.pass(500_000);
  source.push("a");
  assert.equal(await first, "a");
  // It does not even ask: there is nothing to ask for.
  await clock.pass(500_000);
  source.push("b");
  await clock.pass(119_999);
  assert.equal(await read(), "b");
  const last = read();
  await clock.pass(500_000);
  source.end();
  assert.equal(await last, "end");
  assert.deepEqual(stalls, []);
  await assertFreed();
});

Deno.test("a disk that is slow to read is not its reader's fault", async () => {
  const { source, spool, clock, stalls, read, assertFreed } = await spilledFixture();
  source.push("cdef");
  await settle();
  const open = gate(spool, "read");
  const reading = read();
  await clock.pass(500_000);
  assert.deepEqual(stalls, []);
  open();
  assert.equal(await reading, "0123456789ab");
  // To leave the rest is.
  await clock.pass(119_999);
  assert.deepEqual(stalls, []);
  await clock.pass(1);
  assert.equal(stalls.length, 1);
  await assertFreed();
});

Deno.test("a reader that reads costs no timer a chunk", async () => {
  const { source, clock, read, reader } = fixture();
  source.push(...Array.from({ length: 10_000 }, () => "abcd"));
  for (let chunk = 0; chunk < 5_000; chunk++) {
    await read();
    if (chunk % 50 === 0) await clock.pass(10);
  }
  assert.ok(clock.set <= 3, `${clock.set} timers`);
  await reader.cancel();
});

Deno.test("the system's clock is used, and no timer of it is left", async () => {
  const spool = new FakeSpool();
  const source = new Source().push("0123", "4567", "89ab", "cdef").end();
  const buffer = new SpillBuffer(source.stream, { spool, memoryBytes: 10, spillAfter: 20 });
  await buffer.sourceEnded;
  assert.equal(buffer.spilled, true);
  assert.equal(await new Response(buffer.readable).text(), "0123456789abcdef");

  const stalled = new SpillBuffer(new Source().push("0123").stream, { stallTimeout: 20 });
  await assert.rejects(stalled.readable.getReader().closed, StallError);
});

/** Something that happens to a buffer. */
type Step =
  | { readonly push: number }
  | { readonly read: number }
  | { readonly pass: number }
  | { readonly quota: number }
  | { readonly fail: SpoolCall; readonly written: number; readonly times: number }
  | { readonly disk: "hangs" | "answers" }
  | { readonly contended: boolean }
  | { readonly spillAll: true };

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ push: fc.integer({ min: 1, max: 40 }) }), weight: 6 },
  { arbitrary: fc.record({ read: fc.integer({ min: 1, max: 4 }) }), weight: 3 },
  { arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 20_000 }) }), weight: 3 },
  { arbitrary: fc.record({ quota: fc.integer({ min: 0, max: 300 }) }), weight: 1 },
  {
    arbitrary: fc.record({
      fail: fc.constantFrom("reserve", "grow", "create", "write"),
      written: fc.integer({ min: 0, max: 50 }),
      times: fc.integer({ min: 1, max: 3 }),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ disk: fc.constantFrom("hangs", "answers") }), weight: 1 },
  { arbitrary: fc.record({ contended: fc.boolean() }), weight: 1 },
  { arbitrary: fc.record({ spillAll: fc.constant(true as const) }), weight: 1 },
);

const scenario = fc.record({
  steps: fc.array(step, { minLength: 10, maxLength: 60 }),
  memoryBytes: fc.integer({ min: 1, max: 60 }),
  segmentBytes: fc.integer({ min: 1, max: 100 }),
  reserveBytes: fc.integer({ min: 1, max: 60 }),
  spillRate: fc.constantFrom(0, 1, 1_000),
  microtasks: fc.integer({ min: 0, max: 5 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

/** The byte at a place of the file. */
function byteAt(offset: number): number {
  return (offset * 31 + (offset >> 8)) & 255;
}

/** Lives through a scenario; what the reader got is checked as it comes. */
async function live({ steps, microtasks, ...options }: Scenario, stallTimeout: number) {
  let contended = false;
  const all = fixture({ ...options, stallTimeout, contended: () => contended });
  const { source, spool, clock, reader, buffer } = all;
  let pushed = 0;
  let taken = 0;
  let waiting = false;
  let over: "end" | Error | undefined;
  let hung = Promise.withResolvers<void>();
  hung.resolve();
  spool.delay = async () => {
    for (let turn = 0; turn < microtasks; turn++) await null;
    await hung.promise;
  };
  /** Reads, unless a read waits or all is over. */
  const read = () => {
    if (waiting || over) return;
    waiting = true;
    void reader.read().then(({ done, value }) => {
      waiting = false;
      if (done) return over = "end";
      for (const byte of value) assert.equal(byte, byteAt(taken++), `byte ${taken}`);
    }).catch((error) => over = error);
  };
  for (const step of steps) {
    if ("push" in step) {
      source.push(Uint8Array.from({ length: step.push }, () => byteAt(pushed++)));
    } else if ("read" in step) {
      for (let time = 0; time < step.read; time++) {
        read();
        await settle();
      }
    } else if ("pass" in step) {
      await clock.pass(step.pass);
    } else if ("quota" in step) {
      spool.quota = step.quota;
    } else if ("fail" in step) {
      let { times } = step;
      spool.fault = (call) =>
        call === step.fail && times-- > 0
          ? { error: new Error(call), written: Math.min(step.written, 40) }
          : undefined;
    } else if ("contended" in step) {
      ({ contended } = step);
      buffer.look();
    } else if ("spillAll" in step) {
      buffer.spillAll();
    } else if (step.disk === "answers") {
      hung.resolve();
    } else {
      hung.resolve();
      hung = Promise.withResolvers();
    }
    await settle();
    assert.deepEqual(spool.misuse, []);
    assert.ok(clock.timers <= 1, `${clock.timers} timers`);
    // What was read of the source and is neither with the reader nor on the disk.
    const inMemory = source.given - taken - spool.waiting;
    assert.ok(over || inMemory < options.memoryBytes + 40, `${inMemory} bytes in memory`);
  }
  return {
    ...all,
    /** Ends the source, and reads until the end. */
    async readAll() {
      source.end();
      for (let reads = 0; !over && reads < 10_000; reads++) {
        read();
        await settle();
      }
    },
    pushed: () => pushed,
    taken: () => taken,
    over: () => over,
    /** The disk is well again. */
    heal() {
      hung.resolve();
      spool.quota = Infinity;
      spool.fault = () => undefined;
    },
  };
}

Deno.test("every byte arrives once and in order, whatever happens", async () => {
  let spilled = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async (scenario) => {
      const life = await live(scenario, Infinity);
      life.heal();
      await life.readAll();
      assert.equal(life.over(), "end");
      assert.equal(life.taken(), life.pushed());
      await life.assertFreed();
      if (life.buffer.spilled) spilled++;
      if (life.refusals.length > 0) refused++;
    }),
    { numRuns: 1_000 },
  );
  // It is of no use unless the disk takes part.
  assert.ok(spilled > 300 && refused > 100, `${spilled} spilled, ${refused} refused`);
});

Deno.test("everything is freed, whoever leaves and whenever", async () => {
  const ends = { cancel: 0, break: 0, stall: 0 };
  const end = fc.constantFrom("cancel", "break", "stall");
  await fc.assert(
    fc.asyncProperty(scenario, end, async (scenario, end) => {
      const life = await live(scenario, end === "stall" ? 25_000 : Infinity);
      const { source, reader, clock } = life;
      const error = new Error("broken");
      if (end === "cancel") void reader.cancel();
      if (end === "break") source.break(error);
      if (end === "stall") await clock.pass(60_000);
      await settle();
      life.heal();
      await settle();
      if (end === "break") await assert.rejects(reader.closed, error);
      // Without anything to read it is not stalled, but waits for the source.
      if (end === "stall" && !life.over()) await life.readAll();
      await life.assertFreed();
      if (life.buffer.spilled) ends[end]++;
    }),
    { numRuns: 1_000 },
  );
  for (const [end, spilled] of Object.entries(ends)) assert.ok(spilled > 50, `${end}: ${spilled}`);
});
