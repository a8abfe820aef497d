import assert from "node:assert/strict";
import type { Column, ColumnType } from "../../../sources/table.ts";
import { columnFormat, createStyles } from "../../../exporters/xlsx/styles.ts";

function column(type: ColumnType, format?: string): Column {
  return { name: "c", title: "C", type, ...(format === undefined ? {} : { format }) };
}

Deno.test("dates and times have a format of their own, and a declared one wins", () => {
  const formats = (["date", "datetime", "time", "duration", "integer", "string"] as const)
    .map((type) => columnFormat(column(type)));
  assert.deepEqual(formats, [
    "yyyy-mm-dd",
    "yyyy-mm-dd hh:mm:ss",
    "hh:mm:ss",
    "[h]:mm:ss",
    undefined,
    undefined,
  ]);
  assert.equal(columnFormat(column("date", "dd.mm.yyyy")), "dd.mm.yyyy");
  assert.equal(columnFormat(column("date", "")), "yyyy-mm-dd");
});

Deno.test("columns share the style of an equal format", () => {
  const { header, columns } = createStyles([
    column("integer"),
    column("date"),
    column("decimal", "#,##0.00"),
    column("datetime", "yyyy-mm-dd"),
    column("decimal", "#,##0.00"),
  ]);
  assert.equal(header, 1);
  assert.deepEqual(columns, [0, 2, 3, 2, 3]);
});

Deno.test("what is no number format is refused by its column's name", () => {
  assert.throws(() => createStyles([column("date"), column("decimal", "[Red")]), {
    name: "TableError",
    message: 'Cannot show column "c" as "[Red": no number format',
  });
});

const AROUND = {
  start: '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' +
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">',
  fonts: '<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>' +
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>' +
    '<fills count="2"><fill><patternFill patternType="none"/></fill>' +
    '<fill><patternFill patternType="gray125"/></fill></fills>' +
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>' +
    "</cellStyleXfs>",
  styles: '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>',
  end: '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>' +
    "</styleSheet>",
};

Deno.test("the part without number formats", () => {
  assert.equal(
    createStyles([column("string")]).xml,
    `${AROUND.start}${AROUND.fonts}<cellXfs count="2">${AROUND.styles}</cellXfs>${AROUND.end}`,
  );
});

Deno.test("the part with number formats, escaped", () => {
  assert.equal(
    createStyles([column("date"), column("decimal", '0.00" €";[Red]<1')]).xml,
    AROUND.start +
      '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>' +
      '<numFmt numFmtId="165" formatCode="0.00&quot; €&quot;;[Red]&lt;1"/></numFmts>' +
      `${AROUND.fonts}<cellXfs count="4">${AROUND.styles}` +
      '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>' +
      '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>' +
      `</cellXfs>${AROUND.end}`,
  );
});
