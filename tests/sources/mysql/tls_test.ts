/** MySQL over TLS: what is encrypted, and whom the server must be. */

import assert from "node:assert/strict";
import { mysql } from "../../../sources/mysql/descriptor.ts";
import { mysqlDriver } from "../../../sources/mysql/driver.ts";
import { SourceError } from "../../../sources/source.ts";
import { makeCertificates, OPENSSL } from "../certificates.ts";
import { until } from "../../waiting.ts";
import { INSTALLED, startServer } from "./server.ts";

const missing = [
  ...(INSTALLED ? [] : ["a MariaDB server"]),
  ...(OPENSSL ? [] : ["openssl"]),
];

const name = "mysql: the connection is encrypted, and the server is who it must be";
const reason = missing.length === 0 ? "" : ` (${missing.join(" and ")} is not installed)`;
Deno.test(name + reason, { ignore: missing.length > 0 }, async () => {
  const folder = Deno.makeTempDirSync({ prefix: "spillway-certificates-" });
  try {
    makeCertificates(folder, { name: "DNS:localhost", address: "IP:127.0.0.1" });
    const read = (file: string) => Deno.readTextFileSync(`${folder}/${file}`);
    const server = await startServer({
      tls: { certificate: read("name.pem"), key: read("name.key") },
    });
    try {
      const ca = `${folder}/ca.pem`;
      const byName = { url: server.url(), host: "localhost" };
      const byAddress = { url: server.url() };
      const connect = async (settings: object) => {
        const config = mysql.config.parse(settings);
        const text = `select variable_value <> '' as encrypted
          from information_schema.session_status where variable_name = 'Ssl_cipher'`;
        const { batches } = await mysqlDriver.open(config, { text, params: {} });
        return (await Array.fromAsync(batches)).flat()[0]![0];
      };
      const refusal = async (settings: object) => {
        const error = await connect(settings).then(() => undefined, (error) => error);
        assert(error instanceof SourceError, `not refused: ${error}`);
        assert.equal(error.connection, false);
        return error.message;
      };

      assert.equal(await connect({ ...byName, ca }), 1);
      assert.equal(await connect({ ...byName, ca, tls: "verify-full" }), 1);
      assert.equal(await connect({ ...byAddress, tls: "require" }), 1);
      assert.equal(await connect(byAddress), 0);
      assert.equal(await connect({ ...byName, tls: "disable" }), 0);

      // Not the name that the certificate has, and no authority that is known.
      assert.match(await refusal({ ...byAddress, ca }), /^Cannot open source: TLS failed: /);
      assert.match(
        await refusal({ ...byName, tls: "verify-full" }),
        /^Cannot open source: TLS failed: /,
      );
      assert.equal(
        await refusal({ ...byName, ca: `${folder}/none.pem` }),
        "Cannot open source: the `ca` file is missing or cannot be read",
      );

      // A whole table comes through, and a cancel is encrypted too.
      const config = mysql.config.parse({ ...byName, ca });
      const whole = await mysqlDriver.open(config, {
        text: "select seq, repeat('x', 1000) from seq_1_to_20000",
        params: {},
      });
      let rows = 0;
      for await (const batch of whole.batches) rows += batch.length;
      assert.equal(rows, 20_000);
      const { batches } = await mysqlDriver.open(config, {
        text: "select seq from seq_1_to_10000000",
        params: {},
      });
      await batches.cancel();
      await using admin = await server.connect();
      const working = "select user, info from information_schema.processlist where user = 'reader'";
      await until(async () => (await admin.ask(working)).length === 0);
    } finally {
      await server.stop();
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test(
  "mysql: an address is verified as such" + reason,
  { ignore: missing.length > 0 },
  async () => {
    const folder = Deno.makeTempDirSync({ prefix: "spillway-certificates-" });
    try {
      makeCertificates(folder, { name: "DNS:localhost", address: "IP:127.0.0.1" });
      const read = (file: string) => Deno.readTextFileSync(`${folder}/${file}`);
      const server = await startServer({
        tls: { certificate: read("address.pem"), key: read("address.key") },
      });
      try {
        const open = (host: string) =>
          mysqlDriver.open(
            mysql.config.parse({ url: server.url(), host, ca: `${folder}/ca.pem` }),
            { text: "select 7 as n", params: {} },
          );
        const { batches } = await open("127.0.0.1");
        assert.deepEqual((await Array.fromAsync(batches)).flat(), [[7]]);
        await assert.rejects(open("localhost"), /^SourceError: Cannot open source: TLS failed: /);
      } finally {
        await server.stop();
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

Deno.test(
  "mysql: a server without TLS is refused where TLS is asked for" +
    (INSTALLED ? "" : " (a MariaDB server is not installed)"),
  { ignore: !INSTALLED },
  async () => {
    const server = await startServer({ settings: ["--skip-ssl"] });
    try {
      const config = mysql.config.parse({ url: server.url(), tls: "require" });
      await assert.rejects(mysqlDriver.open(config, { text: "select 1", params: {} }), {
        name: "SourceError",
        message: "Cannot open source: the server does not offer TLS",
      });
    } finally {
      await server.stop();
    }
  },
);
