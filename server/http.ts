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
  }, (request, { remoteAddr, completed }) => {
    const end = gate.begin(remoteAddr.port);
    completed.then(end, end);
    return fetch(request);
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
