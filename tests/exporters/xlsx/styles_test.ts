import assert from "node:assert/strict";
import type { Column, ColumnType, Presentation } from "../../../table/table.ts";
import { columnFormat, createStyles } from "../../../exporters/xlsx/styles.ts";

function column(type: ColumnType, format?: string, presentation: Presentation = {}): Column {
  return {
    name: "c",
    title: "C",
    type,
    ...(format === undefined ? {} : { format }),
    ...presentation,
  };
}

/** The styles of one table, and the elements of `cellXfs`. */
function stylesOf(columns: readonly Column[], style: "plain" | "table" = "plain") {
  const { tables, xml } = createStyles([{ columns, style }]);
  const list = /<cellXfs count="(\d+)">(.*)<\/cellXfs>/.exec(xml)!;
  const xfs = list[2]!.match(/<xf [^>]*\/>|<xf [^>]*[^/]>.*?<\/xf>/g)!;
  assert.equal(Number(list[1]), xfs.length);
  return { ...tables[0]!, xfs };
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

Deno.test("columns share the style of an equal look", () => {
  const { headers, columns, links } = stylesOf([
    column("integer"),
    column("date"),
    column("decimal", "#,##0.00"),
    column("datetime", "yyyy-mm-dd"),
    column("decimal", "#,##0.00"),
    column("decimal", "#,##0.00", { align: "left" }),
  ]);
  assert.deepEqual(headers, [1, 1, 1, 1, 1, 2]);
  assert.deepEqual(columns, [0, 3, 4, 3, 4, 5]);
  assert.deepEqual(links, columns);
});

Deno.test("a header stands where its cells do, bold and on a fill", () => {
  const { headers, columns, xfs } = stylesOf([
    column("string"),
    column("string", undefined, { align: "center" }),
  ]);
  assert.equal(
    xfs[headers[0]!],
    '<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>',
  );
  assert.equal(
    xfs[headers[1]!],
    '<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"' +
      ' applyAlignment="1"><alignment horizontal="center"/></xf>',
  );
  assert.equal(
    xfs[columns[1]!],
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1">' +
      '<alignment horizontal="center"/></xf>',
  );
});

Deno.test("the header of a table of Excel's leaves the colours to it", () => {
  const { headers, xfs } = stylesOf([column("string")], "table");
  assert.equal(
    xfs[headers[0]!],
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>',
  );
});

Deno.test("where one column wraps, every cell of a row begins at its top", () => {
  const { headers, columns, xfs } = stylesOf([
    column("string", undefined, { wrap: true }),
    column("integer"),
  ]);
  const alignments = [headers[0]!, ...columns].map((index) =>
    /<alignment.*\/>/.exec(xfs[index]!)?.[0]
  );
  assert.deepEqual(alignments, [
    '<alignment wrapText="1"/>',
    '<alignment vertical="top" wrapText="1"/>',
    '<alignment vertical="top"/>',
  ]);
});

Deno.test("a link looks as its column does, but blue and underlined", () => {
  const { columns, links, xfs } = stylesOf([
    column("integer", "0000", { align: "left", link: "https://example.com/{}" }),
  ]);
  assert.equal(
    xfs[links[0]!],
    xfs[columns[0]!]!.replace('fontId="0"', 'fontId="2"')
      .replace(' applyAlignment="1"', ' applyFont="1" applyAlignment="1"'),
  );
});

Deno.test("fractions of a second and times of a day or more have formats, but where one is declared", () => {
  const columns = [
    column("datetime"),
    column("time", undefined, { align: "left" }),
    column("duration"),
    column("date"),
    column("string"),
    column("datetime", "yyyy-mm-dd hh:mm"),
    column("time", "hh:mm"),
  ];
  const { xml, tables: [styles] } = createStyles([{ columns }]);
  const formats = new Map(
    [...xml.matchAll(/<numFmt numFmtId="(\d+)" formatCode="([^"]*)"/g)]
      .map(([, id, code]) => [id, code]),
  );
  const [, list] = /<cellXfs count="\d+">(.*)<\/cellXfs>/.exec(xml)!;
  const xfs = [...list!.matchAll(/<xf numFmtId="(\d+)"[^>]*?(?:\/>|>(<alignment[^>]*>)<\/xf>)/g)]
    .map(([, id, alignment = ""]) => (formats.get(id) ?? "") + alignment);
  const shown = styles!.times.map(({ fraction, long, longFraction }) =>
    [fraction, long, longFraction].map((index) => xfs[index])
  );
  const left = '<alignment horizontal="left"/>';
  assert.deepEqual(shown, [
    ["yyyy-mm-dd hh:mm:ss.000", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm:ss.000"],
    [`hh:mm:ss.000${left}`, `[h]:mm:ss${left}`, `[h]:mm:ss.000${left}`],
    ["[h]:mm:ss.000", "[h]:mm:ss", "[h]:mm:ss.000"],
    ["yyyy-mm-dd", "yyyy-mm-dd", "yyyy-mm-dd"],
    ["", "", ""],
    ["yyyy-mm-dd hh:mm", "yyyy-mm-dd hh:mm", "yyyy-mm-dd hh:mm"],
    ["hh:mm", "hh:mm", "hh:mm"],
  ]);
});

Deno.test('the sheet "About" has styles only where there is one', () => {
  const [plain, about] = [false, true].map((about) => createStyles([], { about }));
  assert.deepEqual(plain!.about, { heading: 0, label: 0, value: 0, time: 0 });
  assert.match(plain!.xml, /<cellXfs count="1">/);
  assert.deepEqual(about!.about, { heading: 1, label: 2, value: 3, time: 4 });
  assert.match(about!.xml, /<cellXfs count="5">/);
});

Deno.test("what is no number format is refused by its column's name", () => {
  assert.throws(
    () => createStyles([{ columns: [column("date"), column("decimal", "[Red")] }]),
    {
      name: "TableError",
      message: 'Cannot show column "c" as "[Red": no number format',
    },
  );
});

Deno.test("as many columns as a sheet holds, each with a look of its own, are no trouble", () => {
  const columns = Array.from({ length: 16_384 }, (_, index) => column("integer", `0"${index}"`));
  const { tables: [styles] } = createStyles([{ columns }]);
  assert.equal(new Set(styles!.columns).size, 16_384);
  // Sixteen times as many take sixteen times as long; were each compared with each, it would be 256.
  const fastest = (count: number) =>
    Math.min(...Array.from({ length: 5 }, () => {
      const start = performance.now();
      createStyles([{ columns: columns.slice(0, count) }]);
      return performance.now() - start;
    }));
  const ratio = fastest(16_384) / fastest(1024);
  assert.ok(ratio < 80, `${ratio} times as long`);
});

const FONT = '<sz val="11"/><name val="Calibri"/><family val="2"/></font>';

Deno.test("the whole part, with number formats that are escaped", () => {
  assert.equal(
    createStyles([{ columns: [column("date"), column("decimal", '0.00" €";[Red]<1')] }]).xml,
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' +
      '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' +
      '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>' +
      '<numFmt numFmtId="165" formatCode="0.00&quot; €&quot;;[Red]&lt;1"/></numFmts>' +
      `<fonts count="4"><font>${FONT}<font><b/>${FONT}` +
      '<font><u/><sz val="11"/><color rgb="FF0563C1"/><name val="Calibri"/><family val="2"/></font>' +
      `<font><b/>${FONT.replace("11", "14")}</fonts>` +
      '<fills count="3"><fill><patternFill patternType="none"/></fill>' +
      '<fill><patternFill patternType="gray125"/></fill>' +
      '<fill><patternFill patternType="solid"><fgColor rgb="FFD9E1F2"/><bgColor indexed="64"/>' +
      "</patternFill></fill></fills>" +
      '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
      '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>' +
      '</cellStyleXfs><cellXfs count="4">' +
      '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
      '<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>' +
      '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>' +
      '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>' +
      '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>' +
      "</cellStyles></styleSheet>",
  );
});
