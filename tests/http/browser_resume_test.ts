/** A real browser whose connection breaks in the middle of a streamed download, and who presses Resume. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import puppeteer from "puppeteer-core";
import { CHROMIUM, readerTest } from "../clients/programs.ts";
import { until } from "../waiting.ts";
import { digestOf } from "./downloads.ts";
import { startServer } from "./fixture.ts";

/** A way to a server that can be cut: connections through it break after so many bytes of an answer. */
function startWay(port: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let left = Infinity;
  const sockets = new Set<Deno.TcpConn>();
  void (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      sockets.add(client).add(server);
      client.readable.pipeTo(server.writable).catch(() => {});
      void (async () => {
        try {
          for await (const chunk of server.readable) {
            left -= chunk.length;
            if (left < 0) break;
            await new Response(chunk).body!.pipeTo(client.writable, { preventClose: true });
          }
        } catch {
          // The browser closed it.
        }
        for (const socket of [client, server]) {
          try {
            socket.close();
          } catch {
            // It is closed.
          }
        }
      })();
    }
  })().catch(() => {});
  return {
    port: listener.addr.port,
    breakAfter: (bytes: number) => void (left = bytes),
    [Symbol.dispose]: () => listener.close(),
  };
}

const PATH = "/exports/rows.csv?rows=300000";

readerTest("a browser resumes a streamed download that broke", ["chromium"], async () => {
  await using server = await startServer({
    spool: "{ dir: spool, min_free: 1MiB, allow_memory: true, resume_window: 10m }",
  });
  using way = startWay(server.port);
  const sha256 = await digestOf(server, PATH);
  const folder = await Deno.makeTempDir({ prefix: "spillway-browser-" });
  const browser = await puppeteer.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu"],
    userDataDir: `${folder}/profile`,
  });
  try {
    const session = await browser.target().createCDPSession();
    await session.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: folder,
      eventsEnabled: true,
    });
    let last: { readonly state: string; readonly receivedBytes: number } | undefined;
    session.on("Browser.downloadProgress", (event) => void (last = event));
    const page = await browser.newPage();
    way.breakAfter(12_000_000);
    // A page that is a download is no page.
    await page.goto(`http://127.0.0.1:${way.port}${PATH}`).catch(() => {});
    await until(() => last?.state === "canceled");
    const { receivedBytes } = last!;
    assert.ok(receivedBytes > 0 && receivedBytes < 12_000_000, `${receivedBytes}`);

    // Until its run has ended, it is asked to come later.
    await until(() => server.engine.admission.taken === 0);

    way.breakAfter(Infinity);
    await page.goto("chrome://downloads");
    const resume = await page.waitForSelector(
      "downloads-manager >>> downloads-item >>> #pause-or-resume",
    );
    await resume!.evaluate((button) => (button as { click(): void }).click());
    // It gets that name once it is whole; of one that was broken off, there are no more events.
    const path = `${folder}/rows.csv`;
    await until(() => Deno.stat(path).then(() => true, () => false));
    const file = await Deno.readFile(path);
    assert.equal(createHash("sha256").update(file).digest("hex"), sha256);
    await until(() => server.reports.length === 2);
    assert.deepEqual(
      server.reports.map(({ state, bytes }) => [state, bytes]),
      [["complete", file.length], ["complete", file.length]],
      "the second run is the browser's, and its only one",
    );
  } finally {
    await browser.close();
    await Deno.remove(folder, { recursive: true });
  }
});
