/**
 * Sends a request and gives the text of its response, to a proven end.
 *
 * What `fetch` of Deno 2.9.6 does was tried with raw sockets:
 *
 * - A body that ends before its `Content-Length` or its last chunk (RFC 9112, 8) is an error, also when
 *   only the last line break is missing. One that has neither ends when the connection does, which a
 *   server that dies does as well: {@linkcode HttpBody.framed} tells them apart. Over HTTP/2 the headers
 *   would not tell, so only HTTP/1.1 is offered.
 * - A gzip body is taken for whole at the end of its first member, although it may have several (RFC
 *   1952, 2.2): the rows of the others, and what follows, are dropped without a word. So no coding is
 *   asked for, and none is taken. `Accept-Encoding: identity` also is what turns the decoder off.
 */

import type { HttpConfig } from "./config.ts";
import type { HttpRequest } from "./request.ts";
import { redact, secretsOf } from "./redact.ts";
import { readCertificates } from "../certificates.ts";
import { type ReadOptions, SourceError } from "../source.ts";

/** The body of a response. */
export interface HttpBody {
  /** Whether its end is proven: by a `Content-Length`, or by a last chunk. */
  readonly framed: boolean;
  /**
   * The next piece of its text; nothing at its end.
   *
   * @throws {SourceError} when it broke off, stalls or is not UTF-8
   */
  read(): Promise<string | undefined>;
  /** Closes the connection, also while a read is pending; never rejects. */
  close(): Promise<void>;
}

/** The media types of each format. */
const MEDIA_TYPES: Readonly<Record<HttpConfig["format"], readonly string[]>> = {
  ndjson: [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/jsonlines",
  ],
  json: ["application/json"],
  csv: ["text/csv", "application/csv"],
};

/** Statuses of a gateway or a server that is about to come back (RFC 9110, 15.6). */
const PASSING_STATUSES = [502, 503, 504];

/** The most of a refusal's body that the log gets, in bytes, and the milliseconds to wait for it. */
const EXCERPT_BYTES = 300;
const EXCERPT_MS = 1000;

/**
 * Sends a request and checks the head of its response.
 *
 * @throws {SourceError} when it cannot be sent, or is not answered by 200 and text of the format
 */
export async function openBody(
  config: HttpConfig,
  request: HttpRequest,
  { run, traceparent, signal }: ReadOptions,
): Promise<HttpBody> {
  const caCerts = config.ca === undefined ? [] : [await readCertificates(config.ca)];
  signal?.throwIfAborted();
  const client = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0, caCerts });
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const response = await send(config, request, { client, stop, run, traceparent });
    await checkHead(response, config);
    return createBody(response, client, stop, config.idle_timeout);
  } catch (error) {
    stop.abort();
    client.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * Connects to the upstream, agrees on TLS where the URL says so, and hangs up: a request could do anything
 * there.
 *
 * @throws {SourceError} when it cannot be reached in time, or is not trusted
 */
export async function reach(
  { url, ca, timeout }: HttpConfig,
  { signal }: Pick<ReadOptions, "signal">,
): Promise<void> {
  const caCerts = ca === undefined ? [] : [await readCertificates(ca)];
  const { hostname: name, port, protocol } = new URL(url);
  const tls = protocol === "https:";
  const hostname = name.replace(/^\[(.*)\]$/, "$1");
  const address = { hostname, port: Number(port || (tls ? 443 : 80)) };
  const connecting = tls ? connectTls({ ...address, caCerts }) : Deno.connect(address);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(silent(timeout)), timeout);
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    (await Promise.race([connecting, stopped])).close();
  } catch (error) {
    // What comes when it is not waited for any more.
    connecting.then((connection) => connection.close(), () => {});
    throw signal?.aborted || error instanceof SourceError ? error : unreachable(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

async function connectTls(options: Deno.ConnectTlsOptions): Promise<Deno.Conn> {
  const connection = await Deno.connectTls(options);
  try {
    await connection.handshake();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

interface Sending {
  readonly client: Deno.HttpClient;
  readonly stop: AbortController;
  readonly run: string | undefined;
  readonly traceparent: string | undefined;
}

async function send(
  config: HttpConfig,
  { url, body }: HttpRequest,
  { client, stop, run, traceparent }: Sending,
): Promise<Response> {
  const headers = new Headers({ ...config.headers });
  headers.set("accept", MEDIA_TYPES[config.format][0]!);
  headers.set("accept-encoding", "identity");
  if (!headers.has("user-agent")) headers.set("user-agent", "Spillway");
  if (body !== undefined) headers.set("content-type", "application/json");
  if (run !== undefined) headers.set("spillway-run", run);
  if (traceparent !== undefined) headers.set("traceparent", traceparent);
  const late = setTimeout(() => stop.abort(silent(config.timeout)), config.timeout);
  try {
    return await fetch(url, {
      method: config.method,
      headers,
      redirect: "manual",
      client,
      signal: stop.signal,
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    throw unreachable(error);
  } finally {
    clearTimeout(late);
  }
}

function silent(timeout: number): SourceError {
  return new SourceError(`Cannot open source: the upstream gave no answer for ${timeout} ms`);
}

function unreachable(error: unknown): SourceError {
  const cause = withoutUrl(error);
  // Another try finds the same certificate.
  const untrusted = /invalid peer certificate/.test(cause.message);
  const reason = untrusted ? "upstream is not trusted" : "upstream cannot be reached";
  return new SourceError(`Cannot open source: the ${reason}`, { cause, connection: !untrusted });
}

/** The innermost error, which says most, without the URL: that has a caller's params in it. */
function withoutUrl(error: unknown): Error {
  let inner = error instanceof Error ? error : new Error(String(error));
  while (inner.cause instanceof Error) inner = inner.cause;
  return new Error(inner.message.replaceAll(/https?:\/\/\S+/g, "the url"));
}

/** Throws unless the response is a whole one, of the format and in UTF-8. */
async function checkHead(response: Response, config: HttpConfig): Promise<void> {
  const { format } = config;
  const { status, headers } = response;
  const refuse = async (reason: string, connection = false) => {
    // It may repeat what it was sent, to tell what is wrong with it.
    const text = redact(await excerpt(response), secretsOf(config.headers, config.url));
    const cause = new Error(`HTTP ${status}: ${text}`);
    throw new SourceError(`Cannot open source: the upstream ${reason}`, { cause, connection });
  };
  if (status !== 200) {
    await refuse(`answered with status ${status}`, PASSING_STATUSES.includes(status));
  }
  const coding = headers.get("content-encoding") ?? "identity";
  if (coding !== "identity") await refuse("encoded its body, which it was asked not to");
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";")
    .map((part) => part.trim());
  const legal = MEDIA_TYPES[format].includes(type) || format === "json" && type.endsWith("+json");
  if (!legal) await refuse(`did not answer with ${MEDIA_TYPES[format][0]}`);
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice(8);
  if (charset !== undefined && !/^"?(?:utf-8|utf8|us-ascii)"?$/.test(charset)) {
    await refuse("did not answer in UTF-8");
  }
  // RFC 4180, 3: the first line may be said to be a row like the others.
  if (parameters.includes("header=absent")) await refuse("has no header in its CSV");
}

/** The beginning of a body, which is often a reason; empty where there is none in time. */
async function excerpt({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const late = setTimeout(() => void reader?.cancel().catch(() => {}), EXCERPT_MS);
  try {
    const { value } = await reader?.read() ?? {};
    return new TextDecoder().decode(value?.subarray(0, EXCERPT_BYTES));
  } catch {
    // The body is not the reason: that is known already.
    return "";
  } finally {
    clearTimeout(late);
    await reader?.cancel().catch(() => {});
  }
}

function createBody(
  response: Response,
  client: Deno.HttpClient,
  stop: AbortController,
  idle: number,
): HttpBody {
  const { headers, body } = response;
  const reader = body?.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const coding = headers.get("transfer-encoding")?.trim().toLowerCase();
  let closed = false;

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await reader?.cancel().catch(() => {});
    stop.abort();
    client.close();
  }

  function decode(bytes?: Uint8Array): string {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (error) {
      throw new SourceError("Cannot read the query: the upstream's text is not UTF-8", {
        cause: error,
      });
    }
  }

  async function readBytes(): Promise<Uint8Array | undefined> {
    const late = setTimeout(() => {
      stop.abort(
        new SourceError(`Cannot read the query: the upstream sent nothing for ${idle} ms`),
      );
    }, idle);
    try {
      return (await reader?.read())?.value;
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      throw new SourceError("Cannot read the query: the upstream broke off its answer", {
        cause: error,
      });
    } finally {
      clearTimeout(late);
    }
  }

  return {
    framed: coding === undefined ? headers.has("content-length") : coding === "chunked",
    async read() {
      for (;;) {
        const bytes = await readBytes();
        const text = decode(bytes);
        // A piece may be but a part of a character; the last one may complete nothing.
        if (text !== "") return text;
        if (bytes === undefined) return undefined;
      }
    },
    close,
  };
}
