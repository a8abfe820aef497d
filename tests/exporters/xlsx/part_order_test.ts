import assert from "node:assert/strict";
import { partProblems } from "./part_order.ts";
import { sampleParts } from "./part_order_sample.ts";

Deno.test("a workbook of every part has no fault", () => {
  assert.deepEqual(partProblems(sampleParts()), []);
});

const SHEET = "xl/worksheets/sheet1.xml";
const BOOK = "xl/workbook.xml";
const STYLES = "xl/styles.xml";
const TABLE = "xl/tables/table1.xml";
const STRINGS = "xl/sharedStrings.xml";
const TYPES = "[Content_Types].xml";
const RELS = "xl/_rels/workbook.xml.rels";

/** What is changed in a part, and what must be said of it. */
const FAULTS: readonly (readonly [part: string, from: string, to: string, problem: string])[] = [
  // Order, children and attributes.
  [
    SHEET,
    '<sheetFormatPr defaultRowHeight="15"/>',
    "",
    "",
  ],
  [
    SHEET,
    '<dimension ref="A1:C2"/><sheetViews>',
    "<sheetViews>",
    "",
  ],
  [
    SHEET,
    '<sheetData><row r="1">',
    '<pageMargins left="1" right="1" top="1" bottom="1" header="1" footer="1"/><sheetData><row r="1">',
    `${SHEET}: <worksheet>: has <sheetData> after <pageMargins> (18.3.1.99)`,
  ],
  [
    SHEET,
    "</sheetData>",
    '</sheetData><autoFilter ref="A1:C2"/><sheetProtection/>',
    `${SHEET}: <worksheet>: has <sheetProtection> after <autoFilter> (18.3.1.99)`,
  ],
  [
    SHEET,
    "<sheetData>",
    "<sheetDate/><sheetData>",
    `${SHEET}: <worksheet>: cannot hold <sheetDate> (18.3.1.99)`,
  ],
  [
    SHEET,
    "</worksheet>",
    "<extLst/></worksheet>",
    `${SHEET}: <extLst> is not in the table of elements`,
  ],
  [
    SHEET,
    '<dimension ref="A1:C2"/>',
    '<dimension ref="A1:C2"/><dimension ref="A1:C2"/>',
    `${SHEET}: <worksheet>: has 2 of <dimension> (18.3.1.99)`,
  ],
  [
    SHEET,
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' +
    '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/>',
    '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/>' +
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>',
    `${SHEET}: <sheetView>: has <pane> after <selection> (18.3.1.87)`,
  ],
  [
    SHEET,
    ' workbookViewId="0"',
    "",
    `${SHEET}: <sheetView>: needs the attribute workbookViewId (18.3.1.87)`,
  ],
  [
    SHEET,
    'tabSelected="1"',
    'tabSelected="yes"',
    `${SHEET}: <sheetView>: tabSelected="yes" is misspelled (18.3.1.87)`,
  ],
  [
    SHEET,
    'customWidth="1"',
    'customwidth="1"',
    `${SHEET}: <col>: has no attribute customwidth (18.3.1.13)`,
  ],
  [SHEET, "<sheetData>", "<sheetData>x", `${SHEET}: <sheetData>: holds text (18.3.1.80)`],
  [
    SHEET,
    '<f>HYPERLINK("https://a.example")</f><v>https://a.example</v>',
    '<v>https://a.example</v><f>HYPERLINK("https://a.example")</f>',
    `${SHEET}: <c>: has <f> after <v> (18.3.1.4)`,
  ],
  [STYLES, "<b/><sz", '<sz val="11"/><b/><sz', `${STYLES}: <font>: has <b> after <sz> (18.8.22)`],
  [
    BOOK,
    "<bookViews><workbookView/></bookViews><sheets>",
    "<calcPr/><sheets>",
    `${BOOK}: <workbook>: has <sheets> after <calcPr> (18.2.27)`,
  ],
  [
    TABLE,
    '<autoFilter ref="A1:C2"/><tableColumns',
    "<tableStyleInfo/><tableColumns",
    `${TABLE}: <table>: has <tableColumns> after <tableStyleInfo> (18.5.1.2)`,
  ],
  // Counts and indexes.
  [
    TABLE,
    '<tableColumns count="3"',
    '<tableColumns count="2"',
    `${TABLE}: <tableColumns>: count="2", and has 3`,
  ],
  [
    STYLES,
    '<cellXfs count="3"',
    '<cellXfs count="4"',
    `${STYLES}: <cellXfs>: count="4", and has 3`,
  ],
  [
    STYLES,
    '<xf numFmtId="164"',
    '<xf numFmtId="165"',
    `${STYLES}: <xf>: numFmtId="165" is not defined`,
  ],
  [STYLES, 'fontId="1"', 'fontId="2"', `${STYLES}: <xf>: fontId="2" of 2`],
  [STYLES, 'numFmt numFmtId="164"', 'numFmt numFmtId="16"', `${STYLES}: <numFmt>: 16 is built in`],
  [STYLES, ' applyAlignment="1"', "", `${STYLES}: <xf>: an alignment that is not applied`],
  [STYLES, "gray125", "solid", `${STYLES}: <fills>: begin with none,solid`],
  [STRINGS, 'uniqueCount="2"', 'uniqueCount="3"', `${STRINGS}: <sst>: uniqueCount="3", and has 2`],
  [STRINGS, ' count="3"', ' count="2"', `${STRINGS}: <sst>: count="2" of 3 cells`],
  [
    STRINGS,
    ' xml:space="preserve"',
    "",
    `${STRINGS}: <t>: the white space around "c\\n" is not preserved`,
  ],
  [SHEET, 's="2"', 's="3"', `${SHEET}: <c>: A2 has style 3 of 3`],
  [SHEET, "<v>1</v></c></row>", "<v>2</v></c></row>", `${SHEET}: <c>: C1 names shared string 2`],
  // Cells.
  [SHEET, '<row r="2">', '<row r="1">', `${SHEET}: <row>: 1 comes after 1`],
  [SHEET, 'r="B2"', 'r="B3"', `${SHEET}: <c>: B3 is in row 2`],
  [SHEET, 'r="B2"', 'r="A2"', `${SHEET}: <c>: A2 comes too late`],
  [SHEET, "-1.5E-7", "-1.5e", `${SHEET}: <c>: A2 is no number: -1.5e`],
  [SHEET, "-1.5E-7", "1e309", `${SHEET}: <c>: A2 is infinite: 1e309`],
  [
    SHEET,
    '<c r="B2" t="b"><v>1',
    '<c r="B2" t="b"><v>true',
    `${SHEET}: <c>: B2 is no boolean: true`,
  ],
  [SHEET, "HYPERLINK(", "SUM(", `${SHEET}: <c>: C2 has the formula SUM("https://a.example")`],
  [SHEET, "<is><t>a</t></is>", "<v>a</v>", `${SHEET}: <c>: A1 has a value and is an inline string`],
  [SHEET, ' t="inlineStr"', "", `${SHEET}: <c>: A1 has a string, and is of type n`],
  [SHEET, "A1:C2", "A1:C1", `${SHEET}: <dimension>: A1:C1 of 2 rows and 3 columns`],
  [SHEET, 'min="3"', 'min="2"', `${SHEET}: <col>: 2 to 3`],
  [SHEET, 'width="9"', 'width="256"', `${SHEET}: <col>: 256 wide`],
  // Tables.
  [TABLE, 'ref="A1:C2" totals', 'ref="A1:C3" totals', `${TABLE}: <table>: A1:C3 of 2 rows`],
  [TABLE, 'ref="A1:C2" totals', 'ref="A1:B2" totals', `${TABLE}: <table>: A1:B2 of 3 columns`],
  [TABLE, 'name="b"', 'name="B"', `${TABLE}: <tableColumn>: "B" over "b"`],
  [TABLE, 'name="b"', 'name="A"', `${TABLE}: <tableColumns>: two of one name`],
  [
    TABLE,
    '"One" displayName="One"',
    '"R1C1" displayName="R1C1"',
    `${TABLE}: <table>: "R1C1" is no name`,
  ],
  // Names.
  [BOOK, 'name="One"', 'name="IT\'S"', `${BOOK}: <sheets>: two of one name`],
  [BOOK, 'name="One"', 'name="a/b"', `${BOOK}: <sheet>: "a/b" is no name`],
  [
    BOOK,
    'name="One"',
    `name="${"x".repeat(32)}"`,
    `${BOOK}: <sheet>: "${"x".repeat(32)}" is no name`,
  ],
  [BOOK, 'sheetId="2"', 'sheetId="1"', `${BOOK}: <sheets>: two of one sheetId`],
  [
    BOOK,
    "<workbookView/>",
    '<workbookView activeTab="1"/>',
    `${BOOK}: sheets 0 selected, 1 active`,
  ],
  [
    BOOK,
    "$A$2",
    "$A$3",
    `${BOOK}: <definedNames>: sheet 1 has the filter 'It''s'!$A$1:$A$3, not 'It''s'!$A$1:$A$2`,
  ],
  // Parts that name each other.
  [
    RELS,
    "sharedStrings.xml",
    "strings.xml",
    `${RELS}: rId4 leads to xl/strings.xml, which is not there`,
  ],
  [RELS, 'Id="rId2"', 'Id="rId9"', `${BOOK}: no relationship rId2`],
  [RELS, 'Id="rId2"', 'Id="rId9"', `${RELS}: nothing uses rId9`],
  [
    RELS,
    "relationships/styles",
    "relationships/theme",
    `${RELS}: rId3 is of an unknown type http://schemas.openxmlformats.org/officeDocument/2006/relationships/theme`,
  ],
  [TYPES, "/xl/styles.xml", "/xl/style.xml", `${TYPES}: /xl/style.xml is not there`],
  [TYPES, "/xl/styles.xml", "/xl/style.xml", `${STYLES}: has the type application/xml`],
  [TYPES, 'Extension="rels"', 'Extension="relz"', "_rels/.rels: has no type"],
];

for (const [part, from, to, problem] of FAULTS) {
  const expected = problem === "" ? "nothing" : problem;
  Deno.test(`${from} as ${to || "nothing"} in ${part}: ${expected}`, () => {
    const parts = sampleParts();
    const xml = parts.get(part)!;
    assert.ok(xml.includes(from));
    parts.set(part, xml.replace(from, () => to));
    const problems = partProblems(parts);
    if (problem === "") assert.deepEqual(problems, []);
    else assert.ok(problems.includes(problem), problems.join("\n"));
  });
}

Deno.test("a part that nothing leads to, one without a declaration, and one that is no XML", () => {
  const parts = sampleParts();
  parts.set("xl/worksheets/sheet3.xml", parts.get(SHEET)!);
  assert.ok(partProblems(parts).includes("xl/worksheets/sheet3.xml: nothing leads to it"));
  const bare = sampleParts();
  bare.set(SHEET, bare.get(SHEET)!.replace(/<\?.*\?>\n/, ""));
  assert.deepEqual(partProblems(bare), [`${SHEET}: does not declare itself`]);
  const broken = sampleParts();
  broken.set(SHEET, broken.get(SHEET)!.replace("</row>", ""));
  assert.throws(() => partProblems(broken));
});
