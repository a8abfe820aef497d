/** Tries whether a listener accepts: with a connection of its own, which is no client's. */

/**
 * What a try says: the listener accepts; it does not; this process was too busy to tell; there is no
 * descriptor to find out, and so none for a client either; this process may not connect there.
 */
export type ProbeResult = "accepted" | "ignored" | "busy" | "exhausted" | "forbidden";

/** Timers that a timeout is made of: between two, the event loop has a turn to accept in. */
const TIMEOUT_STEPS = 4;

/**
 * Milliseconds on top of a timeout: after a pause of the whole process its timer is due before what came
 * meanwhile was accepted.
 */
const RESUME_MS = 100;

/** How long a try lasts, and what is called. */
export interface ProbeOptions {
  /** Milliseconds in which the connection must be accepted. */
  readonly timeout: number;
  /** Takes the connections that are others'. */
  readonly pass: (connection: Deno.TcpConn) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** A try that is under way. */
export interface Probe {
  /** Takes a connection that was accepted meanwhile. */
  take(connection: Deno.TcpConn): void;
  /** What came of it. */
  readonly result: Promise<ProbeResult>;
}

/**
 * Connects to a listener of this process.
 *
 * Where the connection is not accepted in time, that says something only of a process that had the time: the
 * event loop was on time, and no other connection was accepted meanwhile.
 */
export function startProbe(
  { hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">,
  { timeout, pass, now }: ProbeOptions,
): Probe {
  const accepted = Promise.withResolvers<ProbeResult>();
  const early: Deno.TcpConn[] = [];
  let own: Deno.TcpConn | undefined;
  let connecting = true;
  let busy = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(connection: Deno.TcpConn): void {
    busy = true;
    // Which one is ours is known once it is connected, which is at once.
    if (connecting) return void early.push(connection);
    const address = own?.localAddr;
    const { remoteAddr } = connection;
    if (address?.port !== remoteAddr.port) return pass(connection);
    connection.close();
    accepted.resolve("accepted");
  }

  /** Calls `act` after the timeout, and notes whether the event loop was late by half of it. */
  function afterTimeout(act: () => void, steps = TIMEOUT_STEPS): void {
    const step = timeout / TIMEOUT_STEPS;
    const begun = now();
    timer = setTimeout(() => {
      if (now() - begun - step > timeout / 2) busy = true;
      if (steps > 1) afterTimeout(act, steps - 1);
      else act();
    }, step);
  }

  async function run(): Promise<ProbeResult> {
    const late = new AbortController();
    afterTimeout(() => late.abort());
    try {
      own = await Deno.connect({ hostname, port, signal: late.signal });
      connecting = false;
      early.splice(0).forEach(take);
      late.signal.addEventListener("abort", () => {
        setTimeout(() => accepted.resolve(busy ? "busy" : "ignored"), RESUME_MS);
      });
      return await accepted.promise;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return "forbidden";
      if (error instanceof Deno.errors.ConnectionRefused) return "ignored";
      if (!late.signal.aborted) return "exhausted";
      return busy ? "busy" : "ignored";
    } finally {
      clearTimeout(timer);
      connecting = false;
      early.splice(0).forEach(pass);
      own?.close();
    }
  }

  return { take, result: run() };
}
