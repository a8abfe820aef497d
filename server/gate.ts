/**
 * The gate: accepts clients' sockets and passes their bytes to the HTTP server behind it.
 *
 * `Deno.serve` keeps its sockets to itself: nothing closes the one of a client that stalls, and there
 * are no timeouts (Deno 2.9.6). Whoever holds the socket can close it, for HTTP/1.1 and HTTP/2 alike, so
 * the gate holds it. Side by side it passed 0.46 to 0.59 GB/s where `Deno.serve` alone passed 0.51 to
 * 0.56 on a busy machine, for a third more CPU time a byte; an export makes 0.1 to 0.3 GB/s.
 */

/** When a client has had its chance. */
export interface GateLimits {
  /** Connections at once; one more is closed at once. @default 1024 */
  readonly connections?: number;
  /** Milliseconds for the head of a connection's first request. @default 15000 */
  readonly headTimeout?: number;
  /** Milliseconds without a byte or a request in flight. @default 75000 */
  readonly idleTimeout?: number;
  /** Milliseconds for which a client may take nothing of what is there for it. @default 120000 */
  readonly stallTimeout?: number;
}

/** Why the gate closed connections, and how many there are. */
export interface GateCounts {
  /** Connections that are open. */
  readonly open: number;
  /** Closed as there were too many. */
  readonly refused: number;
  /** Closed as no request came in time. */
  readonly headless: number;
  /** Closed as nothing was asked any more. */
  readonly idle: number;
  /** Closed as the client took nothing. */
  readonly stalled: number;
}

/** A request that is being answered. */
export interface RequestInFlight {
  /** Whether it came over HTTP/1.0. */
  readonly old: boolean;
  /** Says that it was answered. */
  end(): void;
}

/** An open gate. */
export interface Gate {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** What it did. */
  readonly counts: GateCounts;
  /** Says that a request has begun, on the connection from this port of ours. */
  begin(port: number): RequestInFlight;
  /** Accepts nobody any more; those who are there stay until the server behind ends them. */
  stop(): void;
  /** Resolves when there is no connection. */
  emptied(): Promise<void>;
  /** Stops, and closes every connection. */
  close(): void;
}

const DEFAULTS = {
  connections: 1024,
  headTimeout: 15_000,
  idleTimeout: 75_000,
  stallTimeout: 120_000,
} as const;

/** Milliseconds between two looks at the clocks of all connections. */
const WATCH_MS = 250;

/** What clients send is small: requests. */
const REQUEST_BYTES = 16 * 1024;

/** What they are sent is not: files. */
const RESPONSE_BYTES = 64 * 1024;

/** What HTTP/2 begins with (RFC 9113, 3.4); it takes the place of a head. */
const HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const LATE = new TextEncoder().encode(
  "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
);

/** A client, and our connection to the server behind. */
interface Connection {
  readonly client: Deno.TcpConn;
  readonly opened: number;
  /** What came so far, at most {@linkcode HEAD_UNITS}, while the first head is not complete. */
  head: string | undefined;
  /** Whether it speaks HTTP/1.0. */
  old: boolean;
  inFlight: number;
  /** When a byte was last sent, or an answer ended: what a client trickles in does not count. */
  active: number;
  /** When the write that is pending began. */
  writing: number | undefined;
  /** Ends both sides. */
  close(): void;
}

/**
 * Opens a gate.
 *
 * @param listener where clients come to
 * @param port of the server behind, on loopback
 */
export function openGate(listener: Deno.TcpListener, port: number, limits: GateLimits = {}): Gate {
  const { connections: most, headTimeout, idleTimeout, stallTimeout } = { ...DEFAULTS, ...limits };
  const connections = new Set<Connection>();
  const byPort = new Map<number, Connection>();
  const counts = { refused: 0, headless: 0, idle: 0, stalled: 0 };
  const empty = Promise.withResolvers<void>();
  let stopped = false;

  async function accept(): Promise<void> {
    for (;;) {
      let client: Deno.TcpConn;
      try {
        client = await listener.accept();
      } catch {
        if (stopped) return;
        // A client that left while it waited, or no descriptor left: neither is a reason to stop.
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      if (connections.size >= most) {
        counts.refused++;
        client.close();
      } else void serve(client);
    }
  }

  async function serve(client: Deno.TcpConn): Promise<void> {
    const now = performance.now();
    let server: Deno.TcpConn | undefined;
    const connection: Connection = {
      client,
      opened: now,
      head: "",
      old: false,
      inFlight: 0,
      active: now,
      writing: undefined,
      close() {
        if (!connections.delete(connection)) return;
        if (server) {
          byPort.delete((server.localAddr as Deno.NetAddr).port);
          server.close();
        }
        client.close();
        if (stopped && connections.size === 0) empty.resolve();
      },
    };
    connections.add(connection);
    try {
      client.setNoDelay(true);
      client.setKeepAlive(true);
      server = await Deno.connect({ hostname: "127.0.0.1", port });
      if (!connections.has(connection)) return server.close();
      server.setNoDelay(true);
      byPort.set((server.localAddr as Deno.NetAddr).port, connection);
      await Promise.race([passRequests(connection, server), passResponses(connection, server)]);
    } catch {
      // A client that left, or a server that broke the transport: the other side learns it below.
    } finally {
      connection.close();
    }
  }

  function begin(port: number): RequestInFlight {
    const connection = byPort.get(port);
    if (!connection) return { old: false, end: () => {} };
    connection.inFlight++;
    return {
      old: connection.old,
      end: () => {
        connection.inFlight--;
        connection.active = performance.now();
      },
    };
  }

  function watch(): void {
    const now = performance.now();
    for (const connection of connections) {
      const { head, opened, writing, inFlight, active } = connection;
      if (head !== undefined && now - opened > headTimeout) {
        counts.headless++;
        connection.client.write(LATE).catch(() => {}).finally(() => connection.close());
      } else if (writing !== undefined && now - writing > stallTimeout) {
        counts.stalled++;
        connection.close();
      } else if (inFlight === 0 && writing === undefined && now - active > idleTimeout) {
        counts.idle++;
        connection.close();
      }
    }
  }

  function stop(): void {
    if (stopped) return;
    stopped = true;
    listener.close();
  }

  const watching = setInterval(watch, WATCH_MS);
  void accept();
  return {
    addr: listener.addr as Deno.NetAddr,
    get counts() {
      return { open: connections.size, ...counts };
    },
    begin,
    stop,
    emptied: () => connections.size === 0 ? Promise.resolve() : empty.promise,
    close() {
      stop();
      clearInterval(watching);
      for (const connection of connections) connection.close();
    },
  };
}

/** Passes on what a client sends, until it ends or sends no more. */
async function passRequests(connection: Connection, server: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(REQUEST_BYTES);
  for (;;) {
    const count = await connection.client.read(buffer);
    if (count === null) return;
    const bytes = buffer.subarray(0, count);
    if (connection.head !== undefined) watchHead(connection, bytes);
    await writeAll(server, bytes);
  }
}

/** UTF-16 units that are kept of a head: a request line of a usual length, and then some. */
const HEAD_UNITS = 16 * 1024;

/** Looks for the end of the first head, and at the version in its first line. */
function watchHead(connection: Connection, bytes: Uint8Array): void {
  const text = connection.head + new TextDecoder("latin1").decode(bytes);
  connection.old ||= /^[^\r\n]* HTTP\/1\.0\r?\n/.test(text);
  const complete = /\r?\n\r?\n/.test(text) && !HTTP2_PREFACE.startsWith(text);
  // Of a longer head the beginning is known already, and the end is what is waited for.
  connection.head = complete ? undefined : text.slice(-HEAD_UNITS);
}

/** Passes on what the server sends, until it ends; a client that takes nothing keeps it waiting. */
async function passResponses(connection: Connection, server: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(RESPONSE_BYTES);
  for (;;) {
    const count = await server.read(buffer);
    if (count === null) return;
    for (let at = 0; at < count;) {
      connection.writing = performance.now();
      at += await connection.client.write(buffer.subarray(at, count));
      connection.active = performance.now();
    }
    connection.writing = undefined;
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
