/** A server without a limit of connections, in a process with few descriptors: `exhausted_test.ts` runs it. */

import { serveHttp } from "../../../server/http/mod.ts";

const server = serveHttp(
  { hostname: "127.0.0.1", port: 0, connections: 10_000 },
  () => new Response(JSON.stringify({ state: server.state, ...server.counts })),
);
console.log(server.addr.port);
