/** Sends a `Response` of the Web with `node:http`: whole, or the transport breaks. */

import type { ServerResponse } from "node:http";
import { createFramer } from "./chunk_frames.ts";
import type { ClientStream } from "./client_stream.ts";

/** How an answer is sent. */
export interface WebResponseOptions {
  /** Whether its head alone is asked for. */
  readonly headOnly: boolean;
  /** Whether the connection ends with it. */
  readonly last: boolean;
  /** What follows its body. @default nothing */
  readonly trailers?: Trailers | undefined;
  /**
   * Whether no one else holds the chunks of its body, so that their memory is freed as each is sent. The
   * collector, which counts objects and not what they hold, lets 20 MB of them come together (docs/design.md,
   * "What ten rows cost"). @default false
   */
  readonly ownsChunks?: boolean;
}

/** Fields that follow a body which is sent in chunks (RFC 9110, 6.5). */
export interface Trailers {
  /** Their names. */
  readonly names: readonly string[];
  /** Gives them once the body has ended. */
  readonly read: () => Promise<Readonly<Record<string, string>>>;
}

/** A body that broke off: its maker knows why. */
export class BrokenBody extends Error {
  override readonly name = "BrokenBody";
}

/** Statuses that never have a body (RFC 9110, 15.3.5, 15.4.5), so that no length is told either. */
const BODILESS_STATUSES: readonly number[] = [204, 304];

/**
 * Sends an answer as fast as the client takes it; resolves when all is handed to the socket, or the client
 * has left, which cancels the body. One that is there in one piece is sent with its length.
 *
 * @throws {BrokenBody} and ends the connection behind what was sent: half a body never ends as if it were whole
 */
export async function sendWebResponse(
  response: Response,
  answer: ServerResponse,
  stream: ClientStream,
  { headOnly, last, trailers, ownsChunks = false }: WebResponseOptions,
): Promise<void> {
  const { status, headers, body } = response;
  const lines: string[] = [];
  // `for … of` takes eight times as long (Deno 2.9.6).
  headers.forEach((value, name) => lines.push(name, value));
  if (last) lines.push("connection", "close");
  // The length of no body is that of what a GET would get (RFC 9110, 8.6), which the headers tell or not.
  const bodiless = headOnly || BODILESS_STATUSES.includes(status);
  if (bodiless || !body || answer.destroyed) {
    await body?.cancel();
    if (!bodiless && !headers.has("content-length")) lines.push("content-length", "0");
    answer.writeHead(status, lines).end();
    return;
  }
  const reader = body.getReader();
  const cancel = () => void reader.cancel(new Error("The client left")).catch(() => {});
  answer.once("close", cancel);
  try {
    const length = headers.get("content-length");
    const following = length === null ? trailers : undefined;
    if (following) lines.push("trailer", following.names.join(", "));
    await sendBody(
      reader,
      { answer, stream, trailers: following, ownsChunks },
      length === null ? undefined : Number(length),
      (length) => {
        if (length !== undefined) lines.push("content-length", `${length}`);
        answer.writeHead(status, lines);
      },
    );
  } catch (error) {
    // A connection that ended without a byte of its answer would be taken for an idle one, and asked again.
    stream.destroySoon();
    throw error;
  } finally {
    answer.off("close", cancel);
    if (!answer.writableEnded) cancel();
  }
}

/** Microtasks that a read takes where there is something: measured, 2 of a text and 3 of a stream. */
const SETTLING_MICROTASKS = 16;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function sendBody(
  reader: Reader,
  { answer, stream, trailers, ownsChunks }: {
    readonly answer: ServerResponse;
    readonly stream: ClientStream;
    readonly trailers: Trailers | undefined;
    readonly ownsChunks: boolean;
  },
  declared: number | undefined,
  writeHead: (length?: number) => void,
): Promise<void> {
  let closed = false;
  reader.closed.then(() => closed = true, () => {});
  const read = async () => {
    try {
      return await reader.read();
    } catch (cause) {
      throw new BrokenBody("The body broke off", { cause });
    }
  };
  const reading = read();
  // A body that has nothing yet does not keep its head waiting.
  const there = await isSettled(reading);
  // A stream that holds one chunk more and no others is closed by the read that takes it.
  let piece = there ? await reading : undefined;
  if (piece && closed && declared === undefined && !trailers) writeHead(piece.value?.length ?? 0);
  else writeHead();
  if (!piece) answer.flushHeaders();
  const frame = answer.chunkedEncoding ? createFramer() : (piece: Uint8Array) => [piece];
  let sent = 0;
  for (piece ??= await reading; !piece.done; piece = await read()) {
    const { value } = piece;
    if (value.length === 0) continue;
    sent += value.length;
    if (sent > (declared ?? sent)) throw new BrokenBody(`It is longer than ${declared} bytes`);
    if (closed && sent === (declared ?? sent) && !trailers) return void answer.end(value);
    if (sent === value.length) await write(answer, value);
    else await stream.send(frame(value));
    if (ownsChunks) free(value);
    if (stream.destroyed) return;
  }
  if (stream.destroyed) return;
  if (sent < (declared ?? sent)) {
    throw new BrokenBody(`It ended after ${sent} of ${declared} bytes`);
  }
  if (trailers) answer.addTrailers(await trailers.read());
  answer.end();
}

/** Frees the memory of a chunk that has a buffer to itself. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** Writes the first piece, and the head before it, through the queue; resolves when that is empty. */
async function write(answer: ServerResponse, piece: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  answer.once("close", resolve);
  answer.write(piece, () => resolve());
  await promise;
  answer.off("close", resolve);
}

/** Whether a promise is settled within a few microtasks: a turn of the event loop would be waiting. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => void (settled = true);
  promise.then(settle, settle);
  for (let turn = 0; turn < SETTLING_MICROTASKS && !settled; turn++) await undefined;
  return settled;
}
