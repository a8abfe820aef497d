/** An HTTP upstream over TLS: whom it must be. */

import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { httpDriver } from "../../../sources/http/driver.ts";
import { SourceError } from "../../../sources/source.ts";
import { makeCertificates, OPENSSL } from "../certificates.ts";
import { settings } from "./fixture.ts";

Deno.test({
  name: "http: the upstream is who it must be" +
    (OPENSSL ? "" : " (openssl is not installed)"),
  ignore: !OPENSSL,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "spillway-certificates-" });
    const read = (file: string) => Deno.readTextFileSync(`${folder}/${file}`);
    makeCertificates(folder, { server: "DNS:localhost" });
    let requests = 0;
    const server = createServer(
      { cert: read("server.pem"), key: read("server.key") },
      (_request, response) => {
        requests++;
        response.writeHead(200, { "content-type": "application/x-ndjson", "content-length": 8 });
        response.end('{"n":1}\n');
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const open = (host: string, ca?: string) =>
        httpDriver.open(
          settings(`https://${host}:${port}/rows`, ca === undefined ? {} : { ca }),
          { text: "", params: {} },
        );
      const { batches } = await open("localhost", `${folder}/ca.pem`);
      assert.deepEqual((await Array.fromAsync(batches)).flat(), [[1]]);
      // No authority that is known, and not the name that the certificate has.
      for (const [host, ca] of [["localhost"], ["127.0.0.1", `${folder}/ca.pem`]] as const) {
        const error = await open(host, ca).then(() => undefined, (error) => error);
        assert(error instanceof SourceError, `not refused: ${error}`);
        assert.equal(error.message, "Cannot open source: the upstream is not trusted");
        assert.equal(error.connection, false);
      }
      await assert.rejects(open("localhost", `${folder}/none.pem`), {
        message: "Cannot open source: the `ca` file is missing or cannot be read",
      });
      assert.equal(requests, 1);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Deno.remove(folder, { recursive: true });
    }
  },
});
