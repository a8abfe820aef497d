import assert from "node:assert/strict";
import fc from "fast-check";
import { ChunkWriter, FrameWriter } from "../../../runs/worker/frame_writer.ts";
import { createFrameReader, FRAME } from "../../../runs/protocol.ts";

const CHUNK_BYTES = 256 * 1024;

/** More than is written at once: such frames wait for their turn on the pipe. */
const LARGE_BYTES = 20_000;

const HEADER = 9;

/** A pipe that takes what its reader lets it, in writes that the reader ends one by one. */
class Pipe {
  readonly taken: number[] = [];
  readonly sizes: number[] = [];
  /** What was written at once, without waiting for the reader. */
  readonly atOnce: number[] = [];
  #waiting: (() => void)[] = [];
  readonly #most: number;

  /** `most` is what a write takes of its data. */
  constructor(most = Infinity) {
    this.#most = most;
  }

  /** How many writes are on their way. */
  get writing(): number {
    return this.#waiting.length;
  }

  async write(data: Uint8Array): Promise<number> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const bytes = data.subarray(0, this.#most);
    this.sizes.push(bytes.length);
    // Read only now, as the thread that writes does: a buffer that was used again meanwhile is seen.
    for (const byte of bytes) this.taken.push(byte);
    return bytes.length;
  }

  writeSync(data: Uint8Array): number {
    const bytes = data.subarray(0, this.#most);
    this.atOnce.push(bytes.length);
    this.taken.push(...bytes);
    return bytes.length;
  }

  /** Ends the write on its way. */
  async release(): Promise<void> {
    this.#waiting.shift()?.();
    await turn();
  }

  /** Ends all writes, those that follow included. */
  async drain(): Promise<void> {
    await turn();
    while (this.writing > 0) await this.release();
  }
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

const unbroken = () => assert.fail("nothing is broken");

Deno.test("small frames that are sent in one turn are written together, and at once", async () => {
  const pipe = new Pipe();
  const frames = new FrameWriter(pipe, unbroken);
  let written = 0;
  void frames.send(FRAME.progress, 7, Uint8Array.of(1, 2)).then(() => written++);
  void frames.send(FRAME.end, 8, new Uint8Array()).then(() => written++);
  assert.equal(written, 0);
  await turn();
  assert.equal(written, 2);
  assert.deepEqual(pipe.taken, [
    ...[0x50, 7, 0, 0, 0, 2, 0, 0, 0, 1, 2],
    ...[0x45, 8, 0, 0, 0, 0, 0, 0, 0],
  ]);
  assert.deepEqual(pipe.atOnce, [20]);
});

Deno.test("a short file's frames are one write, however many promises lie between them", async () => {
  const pipe = new Pipe();
  const frames = new FrameWriter(pipe, unbroken);
  // As in a worker, whose tasks go on with what was awaited.
  await turn();
  void frames.send(FRAME.opened, 1, Uint8Array.of(1));
  for (let step = 0; step < 100; step++) await undefined;
  void frames.send(FRAME.chunk, 1, Uint8Array.of(2));
  for (let step = 0; step < 100; step++) await undefined;
  void frames.send(FRAME.end, 1, Uint8Array.of(3));
  await turn();
  assert.deepEqual(pipe.atOnce, [3 * (HEADER + 1)]);
});

Deno.test("a large frame does not wait for the end of the turn", async () => {
  const pipe = new Pipe();
  const frames = new FrameWriter(pipe, unbroken);
  void frames.send(FRAME.chunk, 1, new Uint8Array(LARGE_BYTES));
  for (let step = 0; step < 10; step++) await undefined;
  assert.equal(pipe.writing, 1);
  await pipe.drain();
});

Deno.test("large frames are written whole and in their order, one at a time", async () => {
  const pipe = new Pipe();
  const frames = new FrameWriter(pipe, unbroken);
  const order: string[] = [];
  const large = (byte: number) => new Uint8Array(LARGE_BYTES).fill(byte);
  void frames.send(FRAME.chunk, 1, large(1)).then(() => order.push("first"));
  void frames.send(FRAME.end, 2, new Uint8Array()).then(() => order.push("small"));
  void frames.send(FRAME.chunk, 3, large(3)).then(() => order.push("second"));
  await turn();
  assert.equal(pipe.writing, 1);
  assert.deepEqual(order, []);
  await pipe.release();
  assert.deepEqual(order, ["first", "small"]);
  await pipe.drain();
  assert.deepEqual(order, ["first", "small", "second"]);
  // A header does not cross alone.
  assert.deepEqual(pipe.sizes, [HEADER + LARGE_BYTES, HEADER + LARGE_BYTES]);
  assert.deepEqual(pipe.atOnce, [HEADER]);
  assert.deepEqual(pipe.taken.slice(HEADER + LARGE_BYTES, 2 * HEADER + LARGE_BYTES), [
    ...[0x45, 2, 0, 0, 0, 0, 0, 0, 0],
  ]);
});

Deno.test("what a write leaves over is written next", async () => {
  const small = new Pipe(4);
  void new FrameWriter(small, unbroken).send(FRAME.failure, 1, Uint8Array.of(7, 8, 9));
  await turn();
  assert.deepEqual(small.taken, [0x46, 1, 0, 0, 0, 3, 0, 0, 0, 7, 8, 9]);
  assert.deepEqual(small.atOnce, [4, 4, 4]);

  const large = new Pipe(LARGE_BYTES);
  void new FrameWriter(large, unbroken).send(FRAME.chunk, 1, new Uint8Array(LARGE_BYTES).fill(5));
  await large.drain();
  assert.deepEqual(large.sizes, [LARGE_BYTES, HEADER]);
  assert.deepEqual(large.taken.slice(HEADER), Array(LARGE_BYTES).fill(5));
});

Deno.test("a chunk is filled while the one before is on its way, and no more", async () => {
  const pipe = new Pipe();
  const sent: number[] = [];
  const chunks = new ChunkWriter(new FrameWriter(pipe, unbroken), 1, (bytes) => sent.push(bytes));
  let added = 0;
  void (async () => {
    for (const byte of [1, 2, 3]) {
      await chunks.add(new Uint8Array(CHUNK_BYTES).fill(byte));
      added++;
    }
  })();
  await turn();
  // The first is being written, the second is full and waits: there is no third buffer.
  assert.equal(added, 1);
  assert.deepEqual(sent, [CHUNK_BYTES, CHUNK_BYTES]);
  await pipe.release();
  assert.equal(added, 2);
  await pipe.drain();
  assert.equal(added, 3);
  assert.equal(pipe.taken.length, 3 * (HEADER + CHUNK_BYTES));
});

Deno.test("a flush sends what there is before the next bytes come, and nothing of nothing", async () => {
  const pipe = new Pipe();
  const chunks = new ChunkWriter(new FrameWriter(pipe, unbroken), 1, () => {});
  await chunks.flush();
  await chunks.add(Uint8Array.of(5));
  await chunks.flush();
  await turn();
  assert.deepEqual(pipe.taken, [0x43, 1, 0, 0, 0, 1, 0, 0, 0, 5]);
});

Deno.test("the first bytes leave at once as a chunk of their own", async () => {
  const pipe = new Pipe();
  const sent: number[] = [];
  const chunks = new ChunkWriter(new FrameWriter(pipe, unbroken), 1, (bytes) => sent.push(bytes));
  const bytes = Uint8Array.of(5, 6);
  chunks.sendAlone(bytes);
  // Copied: the exporter may fill its buffer again.
  bytes.fill(0);
  await chunks.add(Uint8Array.of(7));
  await chunks.flush();
  await turn();
  assert.deepEqual(sent, [2, 1]);
  assert.deepEqual(pipe.taken, [
    ...[0x43, 1, 0, 0, 0, 2, 0, 0, 0, 5, 6],
    ...[0x43, 1, 0, 0, 0, 1, 0, 0, 0, 7],
  ]);
});

Deno.test("bytes arrive as they were added, however they were cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 * CHUNK_BYTES }), { maxLength: 6 }),
      fc.array(fc.boolean(), { maxLength: 6 }),
      fc.integer({ min: 1000, max: 3 * CHUNK_BYTES }),
      async (sizes, flushes, most) => {
        const read = createFrameReader();
        let arrived = 0;
        let wrong = 0;
        const writeSync = (data: Uint8Array) => {
          const bytes = data.slice(0, most);
          for (const { type, data } of read(bytes)) {
            assert.equal(type, FRAME.chunk);
            for (const byte of data) if (byte !== arrived++ % 251) wrong++;
          }
          return bytes.length;
        };
        const output = {
          write: (data: Uint8Array) => Promise.resolve(writeSync(data)),
          writeSync,
        };
        const chunks = new ChunkWriter(new FrameWriter(output, unbroken), 1, () => {});
        let added = 0;
        for (const [index, size] of sizes.entries()) {
          await chunks.add(Uint8Array.from({ length: size }, () => added++ % 251));
          if (flushes[index]) await chunks.flush();
        }
        await chunks.flush();
        await turn();
        assert.equal(arrived, added);
        assert.equal(wrong, 0);
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("a pipe that breaks is told once, and nothing follows half a frame", async () => {
  let writes = 0;
  let broken = 0;
  const output = {
    write(data: Uint8Array): Promise<number> {
      writes++;
      return writes === 1 ? Promise.resolve(data.length - 1) : Promise.reject(new Error("EPIPE"));
    },
    writeSync: () => assert.fail("nothing follows half a frame"),
  };
  const frames = new FrameWriter(output, () => broken++);
  let written = 0;
  void frames.send(FRAME.chunk, 1, new Uint8Array(LARGE_BYTES)).then(() => written++);
  void frames.send(FRAME.end, 1, new Uint8Array(9)).then(() => written++);
  await turn();
  assert.equal(broken, 1);
  assert.equal(writes, 2);
  void frames.send(FRAME.end, 2, new Uint8Array(9)).then(() => written++);
  await turn();
  assert.equal(broken, 1);
  assert.equal(written, 0);
});
