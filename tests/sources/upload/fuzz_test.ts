/** Damaged files are read or refused, and never end in anything else. `SPILLWAY_SOAK=1` damages fifty times as many. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createUploadDriver } from "../../../sources/upload/driver.ts";
import { UploadError } from "../../../sources/upload/reader.ts";
import { uploadConfig } from "./fixture.ts";
import { fileOf } from "./upload.ts";
import { sheetXml, workbookFile } from "./xlsx/workbook_file.ts";
import { zipFile } from "./xlsx/zip_file.ts";

const encode = (text: string) => new TextEncoder().encode(text);

const CSV = encode('id,name,when\r\n1,"Ann ""A""\r\n",2026-01-02\r\n2,,\r\n3,한국어,x\r\n');
const JSON_ROWS = encode('[{"a":1,"b":"x\\u00e9","c":[1,{"d":null}]},\n{"a":2.5e3,"b":null}]');

/** Files of every kind that is read. */
const FILES: readonly Uint8Array[] = [
  CSV,
  encode('{"a":1,"b":"x"}\n{"b":"\\ud83c\\udf89","a":null}\n'),
  JSON_ROWS,
  gzipSync(CSV),
  zstdCompressSync(JSON_ROWS),
  zipFile([{ name: "data.csv", content: CSV, descriptor: true }]),
  workbookFile({
    sheets: {
      Data: sheetXml('<row r="1"><c r="A1" t="s"><v>0</v></c></row><row><c><v>1</v></c></row>'),
    },
    strings: '<sst xmlns="x"><si><t>a</t></si></sst>',
  }),
];

/** How a file is damaged: bytes are changed, left out, doubled. */
const damages = fc.record({
  file: fc.nat({ max: FILES.length - 1 }),
  changes: fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      kind: fc.constantFrom("byte", "cut", "double", "drop"),
      byte: fc.oneof(
        fc.nat({ max: 255 }),
        fc.constantFrom(...[...'"\\,;\t\r\n{}[]<>&'].map((letter) => letter.charCodeAt(0))),
      ),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

const SOAK = Deno.env.get("SPILLWAY_SOAK") === "1";
const DAMAGED = Number(Deno.env.get("SPILLWAY_MUTATIONS") ?? (SOAK ? 50_000 : 1000));

Deno.test(`${DAMAGED} damaged files are read, or refused as uploads`, async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(damages, async ({ file, changes }) => {
      let bytes = FILES[file]!.slice();
      for (const { at, kind, byte } of changes) {
        const offset = Math.floor(at * bytes.length);
        if (kind === "byte" && offset < bytes.length) bytes[offset] = byte;
        else if (kind === "cut") bytes = bytes.slice(0, Math.max(1, offset));
        else if (kind === "double") {
          bytes = Uint8Array.of(...bytes.subarray(0, offset), ...bytes.subarray(offset >> 1));
        } else bytes = Uint8Array.of(...bytes.subarray(0, offset), ...bytes.subarray(offset + 1));
      }
      let open = 0;
      const driver = createUploadDriver(() => {
        open++;
        return { ...fileOf(bytes), [Symbol.dispose]: () => void open-- };
      });
      try {
        const config = uploadConfig("file", { max_row: 1e6, max_cells: 1e6 });
        const { batches } = await driver.open(config, { text: "", params: {} });
        for await (const batch of batches) assert(batch.length > 0);
      } catch (error) {
        assert(error instanceof UploadError, Deno.inspect(error));
        refused++;
      }
      assert.equal(open, 0, "the file was left open");
    }),
    { numRuns: DAMAGED },
  );
  assert(refused > 0, "the damages do damage");
});
