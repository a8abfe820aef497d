/** A thread that inflates, from the side of the one that it helps. */

/** What the thread runs. */
export const INFLATE_THREAD = new URL(import.meta.resolve("./inflate_thread.ts"));

/** Bytes that were inflated. */
export interface InflatedPiece {
  /** They stay the reader's. */
  readonly bytes: Uint8Array;
  /** The checksum (CRC-32) of all bytes of the entry up to their end. */
  readonly crc: number;
}

/** What the thread is told. */
export type InflateCommand =
  /** The most bytes of a piece, and how many it may give; first, and once. */
  | { readonly pieceBytes: number; readonly credit: number }
  /** So many pieces more it may give. */
  | { readonly credit: number }
  /** What is to be inflated next. */
  | { readonly input: Uint8Array<ArrayBuffer> }
  /** There is no more of it. */
  | { readonly end: true };

/** What it answers. */
export type InflateAnswer =
  /** It can be told something. */
  | "ready"
  /** More input is welcome. */
  | "input"
  | InflatedPiece
  /** Everything was inflated. */
  | "end"
  /** It cannot be inflated. */
  | { readonly error: string };

/** A thread that could not start, or broke. */
export class ThreadError extends Error {
  override readonly name = "ThreadError";
}

/** Pieces that the thread may be ahead. */
const MAX_AHEAD = 4;

/**
 * Inflates in a thread of its own, ahead of its reader by some pieces.
 *
 * @param thread what the thread runs, for tests
 * @throws {ThreadError} where the thread is at fault
 * @throws {Error} where the input cannot be read or inflated
 */
export async function* inflateInThread(
  input: Iterator<Uint8Array<ArrayBuffer>, void>,
  pieceBytes: number,
  thread = INFLATE_THREAD,
): AsyncGenerator<InflatedPiece> {
  const worker = startThread(thread);
  const tell = (command: InflateCommand, transfer: Transferable[] = []) =>
    worker.postMessage(command, transfer);
  const given: (InflatedPiece | Error | "end")[] = [];
  let wake = () => {};
  const give = (one: InflatedPiece | Error | "end") => {
    given.push(one);
    wake();
  };
  const tellInput = () => {
    const { done, value } = input.next();
    if (done) tell({ end: true });
    else tell({ input: value }, [value.buffer]);
  };
  worker.onmessage = ({ data }: MessageEvent<InflateAnswer>) => {
    try {
      if (data === "ready") tell({ pieceBytes, credit: MAX_AHEAD });
      else if (data === "input") tellInput();
      else if (data === "end" || "bytes" in data) give(data);
      else give(new Error(data.error));
    } catch (error) {
      // The input cannot be read.
      give(error as Error);
    }
  };
  worker.onerror = (event) => {
    // Otherwise it would end the process.
    event.preventDefault();
    give(new ThreadError(`The thread that inflates broke: ${event.message}`));
  };
  try {
    while (true) {
      const next = given.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => wake = resolve);
        continue;
      }
      if (next === "end") return;
      if (next instanceof Error) throw next;
      yield next;
      tell({ credit: 1 });
    }
  } finally {
    worker.terminate();
  }
}

function startThread(thread: URL): Worker {
  try {
    return new Worker(thread, { type: "module" });
  } catch (cause) {
    // The system has no more threads, or no memory for one.
    throw new ThreadError("The thread that inflates cannot start", { cause });
  }
}
