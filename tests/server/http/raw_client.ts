/** A client on a bare socket: it sends what it is told to, and reads answers byte by byte. */

import { Buffer } from "node:buffer";
import { connect } from "node:net";
import type { HttpServer } from "../../../server/http/mod.ts";

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  /** Header lines by name, in lower case; several of one name joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body, its chunks joined. */
  readonly body: string;
}

/** A socket. */
export class RawClient implements Disposable {
  readonly #socket: Deno.Conn;
  readonly #buffer = new Uint8Array(64 * 1024);
  #text = "";

  private constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  /** Connects to a server on this machine; over TLS where the certificate of an authority is given. */
  static async connect({ addr }: Pick<HttpServer, "addr">, ca?: string): Promise<RawClient> {
    const address = { hostname: "127.0.0.1", port: addr.port };
    return new RawClient(
      ca === undefined
        ? await Deno.connect(address)
        : await Deno.connectTls({ ...address, caCerts: [ca] }),
    );
  }

  /** Sends bytes, or text of Latin-1. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  /** Sends a request without a body. */
  get(path: string, ...headers: readonly string[]): Promise<void> {
    return this.send([`GET ${path} HTTP/1.1`, "Host: 127.0.0.1", ...headers, "", ""].join("\r\n"));
  }

  /** Ends its own side. */
  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  /** Reads the next answer, and no more than is needed for it. */
  async answer(): Promise<RawAnswer> {
    const head = await this.#until("\r\n\r\n");
    const [start = "", ...lines] = head.split("\r\n");
    const headers = new Map<string, string>();
    for (const line of lines.filter(Boolean)) {
      const [, name = "", value = ""] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
      const before = headers.get(name.toLowerCase());
      headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
    }
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1]);
    const body = headers.has("transfer-encoding")
      ? await this.#chunks()
      : await this.#bytes(Number(headers.get("content-length") ?? 0));
    return { status, headers, body };
  }

  /** Reads what comes until the other side ends or resets the connection. */
  async rest(): Promise<string> {
    while (await this.#more());
    return this.#take(this.#text.length);
  }

  /** Reads at least so many bytes and forgets them; fewer where the other side ends. */
  async skip(count: number): Promise<number> {
    let total = this.#take(this.#text.length).length;
    while (total < count) {
      const read = await this.#socket.read(this.#buffer).catch(() => null);
      if (read === null) break;
      total += read;
    }
    return total;
  }

  [Symbol.dispose](): void {
    try {
      this.#socket.close();
    } catch {
      // It was closed by the test.
    }
  }

  async #chunks(): Promise<string> {
    let body = "";
    for (;;) {
      const size = parseInt(await this.#until("\r\n"), 16);
      body += await this.#bytes(size);
      await this.#until("\r\n");
      if (size === 0) return body;
    }
  }

  async #until(mark: string): Promise<string> {
    while (!this.#text.includes(mark)) {
      if (!await this.#more()) throw new Error(`The connection ended after ${this.#text}`);
    }
    return this.#take(this.#text.indexOf(mark) + mark.length).slice(0, -mark.length);
  }

  async #bytes(count: number): Promise<string> {
    while (this.#text.length < count) {
      if (!await this.#more()) throw new Error(`The connection ended after ${this.#text}`);
    }
    return this.#take(count);
  }

  #take(count: number): string {
    const taken = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const count = await this.#socket.read(this.#buffer).catch(() => null);
    if (count === null) return false;
    this.#text += new TextDecoder("latin1").decode(this.#buffer.subarray(0, count));
    return true;
  }
}

/** A connection from another address of this machine, `127.0.0.2` and so on. */
export interface OtherClient extends Disposable {
  /** All that came, once the other side has ended. */
  readonly rest: Promise<string>;
  /** Sends text. */
  send(text: string): void;
}

/** Connects from an address. */
export async function connectFrom(
  localAddress: string,
  { addr }: Pick<HttpServer, "addr">,
): Promise<OtherClient> {
  const socket = connect({ host: "127.0.0.1", port: addr.port, localAddress });
  socket.on("error", () => {});
  let text = "";
  socket.on("data", (chunk) => text += chunk);
  const rest = new Promise<string>((resolve) => socket.on("close", () => resolve(text)));
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    rest,
    send: (text) => void socket.write(text),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
