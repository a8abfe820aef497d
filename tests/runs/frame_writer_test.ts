import assert from "node:assert/strict";
import fc from "fast-check";
import { ChunkWriter, FrameWriter } from "../../runs/frame_writer.ts";
import { createFrameReader, FRAME } from "../../runs/protocol.ts";

const CHUNK_BYTES = 256 * 1024;

/** A pipe that takes what its reader lets it, in writes that the reader ends one by one. */
class Pipe {
  readonly taken: number[] = [];
  readonly sizes: number[] = [];
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

Deno.test("frames are written whole and in their order, one at a time", async () => {
  const pipe = new Pipe();
  const frames = new FrameWriter(pipe, unbroken);
  let written = 0;
  void frames.send(FRAME.progress, Uint8Array.of(1, 2)).then(() => written++);
  void frames.send(FRAME.end, new Uint8Array()).then(() => written++);
  await turn();
  assert.equal(pipe.writing, 1);
  assert.equal(written, 0);
  await pipe.release();
  assert.equal(written, 1);
  assert.deepEqual(pipe.taken, [0x50, 2, 0, 0, 0, 1, 2]);
  await pipe.drain();
  assert.equal(written, 2);
  assert.deepEqual(pipe.taken, [0x50, 2, 0, 0, 0, 1, 2, 0x45, 0, 0, 0, 0]);
  // The header does not cross alone.
  assert.deepEqual(pipe.sizes, [7, 5]);
});

Deno.test("what a write leaves over is written next", async () => {
  const pipe = new Pipe(3);
  const frames = new FrameWriter(pipe, unbroken);
  void frames.send(FRAME.failure, Uint8Array.of(7, 8, 9));
  await pipe.drain();
  assert.deepEqual(pipe.taken, [0x46, 3, 0, 0, 0, 7, 8, 9]);
  assert.deepEqual(pipe.sizes, [3, 3, 2]);
});

Deno.test("a chunk is filled while the one before is on its way, and no more", async () => {
  const pipe = new Pipe();
  const sent: number[] = [];
  const chunks = new ChunkWriter(new FrameWriter(pipe, unbroken), (bytes) => sent.push(bytes));
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
  assert.equal(pipe.taken.length, 3 * (5 + CHUNK_BYTES));
});

Deno.test("a flush sends what there is before the next bytes come, and nothing of nothing", async () => {
  const pipe = new Pipe();
  const chunks = new ChunkWriter(new FrameWriter(pipe, unbroken), () => {});
  await chunks.flush();
  await chunks.add(Uint8Array.of(5));
  await chunks.flush();
  assert.equal(pipe.writing, 1);
  await pipe.drain();
  assert.deepEqual(pipe.taken, [0x43, 1, 0, 0, 0, 5]);
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
        const output = {
          write(data: Uint8Array) {
            const bytes = data.slice(0, most);
            for (const { type, data } of read(bytes)) {
              assert.equal(type, FRAME.chunk);
              for (const byte of data) if (byte !== arrived++ % 251) wrong++;
            }
            return Promise.resolve(bytes.length);
          },
        };
        const chunks = new ChunkWriter(new FrameWriter(output, unbroken), () => {});
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
  };
  const frames = new FrameWriter(output, () => broken++);
  let written = 0;
  void frames.send(FRAME.progress, new Uint8Array(9)).then(() => written++);
  void frames.send(FRAME.end, new Uint8Array(9)).then(() => written++);
  await turn();
  assert.equal(broken, 1);
  assert.equal(writes, 2);
  assert.equal(written, 0);
});
