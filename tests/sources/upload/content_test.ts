/** What a file is, is found below what packs it; what is none, and what is packed to harm, is refused. */

import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { UploadConfig } from "../../../sources/upload/config.ts";
import { createUploadDriver } from "../../../sources/upload/driver.ts";
import { findContent } from "../../../sources/upload/content.ts";
import { type ScratchFile, UploadError } from "../../../sources/upload/reader.ts";
import type { Row } from "../../../table/table.ts";
import { uploadConfig } from "./fixture.ts";
import { fileOf } from "./upload.ts";
import { sheetXml, workbookFile } from "./xlsx/workbook_file.ts";
import { joined, zipFile } from "./xlsx/zip_file.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Reads a file with the driver; how many files stay open behind it must be none. */
async function readFile(
  content: Uint8Array,
  changed: Partial<UploadConfig> = {},
): Promise<readonly Row[]> {
  let open = 0;
  const driver = createUploadDriver(() => {
    open++;
    return { ...fileOf(content), [Symbol.dispose]: () => void open-- };
  });
  try {
    const { batches } = await driver.open(uploadConfig("file", changed), { text: "", params: {} });
    return (await Array.fromAsync(batches)).flat();
  } finally {
    assert.equal(open, 0, "the file was left open");
  }
}

/** What a file is refused with. */
async function refusal(content: Uint8Array, changed?: Partial<UploadConfig>): Promise<string> {
  try {
    await readFile(content, changed);
  } catch (error) {
    assert(error instanceof UploadError, `not an UploadError: ${Deno.inspect(error)}`);
    return `${error.kind}: ${error.message.replace("Cannot read the upload: ", "")}`;
  }
  throw new Error("it was read");
}

const CSV = encode("a,b\n1,x\n2,y\n");
const ROWS = [[1, "x"], [2, "y"]];
const WORKBOOK = workbookFile({
  sheets: {
    Data: sheetXml(
      '<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>' +
        '<row><c><v>1</v></c><c t="str"><v>x</v></c></row>' +
        '<row><c><v>2</v></c><c t="str"><v>y</v></c></row>',
    ),
  },
});

Deno.test("text is told from its content, and a format that is said is kept to", async () => {
  const texts: Readonly<Record<string, string>> = {
    csv: "a,b\n1,x\n2,y\n",
    tsv: "a\tb\n1\tx\n2\ty\n",
    ndjson: '{"a":1,"b":"x"}\n\n{"b":"y","a":2}\n',
    json: ' [ {"a":1,"b":"x"},\n{"a":2,"b":"y"} ] ',
    "ndjson of arrays": '["a","b"]\n[1,"x"]\n[2,"y"]\n',
    "json of arrays": '[["a","b"],[1,"x"],[2,"y"]]',
  };
  for (const [name, text] of Object.entries(texts)) {
    assert.deepEqual(await readFile(encode(text)), ROWS, name);
    const format = name.split(" ")[0] as UploadConfig["format"];
    assert.deepEqual(await readFile(encode(text), { format }), ROWS, name);
  }
  assert.deepEqual(await readFile(encode("a\n1,5\n"), { format: "tsv" }), [["1,5"]]);
  assert.deepEqual(await readFile(WORKBOOK), ROWS);
  assert.equal(
    await refusal(WORKBOOK, { format: "csv" }),
    "content: it is said to be CSV, and is a workbook",
  );
  assert.equal(
    await refusal(CSV, { format: "xlsx" }),
    "content: it is said to be an XLSX workbook, and is text",
  );
  assert.equal(
    await refusal(CSV, { formats: ["json", "xlsx"] }),
    "type: it is csv, which is not read here",
  );
});

Deno.test("a file is read out of gzip, zstd and a ZIP of one file", async () => {
  const folder = await Deno.makeTempDir();
  let files = 0;
  const packings = [
    (content: Uint8Array) => gzipSync(content),
    // As `cat one.gz other.gz` makes it.
    (content: Uint8Array) =>
      joined([gzipSync(content.subarray(0, 5)), gzipSync(content.subarray(5))]),
    (content: Uint8Array) => zstdCompressSync(content),
    (content: Uint8Array) =>
      joined([zstdCompressSync(content.subarray(0, 5)), zstdCompressSync(content.subarray(5))]),
    (content: Uint8Array) => zipFile([{ name: "data.txt", content }]),
    (content: Uint8Array) =>
      zipFile([
        { name: "folder/", content: "" },
        { name: "folder/data", content, descriptor: true },
        { name: "__MACOSX/folder/._data", content: "x" },
      ]),
  ];
  try {
    for (const pack of packings) {
      assert.deepEqual(await readFile(pack(CSV)), ROWS);
      const scratch = { path: `${folder}/${++files}`, maxBytes: 1e6 };
      assert.deepEqual(await readFile(pack(WORKBOOK), { scratch }), ROWS);
    }
    assert.equal(
      await refusal(gzipSync(WORKBOOK), {
        scratch: { path: `${folder}/small`, maxBytes: WORKBOOK.length - 1 },
      }),
      `content: what is unpacked of it takes more than ${WORKBOOK.length - 1} bytes`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what another worker has left of a scratch file does no harm", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, WORKBOOK.subarray(1));
    const scratch = { path, maxBytes: WORKBOOK.length };
    assert.deepEqual(await readFile(gzipSync(WORKBOOK), { scratch }), ROWS);
    assert.deepEqual(await Deno.readFile(path), WORKBOOK);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a file that is cut off or damaged anywhere is an error, never half a table", async () => {
  const rows = Array.from({ length: 3000 }, (_, row) => `${row},${"x".repeat(row % 90)}\n`);
  const text = encode(`n,text\n${rows.join("")}`);
  for (
    const packed of [
      gzipSync(text),
      zstdCompressSync(text),
      zipFile([{ name: "data.csv", content: text }]),
    ]
  ) {
    for (let part = 1; part < 40; part++) {
      const length = Math.floor(packed.length * part / 40);
      assert.match(await refusal(packed.subarray(0, length)), /^content: /);
    }
    assert.match(await refusal(packed.subarray(0, packed.length - 1)), /^content: /);
    const damaged = packed.slice();
    damaged[Math.floor(packed.length / 2)]! ^= 0x10;
    await assert.rejects(readFile(damaged), UploadError);
  }
  for (const packed of [gzipSync(CSV), zstdCompressSync(CSV)]) {
    assert.match(await refusal(joined([packed, encode("more")])), /broken or cut off/);
  }
});

Deno.test("what is no table, or packed more than once, is refused by what it is", async () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["content: it is empty", encode("")],
    ["content: it is packed more than once", gzipSync(gzipSync(CSV))],
    [
      "content: it is a ZIP of 2 files, and one is read",
      zipFile([
        { name: "a.csv", content: CSV },
        { name: "b.csv", content: CSV },
      ]),
    ],
    [
      "type: it is an OpenDocument file (ODS); XLSX is read",
      zipFile([
        { name: "mimetype", content: "application/vnd.oasis.opendocument.spreadsheet" },
        { name: "content.xml", content: "<x/>" },
      ]),
    ],
    ["type: it is HTML or XML, also where it is called XLS", encode("\n<html><table>")],
    ["type: it is a PDF", encode("%PDF-1.7\n%\xe2\xe3")],
    ["type: it is a picture", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0)],
    ["content: a workbook that is packed once more is not read here", gzipSync(WORKBOOK)],
  ];
  for (const [expected, content] of cases) assert.equal(await refusal(content), expected);
});

Deno.test("a file that inflates to hundreds of times its size is refused", async () => {
  const bomb = zstdCompressSync(new Uint8Array(200 * 2 ** 20).fill(0x61));
  assert.match(await refusal(bomb, { max_row: 2 ** 28 }), /inflates to more than 500 times/);
});

Deno.test("what is packed once more is unpacked no further once the run is cancelled", async () => {
  const left = new AbortController();
  let appended = 0;
  const scratch = (): ScratchFile => {
    left.abort(new Error("The client left"));
    return { ...fileOf(WORKBOOK), append: () => void appended++ };
  };
  const file = fileOf(gzipSync(WORKBOOK));
  await assert.rejects(findContent(file, { scratch, signal: left.signal }), {
    message: "The client left",
  });
  assert.equal(appended, 0);
});
