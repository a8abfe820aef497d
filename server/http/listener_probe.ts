/** Tries whether a listener accepts: with a connection of its own, which is no client's. */

/**
 * What a try says: the listener accepts; it does not; there is no descriptor to find out, and so none for a
 * client either; this process may not connect there.
 */
export type ProbeResult = "accepted" | "ignored" | "exhausted" | "forbidden";

/**
 * Milliseconds on top of a timeout: after a pause of the whole process its timer is due before what came
 * meanwhile was accepted.
 */
const RESUME_MS = 100;

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
 * @param timeout milliseconds in which it must be accepted
 * @param pass takes the connections that are others'
 */
export function startProbe(
  { hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">,
  timeout: number,
  pass: (connection: Deno.TcpConn) => void,
): Probe {
  const accepted = Promise.withResolvers<ProbeResult>();
  const early: Deno.TcpConn[] = [];
  let own: Deno.TcpConn | undefined;
  let connecting = true;

  function take(connection: Deno.TcpConn): void {
    // Which one is ours is known once it is connected, which is at once.
    if (connecting) return void early.push(connection);
    const address = own?.localAddr;
    const { remoteAddr } = connection;
    if (address?.port !== remoteAddr.port) return pass(connection);
    connection.close();
    accepted.resolve("accepted");
  }

  async function run(): Promise<ProbeResult> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeout);
    try {
      own = await Deno.connect({ hostname, port, signal: late.signal });
      connecting = false;
      early.splice(0).forEach(take);
      late.signal.addEventListener("abort", () => {
        setTimeout(() => accepted.resolve("ignored"), RESUME_MS);
      });
      return await accepted.promise;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return "forbidden";
      const refused = late.signal.aborted || error instanceof Deno.errors.ConnectionRefused;
      return refused ? "ignored" : "exhausted";
    } finally {
      clearTimeout(timer);
      connecting = false;
      early.splice(0).forEach(pass);
      own?.close();
    }
  }

  return { take, result: run() };
}
