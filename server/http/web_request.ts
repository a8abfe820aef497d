/** Makes a `Request` of the Web of one that `node:http` has parsed. */

import type { IncomingMessage } from "node:http";
import { type Refusal, REFUSALS } from "./refusals.ts";

/** A request that no handler can be asked for. */
export class RefusedRequestError extends Error {
  override readonly name = "RefusedRequestError";
  /** What to answer. */
  readonly refusal: Refusal;

  constructor(refusal: Refusal, detail = refusal.detail) {
    super(detail);
    this.refusal = { ...refusal, detail };
  }
}

/** What a request is made with. */
export interface WebRequestOptions {
  /** Scheme, name and port of this server: never those that the client says. */
  readonly origin: string;
  /** Gives the signal that is aborted when the client leaves. */
  readonly signal: () => AbortSignal;
  /** Called when more of the body is waited for, and when it has come. */
  readonly onBodyWait: (waiting: boolean) => void;
}

/** Methods whose requests have no body, and methods that there are no requests of (Fetch, 2.2.1). */
const BODILESS_METHODS: readonly string[] = ["GET", "HEAD"];
const FORBIDDEN_METHODS: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

/** Bytes of a target before its query: no route has longer ones, and routing takes time by their length. */
const MAX_PATH_BYTES = 8 * 1024;

/**
 * Makes the request.
 *
 * @throws {RefusedRequestError} where its method, its target or its `Host` is none
 */
export function toWebRequest(message: IncomingMessage, options: WebRequestOptions): Request {
  const { method = "GET", httpVersion, rawHeaders } = message;
  if (FORBIDDEN_METHODS.includes(method)) throw new RefusedRequestError(REFUSALS.method);
  // RFC 9112, 3.2: 400 for a request without a Host, and for one with several.
  const hosts = countHeaders(rawHeaders, "host");
  if (hosts > 1 || hosts === 0 && httpVersion === "1.1") {
    throw new RefusedRequestError(REFUSALS.malformed, "A request has one Host header");
  }
  // RFC 9110, 11.6.2: it is one credential. Node keeps the first of several; a proxy may look at another one.
  if (countHeaders(rawHeaders, "authorization") > 1) {
    throw new RefusedRequestError(REFUSALS.malformed, "A request has one Authorization header");
  }
  const { path, authority } = readTarget(message.url ?? "");
  const headers = message.headers as Record<string, string>;
  const request = new Request(options.origin + path, {
    method,
    headers: authority === undefined ? headers : { ...headers, host: authority },
    ...(BODILESS_METHODS.includes(method) ? {} : { body: toBody(message, options.onBodyWait) }),
  });
  // Made when it is asked for: one of its own that follows another takes 20 us, half of all this.
  Object.defineProperty(request, "signal", { get: options.signal });
  return request;
}

function countHeaders(rawHeaders: readonly string[], wanted: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === wanted.length && name.toLowerCase() === wanted) count++;
  }
  return count;
}

/**
 * The path of a target, and the authority of one in absolute form, which takes the place of `Host` (RFC
 * 9112, 3.2.2). A byte beyond ASCII is no part of a URL; some clients send it, and mean it percent-encoded.
 * A `#` is in no target (3.2.1): what reads the URL would stop there, and what verifies a link would not.
 *
 * @throws {RefusedRequestError} where it is no path, or one that is too long
 */
function readTarget(target: string): { readonly path: string; readonly authority?: string } {
  const pathEnd = target.search(/[?#]/);
  if ((pathEnd < 0 ? target.length : pathEnd) > MAX_PATH_BYTES) {
    throw new RefusedRequestError(REFUSALS.pathTooLong);
  }
  const ascii = target.replace(
    /[^\x21-\x7e]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
  );
  if (ascii.startsWith("/") && !ascii.includes("#")) return { path: ascii };
  const [, authority, path = ""] = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(ascii) ?? [];
  if (authority === undefined) {
    throw new RefusedRequestError(REFUSALS.malformed, "The target of the request is no path");
  }
  return { path: path.startsWith("/") ? path : `/${path}`, authority };
}

/** The body, read from the socket as it is pulled. */
function toBody(
  message: IncomingMessage,
  onWait: (waiting: boolean) => void,
): ReadableStream<Uint8Array> {
  const chunks = message[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      onWait(true);
      const { done, value } = await chunks.next();
      onWait(false);
      if (done) controller.close();
      else controller.enqueue(value);
    },
    // What is not read is dropped with the connection, once it has its answer.
    cancel: () => onWait(false),
  }, { highWaterMark: 0 });
}
