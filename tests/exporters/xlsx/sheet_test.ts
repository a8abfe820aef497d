import assert from "node:assert/strict";
import type { Cell, Column, Row } from "../../../table/table.ts";
import { Warnings } from "../../../exporters/warnings.ts";
import { createSheetXml } from "../../../exporters/xlsx/sheet.ts";
import { createStyles } from "../../../exporters/xlsx/styles.ts";
import { written } from "./written.ts";

const columns: readonly Column[] = [
  { name: "id", title: "Number", type: "integer" },
  { name: "at", title: "When & where", type: "date" },
];

function sheet(
  header: boolean,
  of: readonly Column[] = columns,
  asTable = false,
) {
  const { tables: [styles] } = createStyles([{ columns: of }]);
  const xml = createSheetXml(of, { header, styles: styles!, asTable }, new Warnings());
  xml.begin([]);
  return {
    ...xml,
    row: (row: Row, number: number) => written((bytes) => xml.row(row, number, bytes)),
  };
}

const START = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' +
  '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">';

Deno.test("the first sheet, with a header", () => {
  assert.equal(
    sheet(true).head([8, 9], true),
    START +
      '<sheetViews><sheetView tabSelected="1" workbookViewId="0">' +
      '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' +
      '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>' +
      '<sheetFormatPr defaultRowHeight="15"/>' +
      '<cols><col min="1" max="1" width="8" customWidth="1"/>' +
      '<col min="2" max="2" width="9" customWidth="1"/></cols>' +
      '<sheetData><row r="1"><c r="A1" s="1" t="inlineStr"><is><t>Number</t></is></c>' +
      '<c r="B1" s="1" t="inlineStr"><is><t>When &amp; where</t></is></c></row>',
  );
});

Deno.test("another sheet is not selected", () => {
  const { head } = sheet(true);
  assert.equal(head([8, 9], false), head([8, 9], true).replace(' tabSelected="1"', ""));
});

Deno.test("rows number themselves and their cells, and leave nulls out", () => {
  const { row } = sheet(true);
  assert.equal(
    row([7, "2026-01-02"], 2),
    '<row r="2"><c r="A2"><v>7</v></c><c r="B2" s="2"><v>46024</v></c></row>',
  );
  assert.equal(row([null, "2026-01-02"], 3), '<row r="3"><c r="B3" s="2"><v>46024</v></c></row>');
  assert.equal(row([null, null], 1_048_576), '<row r="1048576"></row>');
  assert.equal(row([1], 4), '<row r="4"><c r="A4"><v>1</v></c></row>');
});

Deno.test("the filter covers the rows that there were", () => {
  assert.equal(sheet(true).tail(101), '</sheetData><autoFilter ref="A1:B101"/></worksheet>');
});

Deno.test("without a header nothing is frozen or filtered", () => {
  const { head, tail } = sheet(false);
  assert.equal(
    head([8, 9], true),
    START +
      '<sheetViews><sheetView tabSelected="1" workbookViewId="0"/></sheetViews>' +
      '<sheetFormatPr defaultRowHeight="15"/>' +
      '<cols><col min="1" max="1" width="8" customWidth="1"/>' +
      '<col min="2" max="2" width="9" customWidth="1"/></cols><sheetData>',
  );
  assert.equal(tail(100), "</sheetData></worksheet>");
});

Deno.test("a table without columns is an empty sheet", () => {
  const { head, tail } = sheet(true, []);
  assert.equal(
    head([], false) + tail(0),
    START + '<sheetViews><sheetView workbookViewId="0"/></sheetViews>' +
      '<sheetFormatPr defaultRowHeight="15"/><sheetData></sheetData></worksheet>',
  );
});

Deno.test("a table of Excel's names its part instead of a filter, and its columns", () => {
  const twice = columns.map((column) => ({ ...column, title: "Number" }));
  const { head, tail } = sheet(true, twice, true);
  const plain = sheet(true).head([8, 9], true);
  assert.equal(
    head([8, 9], true),
    plain.replace(
      'main">',
      'main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">',
    ).replace("When &amp; where", "Number (2)"),
  );
  assert.equal(
    tail(101),
    '</sheetData><tableParts count="1"><tablePart r:id="rId1"/></tableParts></worksheet>',
  );
});

Deno.test("a column of links has a style for them, and another for what is none", () => {
  const { row } = sheet(true, [{ name: "u", title: "URL", type: "string", link: true }]);
  assert.equal(
    row(["https://example.com/a"], 2),
    '<row r="2"><c r="A2" s="2" t="str"><f>HYPERLINK("https://example.com/a")</f>' +
      "<v>https://example.com/a</v></c></row>",
  );
  assert.equal(
    row(["none"], 3),
    '<row r="3"><c r="A3" t="inlineStr"><is><t>none</t></is></c></row>',
  );
});

Deno.test("a title names the zone that datetimes are shown in", () => {
  const titled = (more: Partial<Column>, cells: readonly Cell[] = []) => {
    const column: Column = { name: "at", title: "When", type: "datetime", ...more };
    const { tables: [styles] } = createStyles([{ columns: [column] }]);
    const xml = createSheetXml([column], { header: true, styles: styles! }, new Warnings());
    xml.begin(cells.map((cell) => [cell]));
    return xml.titles[0];
  };
  assert.equal(titled({ timezone: "Asia/Seoul" }), "When (Asia/Seoul)");
  assert.equal(titled({}, [null, "n/a", "2026-01-02T03:04:05+09:00"]), "When (UTC)");
  assert.equal(titled({}, ["2026-01-02 03:04:05"]), "When");
  assert.equal(titled({ type: "string" }, ["2026-01-02T03:04:05Z"]), "When");
  assert.equal(titled({ type: "date", timezone: "Asia/Seoul" }), "When");
  for (const title of ["Asia/Seoul", "In Seoul", "seoul time"]) {
    assert.equal(titled({ title, timezone: "Asia/Seoul" }), title);
  }
  assert.equal(
    titled({ title: "New York", timezone: "America/New_York" }),
    "New York",
  );
  assert.equal(titled({ title: "Outcome", timezone: "UTC" }), "Outcome (UTC)");
  assert.equal(titled({ title: "At, UTC" }, ["2026-01-02T03:04:05Z"]), "At, UTC");
  assert.equal(titled({ timezone: "+09:00" }), "When (+09:00)");
  // Not the first batch decides, but a number of rows.
  const late = [...Array<Cell>(100).fill(null), "2026-01-02T03:04:05Z"];
  assert.equal(titled({}, late), "When");
  assert.equal(titled({}, late.slice(1)), "When (UTC)");
});
