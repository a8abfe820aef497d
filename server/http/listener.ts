/** Listens on a port, and notices when nothing is accepted there any more. */

import { type Probe, startProbe } from "./listener_probe.ts";

/** Where to listen, and what is called. */
export interface ListenOptions {
  /** A name or an address. */
  readonly hostname: string;
  /** A port; 0 lets the system choose. */
  readonly port: number;
  /** Called with every connection. */
  readonly onConnection: (connection: Deno.TcpConn) => void;
  /** Called once nothing is accepted, whatever was done. */
  readonly onLost: (error: Error) => void;
  /** Milliseconds between two tries, and in which a connection must be accepted. @default 2000 */
  readonly probeInterval?: number;
  /** Milliseconds from the first failed try, for which the port is opened again and again. @default 10000 */
  readonly reopenTimeout?: number;
  /** Opens a listener. @default Deno.listen */
  readonly listen?: (options: Deno.TcpListenOptions) => Deno.TcpListener;
  /** Milliseconds of a clock that never goes back. @default performance.now */
  readonly now?: () => number;
}

/** A port that is listened on. */
export interface Listener {
  /** Where. */
  readonly addr: Deno.NetAddr;
  /** Whether connections are accepted, as far as is known. */
  readonly accepting: boolean;
  /** Times that `accept` failed. */
  readonly failures: number;
  /** Times that the port was opened again. */
  readonly reopened: number;
  /** Accepts nothing any more. */
  close(): void;
}

/** Milliseconds to wait after an `accept` that failed: for want of a descriptor, the next fails at once. */
const RETRY_MS = 50;

/**
 * Listens.
 *
 * An `accept` that fails (no descriptor is left, a client left while it waited) is tried again. Where none
 * succeeds for a while, there may be no client or the listener may be dead: then a connection of ours must
 * be accepted, or the port is closed and opened again.
 *
 * @throws {Error} when it cannot listen there
 */
export function openListener(options: ListenOptions): Listener {
  const { hostname, onConnection, onLost, listen = Deno.listen } = options;
  const { probeInterval = 2000, reopenTimeout = 10_000 } = options;
  const { now = () => performance.now() } = options;
  let current: Deno.TcpListener | undefined = listen({ hostname, port: options.port });
  const addr = current.addr;
  let probe: Probe | undefined;
  let accepting = true;
  let failures = 0;
  let reopened = 0;
  let lastAccepted = now();
  let failingSince: number | undefined;
  let closed = false;

  async function acceptAll(listener: Deno.TcpListener): Promise<void> {
    while (listener === current) {
      let connection: Deno.TcpConn;
      try {
        connection = await listener.accept();
      } catch {
        if (listener !== current) return;
        accepting = false;
        failures++;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      lastAccepted = now();
      failingSince = undefined;
      accepting = true;
      if (probe) probe.take(connection);
      else onConnection(connection);
    }
  }

  async function look(): Promise<void> {
    if (probe || accepting && now() - lastAccepted < probeInterval) return;
    // Who answers there, if anyone, is another process.
    if (!current) return reopen();
    const address = { hostname, port: addr.port };
    probe = startProbe(address, { timeout: probeInterval, pass: onConnection, now });
    const result = await probe.result;
    probe = undefined;
    if (closed || result === "accepted") return;
    if (result === "forbidden") return clearInterval(looking);
    if (result === "busy") {
      failingSince = undefined;
      return;
    }
    accepting = false;
    if (result === "ignored") reopen();
  }

  function reopen(): void {
    failingSince ??= now();
    current?.close();
    current = undefined;
    let reason = "nothing is accepted there";
    try {
      current = listen({ hostname, port: addr.port });
      reopened++;
      void acceptAll(current);
    } catch (error) {
      reason = String(error);
    }
    if (now() - failingSince < reopenTimeout) return;
    close();
    onLost(new Error(`Cannot listen on ${addr.hostname}:${addr.port} any more: ${reason}`));
  }

  function close(): void {
    if (closed) return;
    closed = true;
    clearInterval(looking);
    current?.close();
    current = undefined;
  }

  const looking = setInterval(() => void look(), probeInterval);
  void acceptAll(current);
  return {
    addr,
    get accepting() {
      return accepting;
    },
    get failures() {
      return failures;
    },
    get reopened() {
      return reopened;
    },
    close,
  };
}
