/** A client's socket as a stream of Node's: `node:http` reads requests from it and writes answers to it. */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { plainAddress } from "./addresses.ts";
import type { ClientStream } from "./client_stream.ts";

/** Bytes of a read: the head of a request is smaller, and each connection that waits holds as many. */
const MIN_READ_BYTES = 2 * 1024;

/** What a read grows to while a body comes. */
const MAX_READ_BYTES = 64 * 1024;

/** Parts of less than this are sent as one: a head with a short body, a chunk's frame with its neighbour. */
const JOIN_BYTES = 128 * 1024;

/**
 * Milliseconds that a client has to end its side after ours: closing a socket that has bytes unread resets
 * the connection, and the client may lose the end of an answer that it has not read (RFC 9112, 9.6).
 */
const CLOSE_TIMEOUT_MS = 2000;

/**
 * The socket of one client.
 *
 * Not a `net.Socket`: the listener of `node:net` stops for good, without an event, once `accept` fails
 * (Deno 2.9.6), so the sockets come from `Deno.listen`. When it was last used is known here, for timeouts.
 */
export class TcpStream extends Duplex implements ClientStream {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly open = true;
  unclaimedSince: number | undefined;
  sentAt: number = performance.now();
  writingSince: number | undefined;

  readonly #connection: Deno.TcpConn;
  #buffer = new Uint8Array(MIN_READ_BYTES);
  #reading = false;
  #ending = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Deno.TcpConn) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.remoteAddress = plainAddress(connection.remoteAddr.hostname);
    this.localAddress = plainAddress(connection.localAddr.hostname);
    try {
      connection.setNoDelay(true);
      connection.setKeepAlive(true);
    } catch {
      // The client has left already, which the first read tells.
    }
  }

  get flushed(): boolean {
    return this.#closeTimer !== undefined;
  }

  destroySoon(): void {
    if (this.#ending || this.destroyed) return;
    this.#ending = true;
    this.end();
    this.#onceFinished(() => {
      if (this.readableEnded) this.destroy();
      else if (!this.destroyed) {
        this.#closeTimer = setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS);
        this.emit("flushed");
      }
    });
    if (!this.#reading && !this.readableEnded) void this.#fill();
  }

  override _read(): void {
    if (!this.#reading) void this.#fill();
  }

  /**
   * Sends bytes past the queue, in which there must be none: half of what a piece of a file costs in time is
   * the queue.
   */
  async send(parts: readonly Uint8Array[]): Promise<void> {
    await this.#send(parts).catch(() => this.destroy());
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#send([chunk]).then(() => done(), done);
  }

  /** Sends what was gathered meanwhile. */
  override _writev(
    parts: readonly { readonly chunk: Uint8Array }[],
    done: (error?: Error) => void,
  ): void {
    this.#send(joinSmall(parts.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#connection.closeWrite().then(() => done(), () => done());
  }

  /** Closes the socket: a read and a write that are pending end with it. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#closeTimer);
    this.#connection.close();
    done(error);
  }

  async #fill(): Promise<void> {
    this.#reading = true;
    let count: number | null;
    try {
      do count = await this.#connection.read(this.#buffer); while (count !== null && this.#ending);
    } catch {
      // The client has reset the connection, or it was closed here.
      return void this.destroy();
    }
    this.#reading = false;
    if (count !== null) this.#take(count);
    else if (this.#ending) this.#onceFinished(() => this.destroy());
    else this.push(null);
  }

  #take(count: number): void {
    this.unclaimedSince ??= performance.now();
    const buffer = this.#buffer;
    if (count < buffer.length) return void this.push(Buffer.from(buffer.subarray(0, count)));
    this.#buffer = new Uint8Array(Math.min(2 * buffer.length, MAX_READ_BYTES));
    this.push(Buffer.from(buffer.buffer));
  }

  async #send(parts: readonly Uint8Array[]): Promise<void> {
    for (const bytes of parts) {
      for (let at = 0; at < bytes.length;) {
        this.writingSince = performance.now();
        at += await this.#connection.write(bytes.subarray(at));
        this.sentAt = performance.now();
      }
    }
    this.writingSince = undefined;
  }

  #onceFinished(act: () => void): void {
    if (this.writableFinished) act();
    else this.once("finish", act);
  }
}

/** The same bytes in fewer parts; what is large is not copied. */
function joinSmall(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    if (small.length > 0) joined.push(small.length === 1 ? small[0]! : Buffer.concat(small));
    small = [];
    bytes = 0;
  };
  for (const part of parts) {
    if (bytes + part.length > JOIN_BYTES) flush();
    if (part.length > JOIN_BYTES) joined.push(part);
    else {
      small.push(part);
      bytes += part.length;
    }
  }
  flush();
  return joined;
}
