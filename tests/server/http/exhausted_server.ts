/** A server without a limit of connections, in a process with few descriptors: `exhausted_test.ts` runs it. */

import { serveHttp } from "../../../server/http/mod.ts";

// As the real one does: Deno 2.9.6 opens what it needs for signals when it comes to it, which may be after
// the last descriptor has gone, and panics then.
Deno.addSignalListener("SIGTERM", () => Deno.exit());

const server = serveHttp(
  { hostname: "127.0.0.1", port: 0, connections: 10_000 },
  () => new Response(JSON.stringify({ state: server.state, ...server.counts })),
);
console.log(server.addr.port);
