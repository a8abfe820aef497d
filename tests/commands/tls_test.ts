/** `serve` over TLS, and SIGHUP for another certificate. */

import assert from "node:assert/strict";
import { makeCertificates, OPENSSL } from "../sources/certificates.ts";
import { until } from "../waiting.ts";
import { curl, type CurlResult } from "../http/fixture.ts";
import { configured, type Folder, type Serving, startServe } from "./fixture.ts";

/** Makes a certificate for the configuration's folder, of an authority in a folder of its own. */
async function renew(folder: Folder, authority: string): Promise<void> {
  await Deno.mkdir(`${folder.path}/${authority}`);
  makeCertificates(`${folder.path}/${authority}`, { server: "IP:127.0.0.1" });
  for (const name of ["server.pem", "server.key"]) {
    await Deno.copyFile(`${folder.path}/${authority}/${name}`, `${folder.path}/${name}`);
  }
}

function get(folder: Folder, authority: string, url: string, ...more: string[]) {
  return curl("--cacert", `${folder.path}/${authority}/ca.pem`, ...more, url);
}

/** Has a server read its configuration, and gives the line that says what came of it. */
async function reload(server: Serving): Promise<unknown> {
  const before = server.logs().length;
  server.signal("SIGHUP");
  const line = () =>
    server.logs().slice(before).find(({ message }) => /^The configuration /.test(`${message}`));
  await until(() => line() !== undefined);
  return line()!.message;
}

Deno.test({
  name: "after SIGHUP connections have another certificate, and a download goes on",
  ignore: !OPENSSL,
  async fn() {
    await using folder = await configured("tls: { cert: server.pem, key: server.key }");
    await renew(folder, "one");
    await using server = await startServe([], { cwd: folder.path });
    assert.match(server.origin, /^https:/);
    const text = ({ body }: CurlResult) => new TextDecoder().decode(body);
    const items = `${server.origin}/exports/items.csv`;
    assert.equal(text(await get(folder, "one", items)), "id,note\r\n1,plain\r\n2,'=1+1\r\n");
    assert.equal(
      (await get(folder, "one", `${server.origin}/exports/breaks.csv?at=300000`)).code,
      18,
    );
    assert.equal((await curl(items)).code, 60, "it is not known to others");
    assert.equal((await curl(items.replace("https:", "http:"))).code, 52);
    const warned = server.logs().filter(({ level }) => level === "WARN");
    assert.ok(
      warned.some(({ message }) =>
        /^The certificate in server.tls.cert ends at /.test(`${message}`)
      ),
    );

    const rows = `${server.origin}/exports/rows.csv?rows=200000`;
    const caCerts = [await Deno.readTextFile(`${folder.path}/one/ca.pem`)];
    using client = Deno.createHttpClient({ caCerts });
    const headers = { "Accept-Encoding": "identity" };
    const download = await fetch(rows, { client, headers });
    const reader = download.body!.getReader();
    let bytes = (await reader.read()).value!.length;
    await renew(folder, "two");
    assert.equal(await reload(server), "The configuration was read again");
    assert.equal((await get(folder, "one", items)).code, 60);
    assert.equal((await get(folder, "two", items)).code, 0);
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length;
    }
    assert.equal(bytes, (await get(folder, "two", rows)).body.length);

    await Deno.copyFile(`${folder.path}/one/server.key`, `${folder.path}/server.key`);
    assert.equal(
      await reload(server),
      `The configuration in force stays: Cannot use server.tls.key (${folder.path}/server.key): ` +
        `it is not the key of the certificate in ${folder.path}/server.pem`,
    );
    assert.equal((await get(folder, "two", items)).code, 0);
    const metrics = text(await get(folder, "two", `${server.origin}/metrics`));
    assert.match(metrics, /^spillway_config_last_reload_successful 0$/m);
    const [, end] = /^spillway_tls_certificate_not_after_seconds (\S+)$/m.exec(metrics)!;
    const days = (Number(end) - Date.now() / 1000) / 86_400;
    assert.ok(days > 1 && days <= 2, `${days} days`);
  },
});
