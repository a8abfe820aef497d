import assert from "node:assert/strict";
import { constants, gunzipSync, zstdDecompressSync } from "node:zlib";
import { encodeContent } from "../../../runs/worker/content_coding.ts";

const DECODERS = { gzip: gunzipSync, zstd: zstdDecompressSync } as const;

/** What lets a decoder take a stream that has not ended. */
const FLUSHES = { gzip: constants.Z_SYNC_FLUSH, zstd: constants.ZSTD_e_flush } as const;

function chunks(count: number, fail = false): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent < count) controller.enqueue(new TextEncoder().encode(`row ${sent++}\n`.repeat(999)));
      else if (fail) controller.error(new Error("the source broke"));
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).bytes(),
  );
}

for (const coding of ["gzip", "zstd"] as const) {
  Deno.test(`${coding}: the coded bytes are the same bytes, and fewer`, async () => {
    const plain = await collect(chunks(50));
    const coded = await collect(encodeContent(chunks(50), coding));
    assert.ok(coded.length < plain.length / 10, `${coded.length} of ${plain.length}`);
    assert.deepEqual(new Uint8Array(DECODERS[coding](coded)), plain);
  });

  Deno.test(`${coding}: an empty body is a valid one`, async () => {
    assert.equal(DECODERS[coding](await collect(encodeContent(chunks(0), coding))).length, 0);
  });

  Deno.test(`${coding}: the first chunk leaves before the second is asked for`, async () => {
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulls++;
        if (pulls === 1) controller.enqueue(new TextEncoder().encode("first"));
        // The second never comes.
        else return new Promise<void>(() => {});
      },
    }, { highWaterMark: 0 });
    const reader = encodeContent(body, coding).getReader();
    const { value } = await reader.read();
    const options = { finishFlush: FLUSHES[coding] };
    // All of it in one piece: the worker sends the first piece at once, and gathers the others.
    assert.equal(new TextDecoder().decode(DECODERS[coding](value!, options)), "first");
    await reader.cancel();
  });

  Deno.test(`${coding}: an error of the body is an error, and no end`, async () => {
    await assert.rejects(collect(encodeContent(chunks(5, true), coding)), /the source broke/);
  });

  Deno.test(`${coding}: cancelling cancels the body`, async () => {
    let reason: unknown;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(10));
      },
      cancel(given) {
        reason = given;
      },
    }, { highWaterMark: 0 });
    const reader = encodeContent(body, coding).getReader();
    await reader.read();
    await reader.cancel("left");
    assert.equal(reason, "left");
  });
}

Deno.test("identity is the body itself", () => {
  const body = chunks(1);
  assert.equal(encodeContent(body, "identity"), body);
});
