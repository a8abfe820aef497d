/** The thread that inflates a large sheet. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { UploadError } from "../../../../sources/upload/reader.ts";
import { inflateInThread } from "../../../../sources/upload/xlsx/inflate_helper.ts";
import { type ContentOptions, readContent } from "../../../../sources/upload/xlsx/zip_content.ts";
import { readDirectory } from "../../../../sources/upload/xlsx/zip_directory.ts";
import { fileOf } from "../upload.ts";
import { sheetXml, workbookFile } from "./workbook_file.ts";

const PIECE = 64 * 1024;

function* pieces(bytes: Uint8Array, size = 10_000): Generator<Uint8Array<ArrayBuffer>, void> {
  for (let at = 0; at < bytes.length; at += size) yield new Uint8Array(bytes.slice(at, at + size));
}

async function inflated(input: Iterator<Uint8Array<ArrayBuffer>, void>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const { bytes } of inflateInThread(input, PIECE)) {
    assert.ok(bytes.length <= PIECE);
    parts.push(bytes);
  }
  return new Uint8Array(Buffer.concat(parts));
}

Deno.test("gives what was deflated, of any size", async () => {
  for (const size of [0, 1, PIECE - 1, PIECE, 3 * PIECE + 1, 40 * PIECE]) {
    const half = randomBytes(size >> 1);
    const plain = new Uint8Array(Buffer.concat([half, Buffer.alloc(size - half.length, "ab")]));
    assert.deepEqual(await inflated(pieces(deflateRawSync(plain))), plain, `${size} bytes`);
  }
});

Deno.test("is no more than some pieces ahead of its reader, and ends when that leaves", async () => {
  let given = 0;
  const deflated = deflateRawSync(randomBytes(10_000_000));
  function* counted() {
    for (const piece of pieces(deflated)) {
      given += piece.length;
      yield piece;
    }
  }
  for await (const _ of inflateInThread(counted(), PIECE)) {
    // The thread has all the time that it could want.
    await new Promise((resolve) => setTimeout(resolve, 300));
    break;
  }
  assert.ok(given < 1_000_000, `${given} bytes were read`);
});

Deno.test("says what is no deflated data, and passes on why the input cannot be read", async () => {
  await assert.rejects(inflated(pieces(new Uint8Array(1000).fill(7))), {
    message: /invalid block type/,
  });
  await assert.rejects(inflated(pieces(deflateRawSync(randomBytes(100_000)).subarray(0, 50_000))), {
    message: /unexpected end of file/,
  });
  function* broken(): Generator<Uint8Array<ArrayBuffer>, void> {
    yield* pieces(deflateRawSync(randomBytes(100_000)).subarray(0, 50_000));
    throw new UploadError("it is cut short");
  }
  await assert.rejects(inflated(broken()), UploadError);
});

Deno.test("a large sheet is the same, and as damaged, in a thread, without one, and where none can start", async () => {
  const file = workbookFile({
    sheets: { Data: sheetXml(`<row>${"<c/>".repeat(9)}</row>`.repeat(750_000)) },
  });
  const name = "xl/worksheets/sheet1.xml";
  const { compressedSize, offset, size } = readDirectory(fileOf(file)).get(name)!;
  assert.ok(size > 32 * 2 ** 20, `${size} bytes`);
  const damaged = Uint8Array.from(file);
  damaged[offset + (compressedSize >> 1)]! ^= 8;
  const read = async (bytes: Uint8Array, options: ContentOptions) => {
    const upload = fileOf(bytes);
    const entry = readDirectory(upload).get(name)!;
    let sum = 0;
    for await (const { length } of readContent(upload, entry, options)) sum += length;
    return sum;
  };
  const none = new URL("./no_thread.ts", import.meta.url);
  for (const options of [{}, { inThread: true }, { inThread: true, thread: none }]) {
    assert.equal(await read(file, options), size);
    await assert.rejects(() => read(damaged, options), {
      name: "SourceError",
      message:
        /^Cannot read the upload: its entry ".*" (is damaged|is (larg|small)er than it says)/,
    });
  }
});
