/** The HTTP server: `Deno.serve` on loopback, behind a gate that can close its clients' sockets. */

import { type Gate, type GateLimits, openGate } from "./gate.ts";

/** Where to listen, and for how long to wait. */
export interface HttpOptions extends GateLimits {
  /** A name or an address. */
  readonly hostname: string;
  /** A port; 0 lets the system choose. */
  readonly port: number;
}

/** A server that answers. */
export interface HttpServer {
  /** Where clients come to. */
  readonly addr: Deno.NetAddr;
  /** What the gate did. */
  readonly counts: Gate["counts"];
  /** Accepts nobody any more, and resolves when everybody has all that was there for them. */
  drain(): Promise<void>;
  /** Closes every socket; resolves when the last answer has been given up. */
  close(): Promise<void>;
}

/**
 * Answers requests.
 *
 * @throws {Error} when it cannot listen there
 */
export function serveHttp(
  options: HttpOptions,
  fetch: (request: Request) => Response | Promise<Response>,
): HttpServer {
  const { hostname, port, ...limits } = options;
  const listener = Deno.listen({ hostname, port });
  const abort = new AbortController();
  let draining = false;
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: abort.signal,
    onListen: () => {},
  }, async (request, { remoteAddr, completed }) => {
    const { old, end } = gate.begin(remoteAddr.port);
    completed.then(end, end);
    const response = await fetch(request);
    if (old && isUnbounded(response)) return await refuseOld(response);
    return request.method === "HEAD" ? withoutLength(response) : response;
  });
  const gate = openGate(listener, server.addr.port, limits);
  return {
    addr: gate.addr,
    get counts() {
      return gate.counts;
    },
    async drain() {
      draining = true;
      gate.stop();
      // Ends each connection after its answer; waits for ever for a client that stalls.
      await server.shutdown();
      await gate.emptied();
    },
    async close() {
      gate.close();
      // After shutdown(), abort() crashes Deno 2.9.6; with its sockets closed, there is no need of it.
      if (!draining) abort.abort();
      await server.finished;
    },
  };
}

/** Whether an answer is a download of which only its end tells how long it is. */
function isUnbounded({ body, headers }: Response): boolean {
  return body !== null && headers.has("Content-Disposition") && !headers.has("Content-Length");
}

/**
 * Refuses a download over HTTP/1.0, where closing the connection is the end of the file: one that breaks
 * off would look whole (RFC 9112, 8: only chunks and lengths tell). nginx speaks it to us unless told not to.
 */
async function refuseOld({ body }: Response): Promise<Response> {
  await body?.cancel();
  const detail = "HTTP/1.0 cannot tell half a file from a whole one; use HTTP/1.1, or " +
    "_delivery=whole";
  const problem = { type: "about:blank", title: "HTTP version not supported", status: 505, detail };
  return new Response(`${JSON.stringify(problem)}\n`, {
    status: 505,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store" },
  });
}

/** Statuses that never have a body (RFC 9110, 15.3.5, 15.4.5), so that no length is told either. */
const BODILESS: readonly number[] = [204, 304];

/**
 * The answer to a HEAD with the length that it says, if it says one. Over HTTP/1.1 `Deno.serve` adds
 * `Content-Length: 0` where there is no body, but what counts is the length of the body that a GET would
 * get (RFC 9110, 8.6). An empty stream has no length.
 */
function withoutLength(response: Response): Response {
  const { body, headers, status } = response;
  if (body || headers.has("Content-Length") || BODILESS.includes(status)) return response;
  return new Response(new ReadableStream({ start: (controller) => controller.close() }), response);
}
