/** Writes log lines for a reader that may be slow, or gone: nothing ever waits for it. */

import { Buffer } from "node:buffer";
import { setTimeout } from "node:timers/promises";

/**
 * Bytes that may wait for the reader: some two thousand lines. A pipe holds 64 KiB more; a reader that reads
 * slower than lines come for longer than that misses some, and is sent how many.
 */
export const MAX_WAITING_BYTES = 1024 * 1024;

/** Milliseconds between two writes (docs/design.md, "What ten rows cost"); after a pause, a line is written at once. */
const PAUSE_MS = 10;

/** Where lines go. */
export interface LogSink {
  /** Writes some of the bytes, at least one; how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A writer of lines. */
export interface LogWriter {
  /** Lines that were dropped: there was no room for them, or they could not be written. */
  readonly dropped: number;
  /** Takes a line, without its end; it is written later, or dropped where others wait and there is no room. */
  write(line: string): void;
  /** Resolves when nothing waits any more, which may be never. */
  flush(): Promise<void>;
}

/**
 * Makes a writer of lines. What waits is written in one piece, so that a slow reader costs few calls.
 *
 * @param onDropped called with how many lines are missing, once others can be written again
 */
export function createLogWriter(
  sink: LogSink,
  onDropped: (lines: number) => void,
  maxWaitingBytes: number = MAX_WAITING_BYTES,
): LogWriter {
  const encoder = new TextEncoder();
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let unreported = 0;
  let writing: Promise<void> | undefined;

  function drop(lines: number): void {
    dropped += lines;
    unreported += lines;
  }

  async function writeWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const lines = waiting;
      const bytes = Buffer.concat(lines);
      waiting = [];
      const isWritten = await writeAll(bytes);
      waitingBytes -= bytes.length;
      if (!isWritten) drop(lines.length);
      // Where there is no reader any more there is none to tell; and that line must not be dropped itself.
      else if (unreported > 0 && waitingBytes <= maxWaitingBytes / 2) {
        const missing = unreported;
        unreported = 0;
        onDropped(missing);
      }
      await setTimeout(PAUSE_MS);
    }
    writing = undefined;
  }

  async function writeAll(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let done = 0; done < bytes.length;) done += await sink.write(bytes.subarray(done));
      return true;
    } catch {
      return false;
    }
  }

  return {
    get dropped() {
      return dropped;
    },
    write(line) {
      const bytes = encoder.encode(`${line}\n`);
      // One that nothing waits before is taken whatever its length: no later line would tell that it is missing.
      if (waitingBytes > 0 && waitingBytes + bytes.length > maxWaitingBytes) return drop(1);
      waiting.push(bytes);
      waitingBytes += bytes.length;
      writing ??= writeWaiting();
    },
    flush: () => writing ?? Promise.resolve(),
  };
}
