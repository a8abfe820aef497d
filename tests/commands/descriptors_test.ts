/** `serve` with few descriptors: it says how many connections there can be, and outlives more than those. */

import assert from "node:assert/strict";
import { until } from "../waiting.ts";
import { configured, startServe } from "./fixture.ts";

/** Opens as many connections as a server lets it, some of which it may close again. */
async function flood(port: number, count: number): Promise<Deno.TcpConn[]> {
  const opened: Deno.TcpConn[] = [];
  const connect = async () => {
    try {
      opened.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    } catch {
      // This process has no descriptor left either.
    }
  };
  for (let done = 0; done < count; done += 100) {
    await Promise.all(Array.from({ length: 100 }, connect));
  }
  return opened;
}

for (const [limit, clients] of [[256, 400], [4096, 6000]] as const) {
  Deno.test(`with ${limit} descriptors and ${clients} clients at once, it answers when they have left`, async () => {
    await using folder = await configured(
      "connections: 8192, head_timeout: 1h",
      "per_address: 10000, concurrent: 16",
    );
    await using server = await startServe([], {
      cwd: folder.path,
      within: ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh"],
    });
    const [warning] = server.logs();
    assert.equal(warning!.level, "WARN");
    assert.match(
      String(warning!.message),
      /^This process may open \d+ more files: there can be \d+ connections, not server\.connections \(8192\)/,
    );
    const connections = Number(warning!.connections);
    assert.ok(connections > limit / 4 && connections < limit, `${connections} connections`);

    const sockets = await flood(server.port, clients);
    try {
      // Health is answered meanwhile, and says that no more clients are.
      const answer = await fetch(`${server.origin}/readyz`);
      assert.equal(answer.status, 503);
      assert.equal((await answer.json()).checks.connections, "full");
    } finally {
      for (const socket of sockets) socket.close();
    }
    await until(async () => {
      const response = await fetch(`${server.origin}/readyz`);
      return (await response.json()).status === "ready";
    });
    const response = await fetch(`${server.origin}/exports/items.csv`);
    assert.equal(await response.text(), "id,note\r\n1,plain\r\n2,'=1+1\r\n");
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    assert.match(metrics, new RegExp(`^spillway_connections_max ${connections}$`, "m"));
    assert.match(metrics, /^spillway_accept_failures_total 0$/m);
    assert.match(metrics, /^spillway_listener_reopened_total 0$/m);
  });
}
