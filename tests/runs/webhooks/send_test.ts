/** How one webhook is sent, over real sockets of this machine. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { failureReason } from "../../../runs/webhooks/failure.ts";
import { PrivateAddressError, type SendOptions, sendWebhook } from "../../../runs/webhooks/send.ts";
import { FakeClock } from "../../storage/spool/fake_spool.ts";
import { inTime, until } from "../../waiting.ts";

interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A receiver on this machine, which answers as it is told. */
async function receive(answer: (response: ServerResponse) => void) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => body += chunk);
    request.on("end", () => {
      const { method, url: path, headers } = request;
      received.push({ method, path, headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    received,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const status = (code: number, headers: Record<string, string> = {}) => (response: ServerResponse) =>
  response.writeHead(code, headers).end("x");

const OPTIONS = { timeout: 60_000, allowPrivate: true };

function request(url: string) {
  return { url: new URL(url), headers: { "webhook-id": "run-1" }, body: '{"id":"엑셀"}' };
}

Deno.test("posts the body and the headers, to the address that the name led to once", async () => {
  await using receiver = await receive(status(204));
  const asked: string[] = [];
  const sent = await sendWebhook(
    request(`http://hooks.example.com:${receiver.port}/in?token=a%20b`),
    {
      ...OPTIONS,
      resolve(hostname) {
        asked.push(hostname);
        return Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
      },
    },
  );
  assert.equal(sent, 204);
  assert.deepEqual(asked, ["hooks.example.com"]);
  const [{ method, path, body, headers }] = receiver.received as [Received];
  assert.deepEqual({ method, path, body }, {
    method: "POST",
    path: "/in?token=a%20b",
    body: '{"id":"엑셀"}',
  });
  assert.equal(headers.host, `hooks.example.com:${receiver.port}`);
  assert.equal(headers["webhook-id"], "run-1");
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers["content-length"], "15");
});

Deno.test("goes to no private address that is not allowed, in no spelling and under no name", async () => {
  await using receiver = await receive(status(200));
  const { port } = receiver;
  const hosts = [
    ...["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"],
    ...["[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "localhost"],
  ];
  for (const host of hosts) {
    await assert.rejects(
      sendWebhook(request(`http://${host}:${port}/`), { ...OPTIONS, allowPrivate: false }),
      PrivateAddressError,
      host,
    );
  }
  // One of several addresses is enough: which of them is connected to is for the system to say.
  const several = ["93.184.215.14", "127.0.0.1"].map((address) => ({ address, family: 4 }));
  await assert.rejects(
    sendWebhook(request(`http://hooks.example.com:${port}/`), {
      ...OPTIONS,
      allowPrivate: false,
      resolve: () => Promise.resolve(several),
    }),
    {
      name: "PrivateAddressError",
      message: "hooks.example.com is at the private address 127.0.0.1",
    },
  );
  assert.deepEqual(receiver.received, []);
});

Deno.test("follows no redirect", async () => {
  await using target = await receive(status(200));
  const location = `http://127.0.0.1:${target.port}/`;
  for (const code of [301, 302, 307, 308]) {
    await using receiver = await receive(status(code, { Location: location }));
    const url = `http://127.0.0.1:${receiver.port}/`;
    assert.equal(await sendWebhook(request(url), OPTIONS), code);
  }
  assert.deepEqual(target.received, []);
});

Deno.test("reads no more of an answer than a little, however long it is", async () => {
  const closed = Promise.withResolvers<void>();
  await using receiver = await receive((response) => {
    const chunk = new Uint8Array(64 * 1024);
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("close", closed.resolve);
    response.writeHead(200).on("drain", more);
    more();
  });
  const sending = sendWebhook(request(`http://127.0.0.1:${receiver.port}/`), OPTIONS);
  assert.equal(await inTime(sending, "the status"), 200);
  await inTime(closed.promise, "the end of the connection");
});

Deno.test("waits as long as it may: for addresses, and for an answer", async () => {
  await using receiver = await receive(() => {});
  const url = `http://127.0.0.1:${receiver.port}/`;
  const clock = new FakeClock();
  const sending = sendWebhook(request(url), { ...OPTIONS, timeout: 15_000, clock });
  const rejected = assert.rejects(sending, { message: "no answer within 15000 ms" });
  await until(() => receiver.received.length === 1);
  await clock.pass(15_000);
  await inTime(rejected, "the timeout");
  const lost = sendWebhook(request("http://hooks.example.com/"), {
    ...OPTIONS,
    timeout: 15_000,
    clock,
    resolve: () => new Promise(() => {}),
  });
  const lostRejected = assert.rejects(lost, { message: "no answer within 15000 ms" });
  await clock.pass(15_000);
  await inTime(lostRejected, "the timeout");
});

Deno.test("takes the status of an answer that breaks off", async () => {
  await using receiver = await receive((response) => {
    response.writeHead(202, { "Content-Length": "10" });
    response.write("x", () => response.socket!.end());
  });
  const sending = sendWebhook(request(`http://127.0.0.1:${receiver.port}/`), OPTIONS);
  assert.equal(await inTime(sending, "the status"), 202);
});

Deno.test("says of a failure what its caller may know", async () => {
  const closed = await receive(() => {});
  await closed[Symbol.asyncDispose]();
  const reasonOf = (url: string, options: Partial<SendOptions> = {}) =>
    sendWebhook(request(url), { ...OPTIONS, ...options }).then(String, failureReason);
  assert.equal(await reasonOf(`http://127.0.0.1:${closed.port}/`), "the connection was refused");
  assert.equal(await reasonOf("http://nowhere.invalid/"), "its name has no address");
  assert.equal(
    await reasonOf("http://127.0.0.1/", { allowPrivate: false }),
    "its address is private",
  );
  await using receiver = await receive((response) => response.socket!.destroy());
  assert.equal(await reasonOf(`http://127.0.0.1:${receiver.port}/`), "the connection broke");
  const noTls = `https://127.0.0.1:${receiver.port}/`;
  assert.equal(await reasonOf(noTls), "its certificate is not trusted, or it speaks no TLS");
});

Deno.test({
  name: "says where it may not connect, though it may to the name",
  permissions: { net: ["localhost", "hooks.example.com"] },
  async fn() {
    const resolve = () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
    const refused = async (url: string, options: Partial<SendOptions> = {}) => {
      const sending = sendWebhook(request(url), { ...OPTIONS, ...options });
      return failureReason(await sending.catch((error) => error));
    };
    const reason = "this server may not connect to it";
    assert.equal(await refused("http://hooks.example.com/", { resolve }), reason);
    assert.equal(await refused("http://localhost:9/"), reason);
    assert.equal(await refused("http://127.0.0.1:9/"), reason);
    assert.equal(await refused("http://[::1]:9/"), reason);
    assert.equal(await refused("http://app.example.com/"), reason);
    await assert.rejects(
      sendWebhook(request("https://hooks.example.com/"), { ...OPTIONS, resolve }),
      {
        name: "NotCapable",
        message: "hooks.example.com is at 127.0.0.1, which this process may not connect to; " +
          "it needs --allow-net for that",
      },
    );
  },
});

Deno.test({
  name: "connects to those addresses of a name that it may connect to",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    await using receiver = await receive(status(204));
    const addresses = [{ address: "::1", family: 6 }, { address: "127.0.0.1", family: 4 }];
    const url = `http://hooks.example.com:${receiver.port}/`;
    const sending = sendWebhook(request(url), {
      ...OPTIONS,
      resolve: () => Promise.resolve(addresses),
    });
    assert.equal(await inTime(sending, "the status"), 204);
  },
});

Deno.test("ends with its signal", async () => {
  await using receiver = await receive(() => {});
  const stop = new AbortController();
  const sending = sendWebhook(request(`http://127.0.0.1:${receiver.port}/`), {
    ...OPTIONS,
    signal: stop.signal,
  });
  const rejected = assert.rejects(sending, { message: "enough" });
  await until(() => receiver.received.length === 1);
  stop.abort(new Error("enough"));
  await inTime(rejected, "the end");
});
