/** Files that are broken, or made to break their reader: each is refused, with a word that says why. */

import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { UploadError } from "../../../../sources/upload/reader.ts";
import { fileOf } from "../upload.ts";
import {
  readSheet,
  sheetXml,
  stringsXml,
  stylesXml,
  workbookFile,
  workbookParts,
} from "./workbook_file.ts";
import { zipFile, type ZipPart } from "./zip_file.ts";

const PARTS = { sheets: { Data: sheetXml('<row r="1"><c r="A1"><v>1</v></c></row>') } };

async function assertRefused(
  bytes: Uint8Array,
  reason: string | RegExp,
  kind: "content" | "type" = "content",
): Promise<void> {
  await assert.rejects(readSheet(bytes), (error) => {
    assert.ok(error instanceof UploadError, String(error));
    const said = error.message.replace(/^Cannot read the upload(?:, [^:]*)?: /, "");
    if (typeof reason === "string") assert.equal(said, reason);
    else assert.match(said, reason);
    assert.equal(error.kind, kind);
    return true;
  });
}

/** A workbook with a part changed. */
function withPart(name: string, change: (part: ZipPart) => ZipPart): Uint8Array {
  return zipFile(workbookParts(PARTS).map((part) => part.name === name ? change(part) : part));
}

const SHEET = "xl/worksheets/sheet1.xml";

Deno.test("says what a file is that is no XLSX workbook", async () => {
  const compound = (stream: string) => {
    const bytes = new Uint8Array(4096);
    bytes.set(Uint8Array.fromHex("d0cf11e0a1b11ae1"));
    bytes[30] = 9;
    bytes[48] = 1;
    [...stream].forEach((letter, index) => bytes[1024 + index * 2] = letter.charCodeAt(0));
    return bytes;
  };
  await assertRefused(
    compound("EncryptedPackage"),
    "it is encrypted, and opens with a password only",
  );
  await assertRefused(
    compound("Workbook"),
    "it is a workbook of Excel 97 (XLS); XLSX is read",
    "type",
  );
  await assertRefused(
    compound("WordDocument"),
    "it is an OLE compound file, and no XLSX workbook",
    "type",
  );
  const ods = [{ name: "mimetype", content: "x", method: 0 }, {
    name: "content.xml",
    content: "<x/>",
  }];
  await assertRefused(zipFile(ods), "it is an OpenDocument file (ODS); XLSX is read", "type");
  const numbers = [{ name: "Index/Document.iwa", content: "x" }];
  await assertRefused(
    zipFile(numbers),
    "it is a document of Apple's Numbers; XLSX is read",
    "type",
  );
  await assertRefused(
    zipFile([{ name: "a", content: "b" }]),
    "it is a ZIP file without a workbook",
    "type",
  );
  await assertRefused(zipFile([]), "it is a ZIP file without a workbook", "type");
  await assertRefused(new TextEncoder().encode("a,b\n1,2\n"), "it is no XLSX workbook", "type");
  await assertRefused(new Uint8Array(0), "it is no XLSX workbook", "type");
  await assertRefused(
    withPart(
      "_rels/.rels",
      (part) => ({ ...part, content: String(part.content).replace(".xml", ".bin") }),
    ),
    "it is an XLSB workbook; XLSX is read",
    "type",
  );
  await assertRefused(
    withPart("xl/workbook.xml", (part) => ({ ...part, content: "<document/>" })),
    "it is an Office document, and no workbook",
    "type",
  );
});

Deno.test("refuses ZIP files that are made to fool a reader", async () => {
  const bomb = { ...PARTS, sheets: { Data: "0".repeat(5_000_000) } };
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, stated: { size: 2 ** 31 } })),
    'its entry "xl/worksheets/sheet1.xml" inflates to more than 500 times its size',
  );
  await assertRefused(
    zipFile(
      workbookParts(bomb).map((part) =>
        part.name === SHEET ? { ...part, stated: { size: 1000 } } : part
      ),
    ),
    'its entry "xl/worksheets/sheet1.xml" is larger than it says',
  );
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, stated: { size: 5000 } })),
    'its entry "xl/worksheets/sheet1.xml" is smaller than it says',
  );
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, stated: { crc: 7 } })),
    'its entry "xl/worksheets/sheet1.xml" is damaged: its checksum is another one',
  );
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, stated: { flags: 1 } })),
    'its entry "xl/worksheets/sheet1.xml" is encrypted',
  );
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, method: 9 })),
    'its entry "xl/worksheets/sheet1.xml" is compressed by method 9, which is not read',
  );
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, stated: { offset: 0 } })),
    'its entry "_rels/.rels" overlaps what follows it',
  );
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, stated: { offset: 3 } })),
    'its entry "_rels/.rels" overlaps what follows it',
  );
  await assertRefused(
    withPart(SHEET, (part) => ({ ...part, stated: { offset: 2 ** 30 } })),
    'its entry "xl/worksheets/sheet1.xml" overlaps what follows it',
  );
  await assertRefused(
    zipFile([...workbookParts(PARTS), { name: "XL/Workbook.xml", content: "<workbook/>" }]),
    'it has two entries of the name "XL/Workbook.xml"',
  );
  await assertRefused(
    zipFile([...workbookParts(PARTS), { name: "xl/../../etc/passwd", content: "x" }]),
    'it has an entry of the name "xl/../../etc/passwd"',
  );
  await assertRefused(
    zipFile(Array.from({ length: 10_001 }, (_, index) => ({ name: `${index}`, content: "" }))),
    "it has 10001 entries, and at most 10000 are read",
  );
  await assertRefused(
    zipFile(workbookParts(PARTS), { entries: 60_000 }),
    "it has 60000 entries, and at most 10000 are read",
  );
  await assertRefused(
    zipFile(workbookParts(PARTS), { entries: 9 }),
    "its central directory ends after 4 of 9 entries",
  );
});

Deno.test("refuses a bomb of bombs: 16 archives, each of 16 more", async () => {
  const innermost = zipFile([{ name: "0", content: new Uint8Array(10_000_000) }]);
  let bomb = innermost;
  for (let depth = 0; depth < 4; depth++) {
    bomb = zipFile(
      Array.from({ length: 16 }, (_, index) => ({ name: `lib ${index}.zip`, content: bomb })),
    );
  }
  await assertRefused(bomb, "it is a ZIP file without a workbook", "type");
});

Deno.test("refuses XML that is made to fool a reader", async () => {
  const laughs =
    '<!DOCTYPE worksheet [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>';
  const withDtd = (text: string) => text.replace(/(?=<(?:worksheet|workbook|sst) )/, laughs);
  for (const name of ["xl/workbook.xml", SHEET]) {
    await assertRefused(
      withPart(name, (part) => ({ ...part, content: withDtd(String(part.content)) })),
      `its part "${name}" has a DTD, which no workbook has`,
    );
  }
  await assertRefused(
    workbookFile({ ...PARTS, strings: withDtd(stringsXml(["<t>&b;</t>"])) }),
    'its part "xl/sharedStrings.xml" has a DTD, which no workbook has',
  );
  const sheet = (rows: string) => workbookFile({ sheets: { Data: sheetXml(rows) } });
  const cell = (value: string) =>
    sheet(`<row r="1"><c r="A1" t="inlineStr"><is><t>${value}</t></is></c></row>`);
  await assertRefused(cell("&b;"), "&b; in its text is no character");
  await assertRefused(cell("&#0;"), "&#0; in its text is no character");
  await assertRefused(cell("&#xD800;"), "&#xD800; in its text is no character");
  await assertRefused(cell("a & b"), "an & stands for itself in its text");
  await assertRefused(cell("\u0001"), "its text has U+0001, which XML does not");
  await assertRefused(
    workbookFile({
      sheets: {
        Data: new TextEncoder().encode(sheetXml("<row><c><v>#</v></c></row>")).map((byte) =>
          byte === 0x23 ? 0xff : byte
        ),
      },
    }),
    "its text is no UTF-8",
  );
  await assertRefused(
    sheet("<a>".repeat(300)),
    'its part "xl/worksheets/sheet1.xml" has elements within more than 256 others',
  );
  await assertRefused(
    sheet(`<row r="1">${" ".repeat(17 * 1024 * 1024)}</row>`),
    'its part "xl/worksheets/sheet1.xml" has a row of more than 16777216 bytes',
  );
  await assertRefused(
    sheet(`<!-- -->${" ".repeat(17 * 1024 * 1024)}`),
    'its part "xl/worksheets/sheet1.xml" has a tag or a text of more than 16777216 bytes',
  );
  await assertRefused(
    workbookFile({ ...PARTS, strings: stringsXml(["<t>" + "x".repeat(5_000_000) + "</t>"]) }),
    'its part "xl/sharedStrings.xml" has a si of more than 4194304 bytes',
  );
  await assertRefused(
    workbookFile({ sheets: { Data: `<?xml version="1.0" encoding="utf-7"?>${sheetXml("")}` } }),
    'its part "xl/worksheets/sheet1.xml" is in the encoding "utf-7", which is not read',
  );
  await assertRefused(
    sheet('<row r="1"><c r="A1"><v>1</v></row>'),
    'its part "xl/worksheets/sheet1.xml" is no XML: unexpected close tag.',
  );
  await assertRefused(
    sheet('<row r="1"><c r="A1><v>1</v></c></row>'),
    'its part "xl/worksheets/sheet1.xml" is no XML: disallowed character.',
  );
});

Deno.test("refuses sheets that no sheet can be", async () => {
  const sheet = (rows: string) => workbookFile({ sheets: { Data: sheetXml(rows) } });
  await assertRefused(
    sheet('<row r="1"><c r="XFE1"><v>1</v></c></row>'),
    '"XFE1" is no cell of row 1',
  );
  await assertRefused(
    sheet('<row r="1"><c r="AAAAAAA1"><v>1</v></c></row>'),
    '"AAAAAAA1" is no cell of row 1',
  );
  await assertRefused(sheet('<row r="1"><c r="A2"><v>1</v></c></row>'), '"A2" is no cell of row 1');
  await assertRefused(sheet('<row r="1048577"/>'), "a sheet has at most 1048576 rows");
  await assertRefused(sheet('<row r="0"/>'), '"0" is no number of a row');
  await assertRefused(sheet('<row r="2"/><row r="2"/>'), "row 2 follows row 2");
  await assertRefused(sheet('<row r="2"/><row r="1"/>'), "row 1 follows row 2");
  await assertRefused(
    sheet(`<row r="1">${"<c/>".repeat(16_385)}</row>`),
    "a sheet has at most 16384 columns",
  );
  await assertRefused(sheet("<row/>".repeat(1_048_577)), "a sheet has at most 1048576 rows");
  await assertRefused(sheet('<row><c t="x"><v>1</v></c></row>'), '"x" is no type of a cell');
});

Deno.test("what is made to take long does not, and says little", async () => {
  const digits = `9${"0".repeat(2_000_000)}9`;
  const cols = Array.from(
    { length: 20_000 },
    (_, index) => `<col min="${index % 100 + 1}" max="${index % 5000 + 101}" hidden="1"/>`,
  );
  const sheets = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`s${index}`, sheetXml("")]),
  );
  sheets.Data = sheetXml(
    `<row><c><v>${digits}</v></c><c><v>0.${digits}</v></c><c t="d"><v>${digits}</v></c></row>`,
  )
    .replace("<sheetData>", `<cols>${cols.join("")}</cols>$&`);
  const file = workbookFile({ sheets, styles: stylesXml(["h".repeat(200_000)]) });
  const { rows, notes } = await readSheet(file, { sheet: "Data", maxRow: 10_000_000 });
  assert.deepEqual(rows, [[digits, `0.${digits}`, digits]]);
  assert.equal(Object.keys(notes).filter((note) => note.startsWith("hidden-column")).length, 1);
  assert.equal(Object.keys(notes).filter((note) => note.startsWith("sheet-skipped ")).length, 100);
  assert.equal(notes["sheet-skipped"], 200);
});

Deno.test("stops at the limits that it is given", async () => {
  const row = (number: number) =>
    `<row r="${number}"><c r="A${number}" t="s"><v>0</v></c><c r="J${number}"><v>1</v></c></row>`;
  const file = workbookFile({
    sheets: { Data: sheetXml(row(1) + row(2) + row(3)) },
    strings: stringsXml([`<t>${"x".repeat(1000)}</t>`]),
  });
  assert.equal((await readSheet(file, { maxCells: 30, maxRow: 1000 })).rows.length, 3);
  await assert.rejects(readSheet(file, { maxCells: 29 }), {
    message: /it has more than the 29 cells that are read/,
  });
  await assert.rejects(readSheet(file, { maxRow: 999 }), {
    message: 'Cannot read the upload, sheet "Data", cell A1: the row has more than 999 characters',
  });
});

Deno.test("says of a file cut at any byte that it is cut short, or of one that is none", async () => {
  const file = workbookFile({
    ...PARTS,
    strings: stringsXml(["<t>a</t>"]),
    styles: stylesXml([0]),
  });
  for (let length = 0; length < file.length; length++) {
    await assert.rejects(readSheet(file.subarray(0, length)), UploadError, `${length} bytes`);
  }
  assert.deepEqual((await readSheet(file)).rows, [[1]]);
});

Deno.test("says of a part cut at any byte that it is no XML", async () => {
  const sheet = sheetXml(
    '<row r="1" hidden="0"><c r="A1" s="0" t="n"><f>1</f><v>1.5</v></c><c r="B1" t="inlineStr"><is><r><t>a&amp;b</t></r>' +
      '</is></c></row><row r="2"><c r="A2"><v>2</v></c></row>',
  );
  const strings = stringsXml(["<t>a</t>", "<r><t>b</t></r>"]);
  for (const [name, whole] of [["sheet", sheet], ["strings", strings]] as const) {
    for (let length = 0; length < whole.length; length++) {
      const part = whole.slice(0, length);
      const file = workbookFile(
        name === "sheet" ? { sheets: { Data: part } } : { ...PARTS, strings: part },
      );
      await assert.rejects(readSheet(file), UploadError, `${name}: ${length} characters`);
    }
  }
});

Deno.test("a stream that ends before its entry is damaged", async () => {
  const whole = sheetXml("<row><c><v>1</v></c></row>".repeat(1000));
  const deflated = deflateRawSync(new TextEncoder().encode(whole));
  const parts = workbookParts({ sheets: { Data: "" } }).map((part) =>
    part.name !== SHEET ? part : {
      ...part,
      content: deflated.subarray(0, deflated.length - 5),
      method: 0,
    }
  );
  const file = zipFile(parts);
  // Method 8 in both headers, as the bytes are deflate.
  const text = new TextDecoder("latin1").decode(file);
  for (let at = text.indexOf(SHEET); at >= 0; at = text.indexOf(SHEET, at + 1)) {
    file[at - (text.startsWith("PK\x01\x02", at - 46) ? 36 : 22)] = 8;
  }
  await assert.rejects(readSheet(file), {
    message:
      /its entry "xl\/worksheets\/sheet1.xml" (?:is damaged: it cannot be inflated|says that)/,
  });
});

Deno.test("closes what it reads while a read is pending", async () => {
  const file = fileOf(
    workbookFile({ sheets: { Data: sheetXml("<row><c><v>1</v></c></row>".repeat(5000)) } }),
  );
  const { openSheet } = await import("../../../../sources/upload/xlsx/mod.ts");
  const { contextOf } = await import("../upload.ts");
  const sheet = await openSheet(file, contextOf({}).context);
  const reading = sheet.read();
  await sheet.close();
  assert.ok((await reading)!.rows.length > 0);
  assert.equal(await sheet.read(), undefined);
});
