/** One request and its answer. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClientAddress } from "./client_address.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionLimits } from "./connection_limits.ts";
import { type Refusal, refusalResponse, REFUSALS } from "./refusals.ts";
import { RefusedRequestError, toWebRequest } from "./web_request.ts";
import { BrokenBody, sendWebResponse, type Trailers } from "./web_response.ts";

/** Who sent a request. */
export interface Client {
  /** Its address, as a trusted proxy tells it, or the connection's. */
  readonly remoteAddress: string;
  /** The address of ours that the connection was made to. */
  readonly localAddress: string;
  /** `1.1` or `1.0`. */
  readonly httpVersion: string;
  /** Has fields follow the body of the answer; absent where the client does not take them. */
  readonly sendTrailers?: (trailers: Trailers) => void;
  /** Gives away the memory of the chunks of the answer's body: see {@linkcode WebResponseOptions.ownsChunks}. */
  readonly giveChunks: () => void;
  /** Whether the connection is a trusted proxy's. */
  readonly viaProxy: boolean;
}

/** What answers requests. */
export type Handler = (request: Request, client: Client) => Response | Promise<Response>;

/** A request that no handler was asked for. */
export interface RefusedRequest extends Refusal {
  /** The client's address. */
  readonly client: string;
  /** The method, where it is known. */
  readonly method?: string;
  /** The path without its query string, where it is known; of a long one the begin. */
  readonly path?: string;
}

/** What exchanges are made with. */
export interface ExchangeContext {
  /** Scheme, name and port in the URLs of requests. */
  readonly origin: string;
  /** What answers. */
  readonly handler: Handler;
  /** Finds a client's address. */
  readonly clients: ClientAddress;
  /** Counts the requests of proxies' clients. */
  readonly limits: ConnectionLimits;
  /** Whether a path is answered also to a client that is above a limit. */
  readonly isEssential: (path: string) => boolean;
  /** Whether connections end with their next answer. */
  readonly draining: () => boolean;
  /** Headers of what is answered before the handler is asked, by the `Origin` of the request. */
  readonly refusalHeaders: (origin: string | null) => Readonly<Record<string, string>>;
  /** Called with what is answered before the handler is asked. */
  readonly onRefusal: (refused: RefusedRequest) => void;
  /** Called with an error that is neither the client's nor a body's, and of the method and the path. */
  readonly onError: (error: unknown, request: string) => void;
}

/** Characters of a path that are told: the log is no place for a client to fill. */
const MAX_LOGGED_PATH = 1024;

/** Answers a request; never rejects. */
export async function answerRequest(
  message: IncomingMessage,
  answer: ServerResponse,
  connection: Connection,
  context: ExchangeContext,
): Promise<void> {
  let left: DOMException | undefined;
  let leaving: AbortController | undefined;
  answer.once("close", () => {
    if (answer.writableFinished) return;
    left = new DOMException("The client left", "AbortError");
    leaving?.abort(left);
  });
  const signal = () => {
    leaving ??= new AbortController();
    if (left) leaving.abort(left);
    return leaving.signal;
  };
  // A write that comes too late is no news: "close" has said so.
  answer.on("error", () => {});
  const exchange = new Exchange(message, connection, context);
  try {
    const response = await exchange.respond(signal, answer);
    await sendWebResponse(response, answer, connection.stream, {
      headOnly: message.method === "HEAD",
      last: connection.excess !== undefined || context.draining() || !message.complete,
      trailers: exchange.trailers,
      ownsChunks: exchange.ownsChunks,
    });
  } catch (error) {
    // The maker of the body knows why, and its connection has ended.
    if (error instanceof BrokenBody) return;
    answer.destroy();
    context.onError(error, `${message.method} ${pathOf(message)}`);
  } finally {
    exchange.release?.();
  }
}

/** A request on its way to its answer. */
class Exchange {
  /** Counts the request no more. */
  release: (() => void) | undefined;
  /** What follows the body of the answer. */
  trailers: Trailers | undefined;
  /** Whether the chunks of its body are given away. */
  ownsChunks = false;

  readonly #message: IncomingMessage;
  readonly #connection: Connection;
  readonly #context: ExchangeContext;
  #client: string;
  /** Whether the client was told to send the body. */
  #asked = false;

  constructor(message: IncomingMessage, connection: Connection, context: ExchangeContext) {
    this.#message = message;
    this.#connection = connection;
    this.#context = context;
    this.#client = connection.stream.remoteAddress;
  }

  async respond(signal: () => AbortSignal, answer: ServerResponse): Promise<Response> {
    const { stream, excess, viaProxy } = this.#connection;
    const { origin, clients, handler } = this.#context;
    const { httpVersion } = this.#message;
    let request: Request;
    try {
      request = toWebRequest(this.#message, {
        origin,
        signal,
        onBodyWait: (waiting) => {
          if (waiting) this.#askForBody(answer);
          this.#connection.bodySince = waiting ? performance.now() : undefined;
        },
      });
    } catch (error) {
      if (error instanceof RefusedRequestError) return this.#refuse(error.refusal);
      throw error;
    }
    if (viaProxy) this.#client = clients.behind(stream.remoteAddress, request.headers);
    const above = excess ?? (this.#count() ? undefined : "address");
    if (above && !this.#context.isEssential(new URL(request.url).pathname)) {
      return this.#refuse(REFUSALS[above]);
    }
    const response = await handler(request, {
      remoteAddress: this.#client,
      localAddress: stream.localAddress,
      httpVersion,
      ...(takesTrailers(this.#message)
        ? { sendTrailers: (trailers: Trailers) => this.trailers = trailers }
        : {}),
      giveChunks: () => this.ownsChunks = true,
      viaProxy,
    });
    return httpVersion === "1.1" ? response : await this.#withLength(response);
  }

  /** Tells a client that waits for it to send the body (RFC 9110, 10.1.1), once it is wanted. */
  #askForBody(answer: ServerResponse): void {
    const { headers } = this.#message;
    if (headers.expect === undefined || this.#asked || answer.headersSent) return;
    this.#asked = true;
    answer.writeContinue();
  }

  /** Counts a request that a proxy passes on; false where its client is at the limit. */
  #count(): boolean {
    if (this.#client === this.#connection.stream.remoteAddress) return true;
    this.release = this.#context.limits.acquireRequest(this.#client);
    return this.release !== undefined;
  }

  /** The same answer with its length, which HTTP/1.0 needs; a file that is not there whole is refused. */
  async #withLength(response: Response): Promise<Response> {
    const { body, headers } = response;
    if (!body || headers.has("Content-Length")) return response;
    if (headers.has("Content-Disposition")) {
      await body.cancel();
      return this.#refuse(REFUSALS.oldVersion);
    }
    return new Response(await response.bytes(), response);
  }

  #refuse(refusal: Refusal): Response {
    const { method, headers } = this.#message;
    this.#context.onRefusal({
      ...refusal,
      client: this.#client,
      ...(method === undefined ? {} : { method }),
      path: pathOf(this.#message),
    });
    return refusalResponse(refusal, this.#context.refusalHeaders(headers.origin ?? null));
  }
}

/** Whether a client has said that it takes fields behind a body (RFC 9110, 10.1.4). */
function takesTrailers({ headers, httpVersion }: IncomingMessage): boolean {
  const te = String(headers.te ?? "");
  return httpVersion === "1.1" && /(?:^|,)\s*trailers\s*(?:,|$)/i.test(te);
}

/** The begin of the path for the log, without the query string, which holds values. */
function pathOf({ url = "" }: IncomingMessage): string {
  return url.replace(/[?#].*$/s, "").slice(0, MAX_LOGGED_PATH);
}
