/** PostgreSQL over TLS: what is encrypted, and whom the server must be. */

import assert from "node:assert/strict";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { postgresDriver } from "../../../sources/postgres/driver.ts";
import { SourceError } from "../../../sources/source.ts";
import { makeCertificates, OPENSSL } from "../certificates.ts";
import { readInProcess } from "../other_process.ts";
import { BINARIES, startServer } from "./server.ts";

const missing = [
  ...(BINARIES === undefined ? ["a PostgreSQL server"] : []),
  ...(OPENSSL ? [] : ["openssl"]),
];

const name = "postgres: the connection is encrypted, and the server is who it must be";
const reason = missing.length === 0 ? "" : ` (${missing.join(" and ")} is not installed)`;
Deno.test(name + reason, { ignore: missing.length > 0 }, async () => {
  const folder = Deno.makeTempDirSync({ prefix: "spillway-certificates-" });
  try {
    makeCertificates(folder, { server: "DNS:localhost" });
    const read = (file: string) => Deno.readTextFileSync(`${folder}/${file}`);
    const server = await startServer({
      tls: { certificate: read("server.pem"), key: read("server.key") },
    });
    try {
      const ca = `${folder}/ca.pem`;
      const byName = server.url().replace("127.0.0.1", "localhost");
      const connect = async (url: string, settings: object) => {
        const text = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        const config = postgres.config.parse({ url, ...settings });
        const { batches } = await postgresDriver.open(config, { text, params: {} });
        return (await Array.fromAsync(batches)).flat()[0]![0];
      };
      const refusal = async (url: string, settings: object) => {
        const error = await connect(url, settings).then(() => undefined, (error) => error);
        assert(error instanceof SourceError, `not refused: ${error}`);
        assert.equal(error.connection, false);
        return error.message;
      };

      assert.equal(await connect(byName, { ca }), true);
      assert.equal(await connect(byName, { ca, tls: "verify-full" }), true);
      assert.equal(await connect(server.url(), { ca, tls: "verify-ca" }), true);
      assert.equal(await connect(server.url(), { tls: "require" }), true);
      assert.equal(await connect(`${server.url()}?sslmode=prefer`, {}), true);
      assert.equal(await connect(server.url(), {}), false);
      // A connection is kept here too, and keeps no process from ending.
      const url = `${server.url()}?sslmode=require`;
      const [first, second] = await readInProcess("postgres", url, "select pg_backend_pid()", 2);
      assert.equal(typeof first![0], "number");
      assert.deepEqual(second, first);

      // No name that the certificate has, no authority, and none that is known.
      assert.match(
        await refusal(server.url(), { ca }),
        /^Cannot open source: the server is not trusted: .*altnames/,
      );
      assert.match(
        await refusal(byName, { tls: "verify-full" }),
        /^Cannot open source: the server is not trusted: /,
      );
      assert.match(
        await refusal(byName, { tls: "verify-ca" }),
        /^Cannot open source: the server is not trusted: /,
      );
      assert.equal(
        await refusal(byName, { ca: `${folder}/none.pem` }),
        "Cannot open source: the `ca` file is missing or cannot be read",
      );

      // A cancel is encrypted too.
      const { batches } = await postgresDriver.open(postgres.config.parse({ url: byName, ca }), {
        text: "select generate_series(1, 10000000)",
        params: {},
      }, { run: "encrypted" });
      await batches.cancel();
      const sql = server.connect();
      try {
        const left =
          await sql`select from pg_stat_activity where application_name = 'spillway:encrypted'`;
        assert.equal(left.length, 0);
      } finally {
        await sql.end();
      }
    } finally {
      server.stop();
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
