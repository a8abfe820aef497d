/** Texts come back as they were added, whether memory holds them or a file. */

import assert from "node:assert/strict";
import { type ScratchFile, UploadError } from "../../../../sources/upload/reader.ts";
import { createTextStore } from "../../../../sources/upload/xlsx/text_store.ts";
import { readSheet, sheetXml, stringsXml, workbookFile } from "./workbook_file.ts";

const MEBIBYTE = 2 ** 20;

/** A scratch file that holds bytes of another before. */
function createScratch(before: number): ScratchFile {
  let bytes = new Uint8Array(before);
  return {
    get size() {
      return bytes.length;
    },
    append(more) {
      const all = new Uint8Array(bytes.length + more.length);
      all.set(bytes);
      all.set(more, bytes.length);
      bytes = all;
    },
    readAt(offset, into) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** The bytes of a text by its number: of each length up to 1,000, and some longer than a page or a block. */
function textOf(index: number): Uint8Array {
  const length = index % 1000 === 999 ? 5000 : index === 2500 ? MEBIBYTE + 7 : index % 1000;
  return new Uint8Array(length).fill(index % 251);
}

Deno.test("texts come back from memory and from a file, in any order", () => {
  const scratch = createScratch(77);
  const store = createTextStore({ memoryBytes: MEBIBYTE, scratch: () => scratch });
  const count = 10_000;
  for (let index = 0; index < count; index++) {
    const bytes = textOf(index);
    const half = bytes.length >> 1;
    store.add([{ bytes, from: 0, to: half }, { bytes, from: half, to: bytes.length }]);
  }
  assert.equal(store.length, count);
  for (let step = 0; step < count; step++) {
    const index = step * 7919 % count;
    const { bytes, from, to } = store.at(index);
    assert.deepEqual(bytes.slice(from, to), textOf(index), String(index));
  }
  assert.ok(scratch.size > 4 * MEBIBYTE, String(scratch.size));
});

Deno.test("texts that memory does not hold are too large where there is no file", () => {
  const store = createTextStore({ memoryBytes: MEBIBYTE });
  const bytes = new Uint8Array(MEBIBYTE / 2);
  store.add([{ bytes, from: 0, to: bytes.length }]);
  assert.throws(
    () => store.add([{ bytes, from: 0, to: bytes.length }]),
    new UploadError("its shared strings have more than 1048576 bytes"),
  );
});

Deno.test("a workbook whose shared strings are larger than memory holds is read with a scratch file", async () => {
  // 40,000 strings of 1,200 characters: 48 MB, where memory keeps 32.
  const count = 40_000;
  const text = (index: number) => `${index} `.padEnd(1200, "x");
  const items = Array.from({ length: count }, (_, index) => `<t>${text(index)}</t>`);
  const numbers = Array.from({ length: 1000 }, (_, step) => step * 7919 % count);
  const rows = numbers.map((number) => `<row><c t="s"><v>${number}</v></c></row>`);
  const file = workbookFile({
    sheets: { Data: sheetXml(rows.join("")) },
    strings: stringsXml(items),
  });
  const scratch = createScratch(0);
  const read = await readSheet(file, { scratch: () => scratch });
  assert.deepEqual(read.rows, numbers.map((number) => [text(number)]));
  assert.ok(scratch.size > 13 * MEBIBYTE, String(scratch.size));
  await assert.rejects(readSheet(file), {
    message: "Cannot read the upload: its shared strings have more than 33554432 bytes",
  });
});

Deno.test("shared strings are read no further once the run is cancelled", async () => {
  const items = Array.from({ length: 40_000 }, () => `<t>${"x".repeat(1200)}</t>`);
  const file = workbookFile({ sheets: { Data: sheetXml("") }, strings: stringsXml(items) });
  const scratch = createScratch(0);
  const left = new AbortController();
  const reading = readSheet(file, {
    signal: left.signal,
    scratch() {
      left.abort(new Error("The client left"));
      return scratch;
    },
  });
  await assert.rejects(reading, { message: "The client left" });
  // What one piece of the part has.
  assert.ok(scratch.size <= MEBIBYTE, String(scratch.size));
});
