/** TLS on a client's socket: what is read of it is deciphered, and what is written is enciphered. */

import { Buffer } from "node:buffer";
import { type SecureContext, TLSSocket } from "node:tls";
import type { ClientStream } from "./client_stream.ts";
import type { TcpStream } from "./tcp_stream.ts";

/** What this server speaks inside of TLS (RFC 7301). */
const PROTOCOLS = ["http/1.1"];

type Written = string | Uint8Array;

type Done = (error?: Error | null) => void;

/** What a stream calls the encoding of what is no text. */
const BYTES = "buffer" as BufferEncoding;

/** TLS takes every text for UTF-8, also one of Latin-1, as the heads of answers are (Deno 2.9.6). */
function toBytes(chunk: Written, encoding: BufferEncoding): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
}

/**
 * The socket of one client that speaks TLS.
 *
 * Not a connection of `Deno.listenTls`, whose certificate cannot be another one while it listens. When the
 * socket was last used is known below, where bytes are those of TLS: a handshake that does not get on is the head
 * of a request that does not.
 */
export class TlsStream extends TLSSocket implements ClientStream {
  override readonly remoteAddress: string;
  override readonly localAddress: string;
  readonly #tcp: TcpStream;
  #open = false;

  /** Begins the handshake. */
  constructor(tcp: TcpStream, secureContext: SecureContext) {
    super(tcp, { isServer: true, secureContext, ALPNProtocols: PROTOCOLS });
    this.#tcp = tcp;
    this.remoteAddress = tcp.remoteAddress;
    this.localAddress = tcp.localAddress;
    this.once("secure", () => this.#open = true);
    tcp.once("flushed", () => this.emit("flushed"));
    // It would learn of that in a turn of the event loop, and say until then that all is written (Deno 2.9.6).
    tcp.once("close", () => this.destroy());
  }

  /** Whether the handshake is over. */
  get open(): boolean {
    return this.#open;
  }

  get unclaimedSince(): number | undefined {
    return this.#tcp.unclaimedSince;
  }

  set unclaimedSince(since: number | undefined) {
    this.#tcp.unclaimedSince = since;
  }

  get sentAt(): number {
    return this.#tcp.sentAt;
  }

  get writingSince(): number | undefined {
    return this.#tcp.writingSince;
  }

  get flushed(): boolean {
    return this.#tcp.flushed;
  }

  override destroySoon(): void {
    this.end(() => this.#tcp.destroySoon());
  }

  override _write(chunk: Written, encoding: BufferEncoding, done: Done): void {
    super._write(toBytes(chunk, encoding), BYTES, done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Written; readonly encoding: BufferEncoding }[],
    done: Done,
  ): void {
    const written = chunks.map(({ chunk, encoding }) => ({
      chunk: toBytes(chunk, encoding),
      encoding: BYTES,
    }));
    super._writev!(written, done);
  }

  /** Reads no more below than is asked for above: TLS would keep all that comes (Deno 2.9.6). */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const more = super.push(chunk, encoding);
    if (!more) this.#tcp.pause();
    return more;
  }

  override _read(size: number): void {
    this.#tcp.resume();
    super._read(size);
  }

  async send(parts: readonly Uint8Array[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.once("close", resolve);
    this.cork();
    parts.forEach((part, index) =>
      this.write(part, (error) => {
        if (error) this.destroy();
        if (error || index === parts.length - 1) resolve();
      })
    );
    this.uncork();
    await promise;
    this.off("close", resolve);
  }
}
