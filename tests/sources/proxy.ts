/** A proxy before a server of the tests, which counts, and the connections that there are to a port. */

/** Passes connections on to the server, and counts what comes back. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Bytes that the server has sent. */
  sent(): number;
  /** Connections that it was asked for. */
  accepted(): number;
}

/**
 * Starts a proxy before a port.
 *
 * @param options.hangUps how many connections it closes at once before it passes others on
 */
export function startProxy(
  port: number,
  { hangUps = 0 }: { readonly hangUps?: number } = {},
): Proxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let sent = 0;
  let accepted = 0;

  async function pump(from: Deno.Conn, to: Deno.Conn, count: (bytes: number) => void) {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const bytes = await from.read(buffer);
        if (bytes === null) break;
        for (let at = 0; at < bytes;) at += await to.write(buffer.subarray(at, bytes));
        count(bytes);
      }
    } catch {
      // One side is gone, and the other one is told so.
    }
    for (const side of [from, to]) {
      if (open.delete(side)) side.close();
    }
  }

  async function serve(client: Deno.Conn): Promise<void> {
    open.add(client);
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      open.add(server);
      await Promise.all([
        pump(client, server, () => {}),
        pump(server, client, (bytes) => sent += bytes),
      ]);
    } catch {
      if (open.delete(client)) client.close();
    }
  }

  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) {
      if (++accepted > hangUps) served.push(serve(client));
      else client.close();
    }
  })();
  return {
    port: listener.addr.port,
    sent: () => sent,
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const side of open) side.close();
      open.clear();
      await accepting;
      await Promise.all(served);
    },
  };
}

/** Connections of this process to a port of 127.0.0.1. */
export function connectionsTo(port: number): number {
  const target = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const line of Deno.readTextFileSync("/proc/self/net/tcp").split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[2] === target) inodes.add(`socket:[${fields[9]}]`);
  }
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (inodes.has(Deno.readLinkSync(`/proc/self/fd/${name}`))) count++;
    } catch {
      // The descriptor of the listing itself is gone by now.
    }
  }
  return count;
}
