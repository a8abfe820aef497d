/** Writes a worker's frames: a chunk is on its way to the server while the next one is filled. */

import { nextTick } from "node:process";
import { FRAME, FRAME_HEADER_BYTES, type FrameType, writeFrameHeader } from "../protocol.ts";

/** Bytes in a full chunk: large enough that the pipe and the socket do not notice the chunks. */
export const CHUNK_BYTES = 256 * 1024;

/**
 * Frames of up to this many bytes are written together, and at once where nothing is on its way: a
 * write to the pipe costs 2 µs, and 19 on a thread of its own. The pipe holds 64 KiB, so that the server,
 * which reads whatever comes, has hardly ever to be waited for.
 */
const SMALL_BYTES = 8 * 1024;

/** Where frames go: the worker's standard output. */
export interface Output {
  /** Writes some of the data, and says how much; on a thread of its own. */
  write(data: Uint8Array): Promise<number>;
  /** Writes some of the data at once, and says how much. */
  writeSync(data: Uint8Array): number;
}

/** A frame that waits to be written. */
interface Waiting {
  readonly frame: Uint8Array;
  readonly written: () => void;
}

/**
 * Writes frames one after the other, each in one piece.
 *
 * A large write runs on a thread of its own. The pipe holds 64 KiB, and a process that writes more waits for
 * the server to read it: written on the worker's only thread, the 93 MB of a file of 500,000 rows kept it
 * from its rows for 0.25 s of 1.4 s. Headers are not written alone: the event loop, which tells when a
 * write is done, has its turn once in many rows.
 */
export class FrameWriter {
  readonly #output: Output;
  readonly #onBroken: () => void;
  readonly #waiting: Waiting[] = [];
  #state: "idle" | "gathering" | "writing" | "broken" = "idle";

  /** `onBroken` is called when the server reads no more; nothing is written from then on. */
  constructor(output: Output, onBroken: () => void) {
    this.#output = output;
    this.#onBroken = onBroken;
  }

  /** Writes a frame of a task; resolves when it is written, and never rejects. */
  send(type: FrameType, task: number, payload: Uint8Array): Promise<void> {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
    frame.set(payload, FRAME_HEADER_BYTES);
    return this.sendFrame(type, task, frame);
  }

  /**
   * The same of a payload that has room for the header in front of it: a frame that must be left alone
   * until it is written.
   */
  sendFrame(type: FrameType, task: number, frame: Uint8Array): Promise<void> {
    writeFrameHeader(frame, type, task);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ frame, written: resolve });
    if (this.#state === "idle") {
      this.#state = "gathering";
      // What is sent in the same turn goes together: the only chunk of a short file, and its end.
      nextTick(() => this.#begin());
    }
    // What is on its way in a thread of its own begins at once: the next chunk is filled meanwhile.
    if (frame.length > SMALL_BYTES) queueMicrotask(() => this.#begin());
    return promise;
  }

  #begin(): void {
    if (this.#state === "gathering") void this.#write();
  }

  async #write(): Promise<void> {
    this.#state = "writing";
    try {
      while (this.#waiting.length > 0) {
        const frames = this.#take();
        const bytes = frames.length === 1 ? frames[0]!.frame : joined(frames);
        if (bytes.length <= SMALL_BYTES) {
          for (let at = 0; at < bytes.length;) at += this.#output.writeSync(bytes.subarray(at));
        } else {
          for (let at = 0; at < bytes.length;) at += await this.#output.write(bytes.subarray(at));
        }
        for (const { written } of frames) written();
      }
      this.#state = "idle";
    } catch {
      // What follows half a frame would be taken for the rest of it.
      this.#state = "broken";
      this.#onBroken();
    }
  }

  /** Takes the frames that are written together: small ones, or a large one alone. */
  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { frame } of this.#waiting) {
      if (count > 0 && bytes + frame.length > SMALL_BYTES) break;
      bytes += frame.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}

function joined(frames: readonly Waiting[]): Uint8Array {
  const bytes = new Uint8Array(frames.reduce((sum, { frame }) => sum + frame.length, 0));
  let at = 0;
  for (const { frame } of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}

/** Gathers the bytes of a file into full chunks, and sends those. */
export class ChunkWriter {
  readonly #frames: FrameWriter;
  readonly #task: number;
  readonly #onSend: (bytes: number) => void;
  /** Made with the second chunk: most files have one, which needs no room for more. */
  #frame: Uint8Array<ArrayBuffer> | undefined;
  #spare: Uint8Array<ArrayBuffer> | undefined;
  #bytes = 0;
  #sent: Promise<void> = Promise.resolve();
  #flushed = performance.now();

  /** Writes the file of a task; `onSend` is called for each chunk. */
  constructor(frames: FrameWriter, task: number, onSend: (bytes: number) => void) {
    this.#frames = frames;
    this.#task = task;
    this.#onSend = onSend;
  }

  /** Milliseconds since something was last sent, or would have been. */
  get silence(): number {
    return performance.now() - this.#flushed;
  }

  /** Sends bytes, which are copied, as a chunk of their own; nothing may have been added before. */
  sendAlone(bytes: Uint8Array): void {
    this.#flushed = performance.now();
    void this.#frames.send(FRAME.chunk, this.#task, bytes);
    this.#onSend(bytes.length);
  }

  /** Adds bytes, which are copied; sends what is full. */
  async add(bytes: Uint8Array): Promise<void> {
    this.#frame ??= new Uint8Array(FRAME_HEADER_BYTES + CHUNK_BYTES);
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(CHUNK_BYTES - this.#bytes, bytes.length - at);
      this.#frame.set(bytes.subarray(at, at + taken), FRAME_HEADER_BYTES + this.#bytes);
      this.#bytes += taken;
      at += taken;
      if (this.#bytes === CHUNK_BYTES) await this.flush();
    }
  }

  /** Sends what there is; resolves once the next chunk can be filled. */
  async flush(): Promise<void> {
    this.#flushed = performance.now();
    const bytes = this.#bytes;
    const frame = this.#frame;
    if (!frame || bytes === 0) return;
    const before = this.#sent;
    const used = frame.subarray(0, FRAME_HEADER_BYTES + bytes);
    this.#sent = this.#frames.sendFrame(FRAME.chunk, this.#task, used);
    this.#onSend(bytes);
    this.#bytes = 0;
    // The frame before is the only one that can still be on its way from the other buffer.
    await before;
    this.#frame = this.#spare ?? new Uint8Array(FRAME_HEADER_BYTES + CHUNK_BYTES);
    this.#spare = frame;
  }
}
