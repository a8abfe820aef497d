/** Servers with handlers of a test's own, and bodies for them. */

import { type HttpOptions, type HttpServer, serveHttp } from "../../../server/http/mod.ts";
import type { Handler } from "../../../server/http/exchange.ts";

/** Bytes of a mebibyte. */
export const MIB = 1024 * 1024;

/** A server that closes with its test. */
export interface TestHttpServer extends HttpServer, AsyncDisposable {}

/** Starts a server. */
export function serve(handler: Handler, options: Partial<HttpOptions> = {}): TestHttpServer {
  const server = serveHttp({ hostname: "127.0.0.1", port: 0, ...options }, handler);
  return Object.defineProperty(server, Symbol.asyncDispose, {
    value: () => server.close(),
  }) as TestHttpServer;
}

/** An endless body, which says how it ended. */
export function endless(events: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
    cancel: () => void events.push("cancelled"),
  }, { highWaterMark: 0 });
}

/** A body of these texts, each a chunk, which then fails where it is told to. */
export function textBody(texts: readonly string[], failure?: Error): ReadableStream<Uint8Array> {
  const left = [...texts];
  return new ReadableStream({
    pull(controller) {
      const text = left.shift();
      if (text !== undefined) controller.enqueue(new TextEncoder().encode(text));
      else if (failure) controller.error(failure);
      else controller.close();
    },
  }, { highWaterMark: 0 });
}
