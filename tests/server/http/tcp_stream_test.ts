import assert from "node:assert/strict";
import { TcpStream } from "../../../server/http/tcp_stream.ts";
import { standstill, until } from "../../waiting.ts";

/** Both ends of a connection. */
async function pair() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  return { client, stream: new TcpStream(await accepted) };
}

async function readBytes(socket: Deno.TcpConn, count: number): Promise<number> {
  const buffer = new Uint8Array(64 * 1024);
  let total = 0;
  while (total < count) {
    const read = await socket.read(buffer);
    if (read === null) break;
    total += read;
  }
  return total;
}

const SIZE = 64 * 1024 * 1024;

Deno.test("a client that takes a little is seen to, long before a write is over", async () => {
  const { client, stream } = await pair();
  let written = false;
  stream.write(new Uint8Array(SIZE), () => written = true);
  await standstill(() => stream.writingSince ?? 0);
  for (let turn = 0; turn < 3; turn++) {
    const before = stream.writingSince!;
    // The kernel tells of it in steps of a third of its buffer, 1.4 MB where that has grown.
    await readBytes(client, 4 * 1024 * 1024);
    await until(() => stream.writingSince! > before);
    assert.equal(written, false);
  }
  stream.destroy();
  client.close();
});

Deno.test("what was written before the end is sent, and what still comes does not reset it", async () => {
  const { client, stream } = await pair();
  await client.write(new Uint8Array(1000));
  stream.write(new Uint8Array(SIZE));
  stream.destroySoon();
  const more = client.write(new Uint8Array(1000));
  assert.equal(await readBytes(client, 2 * SIZE), SIZE);
  await more;
  await until(() => stream.flushed);
  client.close();
  await until(() => stream.destroyed);
});

Deno.test("bytes come in the pieces that they were read in, large ones too", async () => {
  const { client, stream } = await pair();
  const sent = new Uint8Array(SIZE / 8).map((_, index) => index % 251);
  const sending = (async () => {
    for (let at = 0; at < sent.length;) at += await client.write(sent.subarray(at));
    client.close();
  })();
  const received = new Uint8Array(sent.length);
  let length = 0;
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    received.set(piece, length);
    length += piece.length;
  }
  await sending;
  assert.equal(length, sent.length);
  assert.ok(received.every((byte, index) => byte === index % 251));
  await until(() => stream.destroyed);
});
