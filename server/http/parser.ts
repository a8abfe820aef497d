/** `node:http` as a parser: it is given sockets, and gives requests and what to write their answers to. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type Refusal, REFUSALS } from "./refusals.ts";
import { UntracedResponse } from "./untraced_response.ts";

/** What is called with what comes on sockets. */
export interface ParserOptions {
  /** Called with a request, once its head is there; those of a socket may come at once. */
  readonly onRequest: (message: IncomingMessage, answer: ServerResponse) => void;
  /** Called with what is no request; nothing is read of the socket any more. */
  readonly onBroken: (socket: Duplex, refusal: Refusal) => void;
  /** Whether Deno makes spans, which those of requests must not be among. */
  readonly traced: boolean;
}

/** Bytes of a request's head: a URL with a thousand ids is 20 KiB. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Makes a parser; `emit("connection", socket)` gives it a socket. */
export function createParser({ onRequest, onBroken, traced }: ParserOptions): Server {
  const parser = createServer(
    {
      maxHeaderSize: MAX_HEAD_BYTES,
      requireHostHeader: false,
      ...(traced ? { ServerResponse: UntracedResponse } : {}),
    },
    onRequest,
  );
  // By itself it would ask for every body, also for one that is refused unseen.
  parser.on("checkContinue", onRequest);
  // What a half-closed client is owed, and how long a client may take for what, is not decided here.
  Object.assign(parser, {
    httpAllowHalfOpen: true,
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 0,
  });
  // It listens to no port itself, and would end every connection after one answer for that (Deno 2.9.6).
  Object.defineProperty(parser, "listening", { value: true });
  parser.on("clientError", ({ code }: NodeJS.ErrnoException, socket) => {
    // A client that left.
    if (!code?.startsWith("HPE_")) return void socket.destroy();
    // Its listeners would go on feeding a parser that is another connection's soon.
    socket.removeAllListeners("data").removeAllListeners("end").resume();
    const tooLarge = code === "HPE_HEADER_OVERFLOW";
    onBroken(socket, tooLarge ? REFUSALS.headTooLarge : REFUSALS.malformed);
  });
  return parser;
}
