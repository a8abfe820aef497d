/** `deploy/nginx.conf` in a real nginx: whole files stay whole, broken ones broken, and nobody is kept. */

import assert from "node:assert/strict";
import { digestOf, scrape, startDownload } from "../http/downloads.ts";
import { curl, startServer, type TestServer } from "../http/fixture.ts";
import { freePort } from "../free_port.ts";
import { until } from "../waiting.ts";

const MIB = 1024 * 1024;

const CONFIGURATION = new URL("../../deploy/nginx.conf", import.meta.url);

/** Debian's, which is not in everybody's path. */
const NGINX = "/usr/sbin/nginx";

const IS_THERE = await Deno.stat(NGINX).then(() => true, () => false);

/** A test with nginx; ignored where there is none. */
function nginxTest(name: string, work: () => Promise<void>): void {
  Deno.test({
    name: IS_THERE ? name : `${name} (ignored: ${NGINX} is not installed)`,
    ignore: !IS_THERE,
    fn: work,
  });
}

/** nginx in front of a server. */
interface Proxy extends AsyncDisposable {
  /** Where it speaks HTTP/1.1. */
  readonly origin: string;
  /** Where it speaks HTTP/2, to clients that know it does. */
  readonly http2: string;
  /** Bytes of files that it has made for itself. */
  fileBytes(): number;
}

/** Replaces text that must be there once. */
function replaceOnce(text: string, from: string, to: string): string {
  assert.equal(text.split(from).length, 2, `${from} is there once`);
  return text.replace(from, to);
}

/** Starts nginx with our configuration, or with another site that listens as ours does. */
async function startProxy(server: TestServer, other?: string): Promise<Proxy> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-nginx-" });
  const [port, http2] = [freePort(), freePort()];
  let site = other ?? await Deno.readTextFile(CONFIGURATION);
  site = replaceOnce(site, "127.0.0.1:8000;", `127.0.0.1:${server.port};`);
  site = replaceOnce(
    site,
    "  listen 80;",
    `  listen 127.0.0.1:${http2} http2;\n  listen 127.0.0.1:${port};`,
  );
  await Deno.writeTextFile(`${folder}/site.conf`, site);
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${folder}/site.conf;
}
`,
  );
  const child = new Deno.Command(NGINX, {
    args: ["-e", `${folder}/error.log`, "-c", `${folder}/nginx.conf`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const close = async () => {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  const origin = `http://127.0.0.1:${port}`;
  try {
    await until(() =>
      fetch(`${origin}/healthz`).then(async (response) => {
        await response.body!.cancel();
        // A site may pass on another name, which is 421.
        return response.ok || other !== undefined;
      }, () => false)
    );
  } catch (error) {
    const log = await Deno.readTextFile(`${folder}/error.log`).catch(() => "");
    await close();
    throw new Error(`nginx did not start: ${log}`, { cause: error });
  }
  return {
    origin,
    http2: `http://127.0.0.1:${http2}`,
    fileBytes: () =>
      // Its temporary files have no name, but are open.
      [...Deno.readDirSync(`/proc/${child.pid}/fd`)].reduce((sum, { name }) => {
        try {
          const descriptor = `/proc/${child.pid}/fd/${name}`;
          const ours = Deno.readLinkSync(descriptor).startsWith(`${folder}/proxy/`);
          return ours ? sum + Deno.statSync(descriptor).size : sum;
        } catch {
          return sum; // closed since it was listed
        }
      }, 0),
    [Symbol.asyncDispose]: close,
  };
}

/** What comes through a proxy is not of this machine, and needs to be let in. */
const ANONYMOUS = "{ anonymous: true }";

const SPOOL = "{ dir: spool, min_free: 64MiB, spill_after: 300ms }";

nginxTest(
  "nginx: a file is whole, streamed or made first, with the headers that it had",
  async () => {
    await using server = await startServer({ access: ANONYMOUS, spool: SPOOL });
    await using proxy = await startProxy(server);
    for (const format of ["csv", "xlsx"]) {
      const path = `/exports/pages.${format}?rows=2000`;
      const direct = await digestOf(server, path);
      assert.equal(await digestOf(proxy, path), direct);
      const whole = await startDownload(proxy, `${path}&_delivery=whole`);
      assert.equal(whole.response.headers.get("etag"), `"${direct}"`);
      assert.equal(await whole.finish(), direct);
      assert.equal(whole.response.headers.get("content-length"), `${whole.bytes}`);
    }
    const compressed = await curl(
      ...["--compressed", "--dump-header", "-", "--output", "/dev/null"],
      `${proxy.origin}/exports/rows.csv`,
    );
    const head = new TextDecoder().decode(compressed.body);
    assert.match(head, /^content-encoding: (?:gzip|zstd)\r$/mi);
    assert.match(head, /^transfer-encoding: chunked\r$/mi);
  },
);

nginxTest("nginx: a download that was cut is resumed", async () => {
  await using server = await startServer({ access: ANONYMOUS, spool: SPOOL });
  await using proxy = await startProxy(server);
  const path = "/exports/rows.csv?rows=20000&_delivery=whole";
  const { response, finish } = await startDownload(proxy, path);
  await finish();
  const etag = response.headers.get("etag")!;
  const rest = await fetch(`${proxy.origin}${path}`, {
    headers: { "Range": "bytes=-7", "If-Range": etag },
  });
  assert.equal(rest.status, 206);
  assert.equal(await rest.text(), "20000\r\n");
  assert.equal(server.reports.length, 1);
});

nginxTest("nginx: an error after 50,000 rows breaks the client's transport", async () => {
  await using server = await startServer({ access: ANONYMOUS, spool: SPOOL });
  await using proxy = await startProxy(server);
  for (const format of ["csv", "xlsx"]) {
    const path = `/exports/breaks.${format}?at=50000`;
    const first = await curl("--http1.1", `${proxy.origin}${path}`);
    assert.equal(first.code, 18, "curl: transfer closed with outstanding read data remaining");
    assert.ok(first.body.length > 0);
    const second = await curl("--http2-prior-knowledge", `${proxy.http2}${path}`);
    assert.equal(second.code, 92, "curl: the stream was not closed cleanly");
    assert.ok(second.body.length > 0);
  }
  await until(() => server.reports.length === 4);
  assert.deepEqual(server.reports.map(({ state }) => state), Array(4).fill("failed"));
});

nginxTest("nginx: an error before the first row is the status that it is", async () => {
  await using server = await startServer({ access: ANONYMOUS, spool: SPOOL });
  await using proxy = await startProxy(server);
  for (const query of ["at=3", "at=50000&_delivery=whole"]) {
    const response = await fetch(`${proxy.origin}/exports/breaks.csv?${query}`);
    assert.equal(response.status, 502);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.equal((await response.json()).status, 502);
  }
  assert.equal(server.reports.length, 2, "and no export is run twice");
  const metrics = await fetch(`${proxy.origin}/metrics`);
  assert.equal(metrics.status, 404);
  await metrics.body!.cancel();
});

nginxTest("nginx: a client that leaves frees its run", async () => {
  await using server = await startServer({
    access: ANONYMOUS,
    spool: SPOOL,
    limits: "{ concurrent: 1 }",
  });
  await using proxy = await startProxy(server);
  const leaving = async (flag: string, origin: string) => {
    const client = new Deno.Command("curl", {
      args: ["--silent", flag, `${origin}/exports/pages.csv?rows=1000000`],
      stdout: "piped",
    }).spawn();
    const reader = client.stdout.getReader();
    await reader.read();
    assert.equal(server.engine.admission.taken, 1);
    client.kill("SIGTERM");
    await client.status;
    await reader.cancel();
    await until(() => server.engine.admission.taken === 0);
    assert.equal(server.reports.at(-1)!.state, "cancelled");
  };
  await leaving("--http1.1", proxy.origin);
  await leaving("--http2-prior-knowledge", proxy.http2);

  // One that leaves while its file is made.
  const left = new AbortController();
  const answer = fetch(`${proxy.origin}/exports/pages.csv?rows=1000000&_delivery=whole`, {
    signal: left.signal,
  });
  await until(() => server.engine.admission.taken === 1);
  left.abort();
  await assert.rejects(answer);
  await until(() => server.engine.admission.taken === 0);
  await until(async () => (await scrape(server)).get("spool_reserved_bytes") === 0);
});

nginxTest("nginx: a client that stalls spills in our spool, not in nginx's files", async () => {
  await using server = await startServer({
    access: ANONYMOUS,
    spool: SPOOL,
    limits: "{ concurrent: 1 }",
  });
  await using proxy = await startProxy(server);
  // 100 MB, of which the kernel and nginx take some.
  const path = "/exports/pages.csv?rows=10000";
  const whole = await digestOf(server, path);
  const download = await startDownload(proxy, path);
  await until(() => server.engine.admission.taken === 0);
  assert.ok((await scrape(server)).get("spool_bytes")! > 20 * MIB);
  assert.equal(proxy.fileBytes(), 0);
  assert.equal(await download.finish(), whole);
  await until(async () => (await scrape(server)).get("spool_bytes") === 0);
});

nginxTest(
  "nginx: the client's own name and address reach the server, and nobody else's",
  async () => {
    await using server = await startServer({
      server: "{ port: 0, hosts: [exports.example.com], trusted_proxies: [127.0.0.1] }",
      access: ANONYMOUS,
      limits: "{ per_address: 1 }",
    });
    await using proxy = await startProxy(server);
    const ask = (host: string, address: string) =>
      curl(
        ...["--interface", address, "--header", `Host: ${host}`, "--write-out", "%{http_code}"],
        ...["--header", "X-Forwarded-For: 192.0.2.1", "--header", "Forwarded: for=192.0.2.2"],
        ...["--output", "/dev/null", `${proxy.origin}/exports/table.csv`],
      );
    const statuses = await Promise.all(
      [["exports.example.com", "127.0.0.8"], ["exports.example.com", "127.0.0.9"], [
        "evil.example",
        "127.0.0.10",
      ]].map(async ([host, address]) =>
        new TextDecoder().decode((await ask(host!, address!)).body)
      ),
    );
    assert.deepEqual(statuses, ["200", "200", "421"]);
    await until(() => server.reports.length === 2);
    assert.deepEqual(server.reports.map(({ client }) => client).sort(), ["127.0.0.8", "127.0.0.9"]);
  },
);

/** nginx with a site that passes everything on, and says so by these lines alone. */
function bareSite(...lines: readonly string[]): string {
  return `server {\n  listen 80;\n  location / {\n    proxy_pass http://127.0.0.1:8000;\n    ${
    lines.join("\n    ")
  }\n  }\n}\n`;
}

nginxTest(
  "nginx: what an nginx passes on that was told no more than where to, is not local",
  async () => {
    await using server = await startServer();
    await using bare = await startProxy(server, bareSite());
    const statusOf = async (origin: string, path: string) => {
      const response = await fetch(origin + path);
      const text = await response.text();
      return [response.status, response.status === 401 ? JSON.parse(text).detail : ""];
    };
    const detail =
      "This server lets in requests of its own machine alone, until its access is set up";
    assert.deepEqual(await statusOf(server.origin, "/exports"), [200, ""]);
    for (const path of ["/exports", "/exports/table.csv", "/metrics", "/exports/missing.csv"]) {
      assert.deepEqual(await statusOf(bare.origin, path), [401, detail], path);
    }
    assert.deepEqual(server.reports, []);
  },
);

nginxTest(
  "nginx: with HTTP/1.1, any one header of a proxy's is enough, and so is its address",
  async () => {
    await using server = await startServer();
    await using trusting = await startServer({
      server: "{ port: 0, trusted_proxies: [127.0.0.1] }",
    });
    const version = "proxy_http_version 1.1;";
    const sites: [TestServer, string, number][] = [
      [server, bareSite(version, "proxy_set_header X-Forwarded-Proto $scheme;"), 401],
      [server, bareSite(version, "proxy_set_header X-Real-IP $remote_addr;"), 401],
      [server, bareSite(version, "proxy_set_header Host exports.example.com;"), 421],
      [trusting, bareSite(version), 401],
      // Nothing tells this one from a program of this machine: what docs/access.md warns of.
      [server, bareSite(version), 200],
    ];
    for (const [index, [behind, site, status]] of sites.entries()) {
      await using proxy = await startProxy(behind, site);
      const response = await fetch(`${proxy.origin}/exports`);
      await response.body!.cancel();
      assert.equal(response.status, status, `site ${index}`);
    }
  },
);
