/** What each cell of a sheet is read as, by the scanner of bytes and by saxes alike. */

import assert from "node:assert/strict";
import { UploadError } from "../../../../sources/upload/reader.ts";
import type { Cell } from "../../../../table/table.ts";
import {
  readRows,
  readSheet,
  sheetXml,
  stringsXml,
  stylesXml,
  workbookFile,
  type WorkbookParts,
} from "./workbook_file.ts";

const STYLES = stylesXml([
  0, // s="0"
  14,
  22,
  "yyyy\\-mm\\-dd hh:mm:ss.000", // s="3"
  21,
  46,
  "[$-409]d\\-mmm\\-yy;@", // s="6"
  "0.00E+00",
  "#,##0.00\\ &quot;day&quot;",
  "h:mm AM/PM", // s="9"
  "[Red]0.0;[Blue]\\-0.0",
  "General",
  "mmss.0", // s="12"
]);
const STRINGS = stringsXml([
  "<t>zero</t>",
  '<t xml:space="preserve"> two </t>',
  '<r><rPr><b/><rFont val="a>b"/></rPr><t>rich</t></r><r><t xml:space="preserve"> text</t></r>',
  '<t>課きく</t><rPh sb="0" eb="1"><t>カ</t></rPh><phoneticPr fontId="1"/>',
  "<t/>",
  "",
  "<t>_x000D_ _x0041__x005F_x0041_</t>",
  "<t>&#x1F600; &lt;&amp;&gt; &#65;</t>",
  "<t>line\r\nbreak\rand\n</t>",
]);

/** The XML of cells in A1, and what they are. */
const CELLS: readonly (readonly [xml: string, cell: Cell])[] = [
  // Numbers.
  ["<v>42</v>", 42],
  ["<v>-0.5</v>", -0.5],
  ["<v>-0</v>", 0],
  ["<v>.5</v>", 0.5],
  ["<v>1.1000000000000001</v>", 1.1],
  ["<v>0.1</v>", 0.1],
  ["<v>123456789012345</v>", 123456789012345],
  ["<v>9007199254740993</v>", 9007199254740993n],
  ["<v>-12345678901234567890</v>", -12345678901234567890n],
  ["<v>12345678901234.567891234</v>", "12345678901234.567891234"],
  ["<v>1E+20</v>", 1e20],
  ["<v>1.5e-7</v>", 1.5e-7],
  ["<v> 7 </v>", 7],
  ["<v>NaN</v>", NaN],
  ["<v></v>", null],
  ["<v/>", null],
  ["", null],
  // Dates and times.
  ['s="1"|<v>46024</v>', "2026-01-02"],
  ['s="1"|<v>46024.5</v>', "2026-01-02T12:00:00"],
  ['s="1"|<v>59</v>', "1900-02-28"],
  ['s="1"|<v>1</v>', "1900-01-01"],
  ['s="1"|<v>60</v>', 60],
  ['s="1"|<v>61</v>', "1900-03-01"],
  ['s="1"|<v>0</v>', 0],
  ['s="1"|<v>-1</v>', -1],
  ['s="1"|<v>2958465</v>', "9999-12-31"],
  ['s="1"|<v>2958466</v>', 2958466],
  ['s="2"|<v>46024.5</v>', "2026-01-02T12:00:00"],
  ['s="2"|<v>46024</v>', "2026-01-02T00:00:00"],
  ['s="2"|<v>46024.999999999</v>', "2026-01-03T00:00:00"],
  ['s="2"|<v>46024.128877314812</v>', "2026-01-02T03:05:35"],
  ['s="3"|<v>46024.12887875479</v>', "2026-01-02T03:05:35.124414"],
  ['s="3"|<v>46024.1288773148</v>', "2026-01-02T03:05:35"],
  ['s="4"|<v>0.25</v>', "06:00:00"],
  ['s="4"|<v>0</v>', "00:00:00"],
  ['s="12"|<v>0.25</v>', "06:00:00"],
  ['s="5"|<v>1.5</v>', "PT36H"],
  ['s="5"|<v>0</v>', "PT0S"],
  ['s="5"|<v>1.0000173611111112</v>', "PT24H1.5S"],
  ['s="6"|<v>46024</v>', "2026-01-02"],
  ['s="9"|<v>0.75</v>', "18:00:00"],
  ['s="7"|<v>46024</v>', 46024],
  ['s="8"|<v>46024</v>', 46024],
  ['s="10"|<v>46024</v>', 46024],
  ['s="11"|<v>46024</v>', 46024],
  ['t="d"|<v>2026-01-02</v>', "2026-01-02"],
  ['t="d"|<v>2026-01-02T03:04:05.250Z</v>', "2026-01-02T03:04:05.250Z"],
  // Booleans and errors.
  ['t="b"|<v>1</v>', true],
  ['t="b"|<v>0</v>', false],
  ['t="b"|<v>true</v>', true],
  ['t="e"|<v>#DIV/0!</v>', "#DIV/0!"],
  // Text.
  ['t="s"|<v>0</v>', "zero"],
  ['t="s"|<v>1</v>', " two "],
  ['t="s"|<v>2</v>', "rich text"],
  ['t="s"|<v>3</v>', "課きく"],
  ['t="s"|<v>4</v>', ""],
  ['t="s"|<v>5</v>', ""],
  ['t="s"|<v>6</v>', "\r A_x0041_"],
  ['t="s"|<v>7</v>', "😀 <&> A"],
  ['t="s"|<v>8</v>', "line\nbreak\nand\n"],
  ['t="str"|<f>A2</f><v>a &amp; b_x000A_</v>', "a & b\n"],
  ['t="str"|<f>""</f><v></v>', ""],
  ['t="inlineStr"|<is><t>in line</t></is>', "in line"],
  ['t="inlineStr"|<is><t/></is>', ""],
  ['t="inlineStr"|<is/>', ""],
  ['t="inlineStr"|<is><r><t>a</t></r><rPh sb="0" eb="1"><t>x</t></rPh><r><t>b</t></r></is>', "ab"],
  ['t="inlineStr"|<is><t xml:space="preserve">  x  </t></is>', "  x  "],
  ['t="inlineStr"|<is><t>007</t></is>', "007"],
  ['t="inlineStr"|<is><t>&#128512;&quot;&apos;</t></is>', "😀\"'"],
  ['t="inlineStr"|<is><t>_xD83D_</t></is>', "\ud83d"],
  // Formulas.
  ["<f>1+1</f><v>2</v>", 2],
  ['<f t="shared" ref="A1:A2" si="0">B1</f><v>2</v>', 2],
  ['<f t="shared" si="0"/><v>2</v>', 2],
  ["<f>1+1</f>", null],
  ["<f>1+1</f><v></v>", null],
  // Attributes as a program may write them.
  ["cm='1' s = '1' vm=\"2\"|<v>46024</v>", "2026-01-02"],
];

const PARTS: WorkbookParts = { strings: STRINGS, styles: STYLES };

function cellXml(cell: string): string {
  const [attributes, content] = cell.includes("|") ? cell.split("|") : ["", cell];
  return `<c r="A1" ${attributes}>${content}</c>`;
}

/** The same sheet, for saxes alone: the scanner takes no comment. */
const BY_SAXES = "<!-- a comment -->";

for (const [reader, before] of [["the scanner", ""], ["saxes", BY_SAXES]] as const) {
  Deno.test(`${reader} reads each kind of cell`, async () => {
    for (const [xml, expected] of CELLS) {
      const sheets = { Data: sheetXml(`${before}<row r="1">${cellXml(xml)}</row>`) };
      const rows = await readRows({ ...PARTS, sheets });
      assert.deepEqual(rows, expected === null ? [] : [[expected]], xml);
    }
  });

  Deno.test(`${reader} names the cell that it cannot read`, async () => {
    const strange: readonly (readonly [string, string])[] = [
      ['<c r="B2"><v>1,5</v></c>', '"1,5" is no number'],
      ['<c r="B2" t="b"><v>yes</v></c>', '"yes" is no boolean'],
      ['<c r="B2" t="s"><v>9</v></c>', "it is shared string 9, and there are 9"],
      ['<c r="B2" s="13"><v>1</v></c>', "it has style 13, and there are 13"],
      ['<c r="B2"><v>1</v></c><c r="B2"><v>2</v></c>', "there are two of this cell"],
    ];
    for (const [xml, reason] of strange) {
      const file = workbookFile({
        ...PARTS,
        sheets: { Data: sheetXml(`${before}<row r="1"/><row r="2">${xml}</row>`) },
      });
      await assert.rejects(readSheet(file), (error) => {
        assert.ok(error instanceof UploadError);
        const text = `Cannot read the upload, sheet "Data", cell B2: ${reason}`;
        assert.equal(error.message, text);
        assert.deepEqual(error.position, { sheet: "Data", cell: "B2" });
        return true;
      });
    }
  });

  Deno.test(`${reader} keeps cells where they stand: sparse, out of order, without names`, async () => {
    const sheets = {
      Data: sheetXml(
        `${before}<row r="2"><c r="C2"><v>3</v></c><c r="A2"><v>1</v></c><c r="AA2"><v>27</v></c></row>` +
          '<row><c><v>1</v></c><c t="b"><v>1</v></c><c r="E3"><v>5</v></c><c><v>6</v></c></row>' +
          '<row r="6" spans="1:2"><c r="B6" s="1"/><c r="A6"><v>6</v></c></row><row r="9"><c r="A9"/></row>',
      ),
    };
    const wide = Array.from({ length: 27 }, (): Cell => null);
    [wide[0], wide[2], wide[26]] = [1, 3, 27];
    assert.deepEqual(await readRows({ ...PARTS, sheets }), [
      wide,
      [1, true, null, null, 5, 6],
      [],
      [],
      [6],
    ]);
  });

  Deno.test(`${reader} counts what is hidden, merged, an error or unknown`, async () => {
    const head = '<cols><col min="1" max="1" width="9"/><col min="3" max="4" hidden="1"/></cols>';
    const rows =
      '<row r="1" hidden="1"><c r="A1" t="e"><v>#N/A</v></c></row><row r="2"><c r="A2" t="e"><v>#REF!</v></c>' +
      '<c r="B2"><f>1+1</f></c></row><row r="3" hidden="true"/>';
    const sheet = sheetXml(before + rows)
      .replace("<sheetData>", `${head}<sheetData>`)
      .replace(
        "</worksheet>",
        '<mergeCells count="2"><mergeCell ref="A1:B1"/><mergeCell ref="D1:D9"/></mergeCells></worksheet>',
      );
    const read = await readSheet(workbookFile({ sheets: { Data: sheet } }));
    assert.deepEqual(read.rows, [["#N/A"], ["#REF!"]]);
    assert.deepEqual(read.notes, {
      "hidden-column C:D": 1,
      "hidden-row Data": 2,
      "error-cell A": 2,
      "formula-unknown B": 1,
      "merged-cells Data": 2,
    });
  });

  Deno.test(`${reader} reads a range and nothing else`, async () => {
    const row = (r: number) =>
      `<row r="${r}">${
        ["A", "B", "C", "D"].map((c, i) => `<c r="${c}${r}"><v>${r}${i}</v></c>`).join("")
      }</row>`;
    const sheets = { Data: sheetXml(before + [1, 2, 3, 4, 5].map(row).join("")) };
    for (
      const [range, expected] of [
        ["B2:C3", [[21, 22], [31, 32]]],
        ["$B$2:$c$3", [[21, 22], [31, 32]]],
        ["C:C", [[12], [22], [32], [42], [52]]],
        ["5:9", [[50, 51, 52, 53]]],
        ["D5", [[53]]],
        ["F1:G9", []],
      ] as const
    ) {
      assert.deepEqual(await readRows({ sheets }, { range }), expected, range);
    }
  });
}

Deno.test("a sheet of 1904 has the dates of that system, and the times of any", async () => {
  const cells = [
    '<c r="A1" s="1"><v>0</v></c>',
    '<c r="B1" s="1"><v>44562</v></c>',
    '<c r="C1" s="4"><v>0.5</v></c>',
    '<c r="D1" s="5"><v>1.5</v></c>',
    '<c r="E1"><v>7</v></c>',
  ];
  const sheets = { Data: sheetXml(`<row r="1">${cells.join("")}</row>`) };
  assert.deepEqual(await readRows({ ...PARTS, sheets, is1904: true }), [
    ["1904-01-01", "2026-01-02", "12:00:00", "PT36H", 7],
  ]);
});

Deno.test("the types that styles tell go with the rows", async () => {
  const cells = [
    '<c r="A1" s="1"><v>46024</v></c>',
    '<c r="B1" s="1"><v>46024.5</v></c>',
    '<c r="C1" s="4"><v>0.5</v></c>',
    '<c r="D1" s="5"><v>1.5</v></c>',
    '<c r="E1"><v>7</v></c>',
    '<c r="F1" t="inlineStr"><is><t>2026-01-02</t></is></c>',
  ];
  const file = workbookFile({
    ...PARTS,
    sheets: { Data: sheetXml(`<row r="1">${cells.join("")}</row>`) },
  });
  const { types } = await readSheet(file);
  assert.deepEqual(types.map((row) => Array.from(row)), [["date", "datetime", "time", "duration"]]);
});
