/** What of another configuration a running server takes. */

import assert from "node:assert/strict";
import { loadConfig } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { reloadable, ReloadError } from "../../server/reload.ts";
import { loadDescriptors } from "../../sources/mod.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

function load(text: string) {
  const env = () => undefined;
  return loadConfig(`${text}\nsources: {}\nexports: {}`, { env, folder: "/etc", sources, formats });
}

const TLS = (name: string) => `tls: { cert: ${name}.pem, key: ${name}.key }`;

for (
  const [running, next, fixed, taken] of [
    [`server: { ${TLS("a")} }`, `server: { ${TLS("b")} }`, [], {
      cert: "/etc/b.pem",
      key: "/etc/b.key",
    }],
    [`server: { ${TLS("a")} }`, "", ["server.tls"], { cert: "/etc/a.pem", key: "/etc/a.key" }],
    ["", `server: { ${TLS("b")} }`, ["server.tls"], undefined],
    [
      "",
      "server: { port: 1, hostname: localhost, head_timeout: 1s, admin: { port: 2 } }\n" +
      "spool: { dir: spool }\nlog: { audit: stdout }",
      [
        "server.hostname",
        "server.port",
        "server.head_timeout",
        "server.admin",
        "spool",
        "log.audit",
      ],
      undefined,
    ],
    [
      "spool: { dir: a, keep: 1m }",
      "spool: { dir: b, keep: 2m }",
      ["spool.dir", "spool.keep"],
      undefined,
    ],
  ] as const
) {
  Deno.test(`${JSON.stringify(next)} after ${JSON.stringify(running)} needs a restart for ${fixed.length} keys`, () => {
    const before = load(running);
    const { config, fixed: found } = reloadable(before, load(next));
    assert.deepEqual([...found].sort(), [...fixed].sort());
    assert.deepEqual(config.server.tls, taken);
    const { tls: _, ...rest } = config.server;
    const { tls: __, ...as } = before.server;
    assert.deepEqual([rest, config.spool, config.audit], [as, before.spool, before.audit]);
  });
}

Deno.test("what is not of sockets is taken, also what is absent", () => {
  const before = load(
    "server: { hosts: [a], debug: true, drain_timeout: 1s }\nlimits: { concurrent: 3 }",
  );
  const { config, fixed } = reloadable(before, load("server: { hosts: [b] }"));
  assert.deepEqual(fixed, []);
  const { hosts, debug, drainTimeout } = config.server;
  assert.deepEqual([hosts, debug, drainTimeout], [["b"], undefined, 25_000]);
  assert.equal(config.limits.concurrent, 32);
});

Deno.test("an empty access is for loopback, where the server listens and not where it would", () => {
  const open = load("server: { hostname: 0.0.0.0 }\naccess: { anonymous: true }");
  assert.throws(() => reloadable(open, load("server: { hostname: 127.0.0.1 }")), ReloadError);
  assert.doesNotThrow(() => reloadable(load(""), open));
});
