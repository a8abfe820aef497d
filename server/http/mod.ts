/** The HTTP server: sockets of its own, `node:http` to parse what comes on them, a handler of the Web. */

import type { SecureContext } from "node:tls";
import { plainAddress } from "./addresses.ts";
import { createClientAddress } from "./client_address.ts";
import type { ClientStream } from "./client_stream.ts";
import { Connection } from "./connection.ts";
import { ConnectionLimits, type Excess } from "./connection_limits.ts";
import { answerRequest, type Handler, type RefusedRequest } from "./exchange.ts";
import { openListener } from "./listener.ts";
import { createParser } from "./parser.ts";
import { type Refusal, REFUSALS, refusalText } from "./refusals.ts";
import { TcpStream } from "./tcp_stream.ts";
import { TlsStream } from "./tls_stream.ts";
import { type Overdue, overdue, TIMEOUTS, type Timeouts } from "./timeouts.ts";

/** Where to listen, whom to answer, and for how long to wait. */
export interface HttpOptions extends Partial<Timeouts> {
  /** A name or an address. */
  readonly hostname: string;
  /** A port; 0 lets the system choose. */
  readonly port: number;
  /** Scheme, name and port in the URLs of requests. @default where it listens */
  readonly origin?: string | undefined;
  /** What clients are answered with over TLS; asked for with each connection. @default no TLS */
  readonly tls?: (() => SecureContext) | undefined;
  /** Connections at once. @default 1024 */
  readonly connections?: number;
  /** Connections at once of one client. @default as many as there may be */
  readonly perAddress?: number;
  /** Addresses and networks of proxies, which are believed to tell their clients' addresses. @default none */
  readonly trustedProxies?: readonly string[];
  /** Whether a path is answered also to a client that is above a limit. @default none is */
  readonly isEssential?: (path: string) => boolean;
  /** Whether Deno makes spans: its own of requests are dropped, as they hold the whole URL. @default false */
  readonly traced?: boolean;
  /** Headers of what is answered before the handler is asked, by the `Origin` of the request. @default none */
  readonly refusalHeaders?: (origin: string | null) => Readonly<Record<string, string>>;
  /** Called with what is answered before the handler is asked. */
  readonly onRefusal?: (refused: RefusedRequest) => void;
  /** Called with an error that is neither a client's nor a body's, and of the method and the path. */
  readonly onError?: (error: unknown, request: string) => void;
  /** Called once nothing is accepted any more, whatever was done. */
  readonly onLost?: (error: Error) => void;
}

/** Why connections were closed, and how many there are. */
export interface ConnectionCounts {
  /** Connections that are open. */
  readonly open: number;
  /** Connections that there may be. */
  readonly max: number;
  /** Closed as there were too many. */
  readonly refused: number;
  /** Closed as their client had too many. */
  readonly perAddress: number;
  /** Closed as their handshake failed. */
  readonly handshake: number;
  /** Closed as a request did not come in time. */
  readonly headless: number;
  /** Closed as the body of a request did not come in time. */
  readonly bodyless: number;
  /** Closed as nothing was asked any more. */
  readonly idle: number;
  /** Closed as the client took nothing. */
  readonly stalled: number;
  /** Times that a connection could not be accepted. */
  readonly failed: number;
  /** Times that the port was opened again, as nothing was accepted. */
  readonly reopened: number;
}

/** A server that answers. */
export interface HttpServer {
  /** Where clients come to. */
  readonly addr: Deno.NetAddr;
  /** What became of connections. */
  readonly counts: ConnectionCounts;
  /** Whether another client would be answered: every connection may be taken, or none can be accepted. */
  readonly state: "ready" | "full" | "failing";
  /** Sets how many connections one client may have from now on. */
  limitAddresses(perAddress: number): void;
  /** Accepts nothing any more; resolves when every client has all that was there for it. */
  drain(): Promise<void>;
  /** Closes every socket; resolves when the last answer is abandoned. */
  close(): Promise<void>;
}

/** Milliseconds between two looks at the clocks of all connections. */
const WATCH_MS = 250;

/** Milliseconds for the head of a request on a connection that is one too many. */
const EXCESS_HEAD_TIMEOUT_MS = 2000;

/** Milliseconds for which a server that stops accepts and answers what is on its way to it. */
const LAST_REQUESTS_MS = 300;

/**
 * Answers requests.
 *
 * @throws {Error} when it cannot listen there
 */
export function serveHttp(options: HttpOptions, handler: Handler): HttpServer {
  const { hostname, port, connections: max = 1024 } = options;
  const timeouts = { ...TIMEOUTS, ...options };
  const excessTimeouts = {
    ...timeouts,
    headTimeout: Math.min(timeouts.headTimeout, EXCESS_HEAD_TIMEOUT_MS),
  };
  const limits = new ConnectionLimits({ connections: max, perAddress: options.perAddress ?? max });
  const clients = createClientAddress(options.trustedProxies ?? []);
  // By the socket as `node:http` knows it.
  const connections = new Map<object, Connection>();
  const exchanges = new Set<Promise<void>>();
  const counts = {
    refused: 0,
    perAddress: 0,
    handshake: 0,
    headless: 0,
    bodyless: 0,
    idle: 0,
    stalled: 0,
  };
  let draining = false;
  let onEmpty: (() => void) | undefined;

  const listener = openListener({
    hostname,
    port,
    onConnection: accept,
    onLost: options.onLost ?? (() => {}),
  });
  const { addr } = listener;
  const context = {
    origin: options.origin ?? originOf(addr, options.tls && "https"),
    handler,
    clients,
    limits,
    isEssential: options.isEssential ?? (() => false),
    draining: () => draining,
    refusalHeaders: options.refusalHeaders ?? (() => ({})),
    onRefusal: options.onRefusal ?? (() => {}),
    onError: options.onError ?? (() => {}),
  };

  const parser = createParser({
    onRequest(message, answer) {
      const connection = connections.get(message.socket);
      connection?.begin(answer, () => {
        const exchange = answerRequest(message, answer, connection, context);
        exchanges.add(exchange);
        void exchange.finally(() => exchanges.delete(exchange));
      });
    },
    onBroken(socket, refusal) {
      const connection = connections.get(socket);
      socket.once("end", () => connection?.onEnd());
      connection?.whenAnswered(() => refuse(connection, refusal));
    },
    traced: options.traced ?? false,
  });

  function accept(socket: Deno.TcpConn): void {
    const address = plainAddress(socket.remoteAddr.hostname);
    const viaProxy = clients.isProxy(address);
    const countRefused = (excess: Excess) => {
      counts[excess === "server" ? "refused" : "perAddress"]++;
    };
    const counted = limits.acquire(viaProxy ? undefined : address, (excess) => {
      countRefused(excess);
      stream.destroy();
    });
    if (typeof counted === "string") {
      countRefused(counted);
      return socket.close();
    }
    const stream = openStream(new TcpStream(socket));
    const connection = new Connection(stream, { counted, viaProxy });
    connections.set(stream, connection);
    stream.once("flushed", reportEmpty);
    stream.once("close", () => {
      connections.delete(stream);
      counted.release();
      reportEmpty();
    });
    parser.emit("connection", stream);
  }

  function openStream(tcp: TcpStream): ClientStream {
    if (!options.tls) return tcp;
    // What is wrong is said by the stream on top of it.
    tcp.on("error", () => {});
    const stream = new TlsStream(tcp, options.tls());
    stream.on("error", () => {
      if (!stream.open) counts.handshake++;
    });
    return stream;
  }

  /** Answers what is no request, and ends the connection. */
  function refuse({ stream }: Connection, refusal: Refusal): void {
    if (!stream.open) return void stream.destroy();
    context.onRefusal({ ...refusal, client: stream.remoteAddress });
    stream.write(refusalText(refusal));
    stream.destroySoon();
  }

  function watch(): void {
    const now = performance.now();
    for (const connection of connections.values()) {
      if (connection.stream.flushed) continue;
      const limit = connection.excess ? excessTimeouts : timeouts;
      const reason = overdue(connection.activity, limit, now);
      if (reason) closeOverdue(connection, reason);
    }
  }

  function closeOverdue(connection: Connection, reason: Overdue): void {
    counts[reason]++;
    const late = reason === "headless" || reason === "bodyless" && !connection.answering;
    if (late) refuse(connection, REFUSALS.late);
    else connection.stream.destroy();
  }

  function reportEmpty(): void {
    if (onEmpty && [...connections.values()].every(({ stream }) => stream.flushed)) onEmpty();
  }

  const watching = setInterval(watch, WATCH_MS);
  return {
    addr,
    get counts() {
      const { failures, reopened } = listener;
      return { open: connections.size, max, ...counts, failed: failures, reopened };
    },
    get state() {
      return !listener.accepting ? "failing" : limits.full ? "full" : "ready";
    },
    limitAddresses: (perAddress) => limits.limitAddresses(perAddress),
    async drain() {
      draining = true;
      await new Promise((resolve) => setTimeout(resolve, LAST_REQUESTS_MS));
      listener.close();
      for (const connection of connections.values()) {
        connection.whenAnswered(() => connection.stream.destroySoon());
      }
      const empty = new Promise<void>((resolve) => onEmpty = resolve);
      reportEmpty();
      await empty;
    },
    async close() {
      clearInterval(watching);
      listener.close();
      for (const { stream } of connections.values()) stream.destroy();
      await Promise.all(exchanges);
    },
  };
}

/** The URL of an address, without a path. */
export function originOf(
  { hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">,
  scheme: "http" | "https" = "http",
): string {
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
