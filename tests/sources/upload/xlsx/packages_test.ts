/** Packages as programs write them: each of these some reader of workbooks does not read. */

import assert from "node:assert/strict";
import {
  readRows,
  readSheet,
  sheetXml,
  stringsXml,
  stylesXml,
  workbookFile,
  workbookParts,
} from "./workbook_file.ts";
import { zipFile } from "./zip_file.ts";

const ROW = '<row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1"><v>2.5</v></c></row>';
const STRINGS = stringsXml(["<t>zero</t>", "<t>größe</t>"]);
const PARTS = { sheets: { Data: sheetXml(ROW) }, strings: STRINGS };
const EXPECTED = [["größe", 2.5]];

async function assertReads(bytes: Uint8Array): Promise<void> {
  assert.deepEqual((await readSheet(bytes)).rows, EXPECTED);
}

Deno.test("reads entries however they are stored", async () => {
  const parts = workbookParts(PARTS);
  await assertReads(zipFile(parts));
  await assertReads(zipFile(parts.map((part) => ({ ...part, method: 0 }))));
  await assertReads(zipFile(parts.map((part) => ({ ...part, descriptor: true }))));
  await assertReads(zipFile(parts.map((part) => ({ ...part, zip64: true }))));
  await assertReads(zipFile(parts, { zip64: true }));
  await assertReads(zipFile(parts, { comment: "a comment" }));
  await assertReads(zipFile(parts.toReversed()));
});

Deno.test("reads the names of entries that are not quite those of the relationships", async () => {
  const parts = workbookParts(PARTS);
  await assertReads(
    zipFile(parts.map((part) => ({ ...part, name: part.name.replaceAll("/", "\\") }))),
  );
  await assertReads(zipFile(parts.map((part) => ({ ...part, name: `/${part.name}` }))));
  await assertReads(
    zipFile(parts.map((part) => ({ ...part, name: part.name.replace("sheet1", "Sheet1") }))),
  );
});

Deno.test("follows relationships to wherever parts are", async () => {
  const moved = (target: string, name: string) =>
    zipFile(
      workbookParts(PARTS).map((part) => {
        if (part.name === "xl/worksheets/sheet1.xml") return { ...part, name };
        if (part.name !== "xl/_rels/workbook.xml.rels") return part;
        return { ...part, content: String(part.content).replace("worksheets/sheet1.xml", target) };
      }),
    );
  await assertReads(moved("/xl/data.xml", "xl/data.xml"));
  await assertReads(moved("../other/a%20b.xml", "other/a b.xml"));
  await assertReads(moved("./worksheets/./sheet9.xml", "xl/worksheets/sheet9.xml"));
});

Deno.test("reads strict OOXML", async () => {
  const strict = (text: string) =>
    text.replaceAll(
      "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
      "http://purl.oclc.org/ooxml/spreadsheetml/main",
    ).replaceAll(
      "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
      "http://purl.oclc.org/ooxml/officeDocument/relationships",
    );
  await assertReads(
    zipFile(
      workbookParts(PARTS).map((part) => ({ ...part, content: strict(String(part.content)) })),
    ),
  );
});

Deno.test("reads names with prefixes", async () => {
  const prefixed = (text: string) =>
    text.replaceAll(/<(\/?)(?=\w)/g, "<$1x:").replace("xmlns=", "xmlns:x=");
  const parts = workbookParts(PARTS).map((part) =>
    part.name.endsWith(".rels") ? part : { ...part, content: prefixed(String(part.content)) }
  );
  await assertReads(zipFile(parts));
});

Deno.test("reads parts in other encodings, with marks, comments, CDATA and instructions", async () => {
  const utf16 = (text: string, littleEndian: boolean) => {
    const bytes = new Uint8Array(text.length * 2);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < text.length; at++) {
      view.setUint16(at * 2, text.charCodeAt(at), littleEndian);
    }
    return bytes;
  };
  const sheet = sheetXml(ROW);
  const inUtf16 = sheet.replace("UTF-8", "UTF-16");
  for (
    const xml of [
      `\ufeff${sheet}`,
      utf16(`\ufeff${inUtf16}`, true),
      utf16(`\ufeff${inUtf16}`, false),
      utf16(inUtf16, true),
      sheet.replace("<sheetData>", "<!-- <sheetData> --><sheetData>"),
      sheet.replace("<sheetData>", '<sheetData><?pi "</row>"?>'),
      sheet.replace("<v>2.5</v>", "<v><!-- 1 -->2<!-- 7 -->.5</v>"),
      sheet.replace("<v>2.5</v>", "<v><![CDATA[2.]]>5</v>"),
      sheet.replace("<v>2.5</v>", "<v>&#50;.5</v>"),
      sheet.replace('r="B1"', 'r="&#66;1"'),
      sheet.replace("<v>2.5</v></c>", "<v>2.5</v><extLst><ext><v>9</v></ext></extLst></c>")
        .replace("<ext><v>9</v></ext>", ""),
      sheet.replaceAll("><", ">\n  <"),
      sheet.replaceAll('"', "'"),
    ]
  ) {
    assert.deepEqual(await readRows({ ...PARTS, sheets: { Data: xml } }), EXPECTED, String(xml));
  }
  for (
    const strings of [
      utf16(`\ufeff${STRINGS}`, true),
      `<?xml version="1.0" encoding="iso-8859-1"?>${STRINGS}`,
      STRINGS.replace("größe", "gr<![CDATA[öß]]>e"),
      STRINGS.replace("größe", "gr&#xF6;&#223;e"),
      STRINGS.replace("<si>", "<!-- x --><si>"),
    ]
  ) {
    const content = String(strings).includes("iso-8859-1")
      ? Uint8Array.from(strings as string, (character) => character.charCodeAt(0))
      : strings;
    assert.deepEqual(await readRows({ ...PARTS, strings: content }), EXPECTED, String(strings));
  }
});

Deno.test("reads a sheet with all that Excel puts into one", async () => {
  const sheet = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n` +
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ' +
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="x14ac xr" ' +
    'xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac" ' +
    'xmlns:xr="http://schemas.microsoft.com/office/spreadsheetml/2014/revision" xr:uid="{00000000-0001-0000}">' +
    '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><dimension ref="A1:XFD1048576"/><sheetViews><sheetView ' +
    'tabSelected="1" workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15" x14ac:dyDescent="0.25"/>' +
    '<sheetData><row r="1" spans="1:2" ht="15.75" hidden="0" x14ac:dyDescent="0.25"><c r="A1" s="0" t="s" vm="1">' +
    '<v>1</v></c><c r="B1" cm="1"><f t="array" ref="B1" aca="1">SUM(1,1.5)</f><v>2.5</v></c></row></sheetData>' +
    '<autoFilter ref="A1:B1"/><conditionalFormatting sqref="A1"><cfRule type="expression" priority="1"><formula>' +
    'A1&gt;1</formula></cfRule></conditionalFormatting><rowBreaks count="1"><brk id="1"/></rowBreaks>' +
    '<mc:AlternateContent><mc:Choice Requires="x14"><row r="1"/></mc:Choice></mc:AlternateContent>' +
    '<extLst><ext uri="{x}"><row r="7"/></ext></extLst></worksheet>';
  const file = workbookFile({ ...PARTS, styles: stylesXml([0]), sheets: { Data: sheet } });
  assert.deepEqual((await readSheet(file)).rows, EXPECTED);
});

Deno.test("reads more than a buffer of rows, and hands over to saxes in the middle of them", async () => {
  const count = 20_000;
  const row = (number: number) =>
    `<row r="${number}"><c r="A${number}"><v>${number}</v></c><c r="B${number}" t="inlineStr"><is><t>row ${number}</t></is></c></row>`;
  const all = Array.from({ length: count }, (_, index) => row(index + 1));
  const expected = Array.from({ length: count }, (_, index) => [index + 1, `row ${index + 1}`]);
  assert.deepEqual(await readRows({ sheets: { Data: sheetXml(all.join("")) } }), expected);
  all[7000] = all[7000]!.replace("<is>", "<!-- here --><is>");
  assert.deepEqual(await readRows({ sheets: { Data: sheetXml(all.join("\n")) } }), expected);
});

Deno.test("finds a sheet by its name, by its number, or the first that people see", async () => {
  const sheets = Object.fromEntries(
    ["3", "hidden", "Größe &amp; &lt;x&gt;", "last"].map((name, index) => [
      name,
      sheetXml(`<row r="1"><c r="A1"><v>${index + 1}</v></c></row>`),
    ]),
  );
  const file = workbookFile({
    sheets,
    states: { hidden: 'state="hidden"', last: 'state="veryHidden"' },
  });
  for (
    const [sheet, expected] of [
      [undefined, 1],
      [1, 1],
      ["1", 1],
      ["3", 1],
      [3, 3],
      ["2", 2],
      ["4", 4],
      ["Größe & <x>", 3],
      ["GRÖSSE", undefined],
      ["LAST", 4],
      [5, undefined],
      [0, undefined],
    ] as const
  ) {
    const reading = readSheet(file, sheet === undefined ? {} : { sheet });
    if (expected === undefined) {
      await assert.rejects(reading, {
        message: `Cannot read the upload: it has no sheet ${
          JSON.stringify(String(sheet))
        }: its sheets are "3", "hidden", "Größe & <x>", "last"`,
      });
    } else assert.deepEqual((await reading).rows, [[expected]], String(sheet));
  }
  assert.deepEqual((await readSheet(file)).notes, {
    "hidden-sheet hidden": 1,
    "sheet-skipped Größe & <x>": 1,
    "hidden-sheet last": 1,
  });
});
