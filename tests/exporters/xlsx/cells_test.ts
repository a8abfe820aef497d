import assert from "node:assert/strict";
import type { Cell, Column, ColumnType } from "../../../table/table.ts";
import { type Warning, Warnings } from "../../../exporters/warnings.ts";
import { createCellWriter, type WriteCell } from "../../../exporters/xlsx/cells.ts";
import { textXml } from "../../../exporters/xlsx/text_xml.ts";
import { markup } from "../../../exporters/xlsx/xml_bytes.ts";
import { written } from "./written.ts";

/** The XML of a cell in the row of that number. */
function cellXml(writeCell: WriteCell, cell: NonNullable<Cell>, row: number): string {
  const start = "<row>";
  const xml = written((xml) => {
    xml.startRow(markup("<row>"), row, markup("|"));
    writeCell(cell, xml);
  });
  assert.ok(xml.startsWith(`${start}${row}|`), xml);
  return xml.slice(`${start}${row}|`.length);
}

/** A cell of column B, row 7, in style 3, and what was counted. */
function write(
  type: ColumnType,
  cell: NonNullable<Cell>,
  more: Partial<Column> = {},
): { xml: string; warnings: readonly Warning[] } {
  const warnings = new Warnings();
  const column = { name: "b", title: "B", type, ...more };
  const times = { fraction: 4, long: 5, longFraction: 6 };
  return {
    xml: cellXml(createCellWriter(column, { letters: "B", style: 3, times }, warnings), cell, 7),
    warnings: warnings.list(),
  };
}

const EXACT: readonly (readonly [ColumnType, NonNullable<Cell>, xml: string])[] = [
  ["string", "plain", '<c r="B7" s="3" t="inlineStr"><is><t>plain</t></is></c>'],
  ["string", "", '<c r="B7" s="3" t="inlineStr"><is><t></t></is></c>'],
  ["string", "=1+1", '<c r="B7" s="3" t="inlineStr"><is><t>=1+1</t></is></c>'],
  ["string", "a<b>&😀", '<c r="B7" s="3" t="inlineStr"><is><t>a&lt;b&gt;&amp;😀</t></is></c>'],
  [
    "string",
    " a\r\n",
    '<c r="B7" s="3" t="inlineStr"><is><t xml:space="preserve"> a_x000D_\n</t></is></c>',
  ],
  ["string", 1.5, '<c r="B7" s="3"><v>1.5</v></c>'],
  ["string", true, '<c r="B7" s="3" t="b"><v>1</v></c>'],
  ["boolean", true, '<c r="B7" s="3" t="b"><v>1</v></c>'],
  ["boolean", false, '<c r="B7" s="3" t="b"><v>0</v></c>'],
  ["integer", 42, '<c r="B7" s="3"><v>42</v></c>'],
  ["integer", -42n, '<c r="B7" s="3"><v>-42</v></c>'],
  ["integer", "42", '<c r="B7" s="3"><v>42</v></c>'],
  ["integer", "none", '<c r="B7" s="3" t="inlineStr"><is><t>none</t></is></c>'],
  ["number", 0.1, '<c r="B7" s="3"><v>0.1</v></c>'],
  ["number", -0, '<c r="B7" s="3"><v>-0</v></c>'],
  ["number", 1e300, '<c r="B7" s="3"><v>1e+300</v></c>'],
  ["decimal", "-12.50", '<c r="B7" s="3"><v>-12.50</v></c>'],
  ["decimal", ".5", '<c r="B7" s="3"><v>0.5</v></c>'],
  ["decimal", 12.5, '<c r="B7" s="3"><v>12.5</v></c>'],
  ["decimal", "2180.0000000000000000", '<c r="B7" s="3"><v>2180.0000000000000000</v></c>'],
  ["decimal", "007.5", '<c r="B7" s="3"><v>7.5</v></c>'],
  ["number", "-12.50", '<c r="B7" s="3"><v>-12.50</v></c>'],
  ["decimal", "12,50", '<c r="B7" s="3" t="inlineStr"><is><t>12,50</t></is></c>'],
  ["date", "2026-01-02", '<c r="B7" s="3"><v>46024</v></c>'],
  ["datetime", "2026-01-02T12:00:00Z", '<c r="B7" s="3"><v>46024.5</v></c>'],
  ["time", "18:00", '<c r="B7" s="3"><v>0.75</v></c>'],
  ["duration", "PT36H", '<c r="B7" s="3"><v>1.5</v></c>'],
  ["duration", 129_600, '<c r="B7" s="3"><v>1.5</v></c>'],
  // Fractions of a second, and times of a day or more, have formats that show them.
  ["datetime", "2026-01-02 12:00:00.5", '<c r="B7" s="4"><v>46024.500005787035</v></c>'],
  ["datetime", "2026-01-02 12:00:00.000", '<c r="B7" s="3"><v>46024.5</v></c>'],
  ["datetime", "2026-01-02T12:00:00.000000Z", '<c r="B7" s="3"><v>46024.5</v></c>'],
  ["time", "12:00:00.25", '<c r="B7" s="4"><v>0.5000028935185186</v></c>'],
  ["time", "36:00:00", '<c r="B7" s="5"><v>1.5</v></c>'],
  ["time", "PT838H59M59S", '<c r="B7" s="5"><v>34.958321759259256</v></c>'],
  ["time", "PT36H0M0.5S", '<c r="B7" s="6"><v>1.5000057870370371</v></c>'],
  ["duration", "PT36H0.5S", '<c r="B7" s="4"><v>1.5000057870370371</v></c>'],
  ["duration", 0.25, '<c r="B7" s="4"><v>0.0000028935185185185184</v></c>'],
  // What is not a date in a column of dates is not shown as one.
  ["date", 20260102, '<c r="B7"><v>20260102</v></c>'],
  ["date", "soon", '<c r="B7" t="inlineStr"><is><t>soon</t></is></c>'],
  ["time", false, '<c r="B7" t="b"><v>0</v></c>'],
  ["json", '{"a":1}', '<c r="B7" s="3" t="inlineStr"><is><t>{"a":1}</t></is></c>'],
  [
    "binary",
    new Uint8Array([0, 255, 16]),
    '<c r="B7" s="3" t="inlineStr"><is><t>AP8Q</t></is></c>',
  ],
];

for (const [type, cell, xml] of EXACT) {
  Deno.test(`${type} cell: ${typeof cell} ${JSON.stringify(String(cell))}`, () => {
    assert.deepEqual(write(type, cell), { xml, warnings: [] });
  });
}

const AS_TEXT: readonly (readonly [ColumnType, NonNullable<Cell>, text: string])[] = [
  ["integer", 9_007_199_254_740_991, "9007199254740991"],
  ["integer", 9_223_372_036_854_775_807n, "9223372036854775807"],
  ["number", NaN, "NaN"],
  ["number", -Infinity, "-Infinity"],
  ["decimal", "1234567890123456", "1234567890123456"],
  ["decimal", "-12345678901234567890.00", "-12345678901234567890.00"],
  ["integer", "9223372036854775808", "9223372036854775808"],
  ["decimal", "NaN", "NaN"],
  ["number", "-Infinity", "-Infinity"],
];

for (const [type, cell, text] of AS_TEXT) {
  Deno.test(`${type} cell beyond what a worksheet holds: ${cell}`, () => {
    assert.deepEqual(write(type, cell), {
      xml: `<c r="B7" s="3" t="inlineStr"><is><t>${text}</t></is></c>`,
      warnings: [{ kind: "written-as-text", column: "b", count: 1 }],
    });
  });
}

Deno.test("a decimal of more digits than a worksheet holds is the nearest number, counted", () => {
  for (const type of ["decimal", "number"] as const) {
    assert.deepEqual(write(type, "3.3333333333333333"), {
      xml: '<c r="B7" s="3"><v>3.3333333333333335</v></c>',
      warnings: [{ kind: "rounded", column: "b", count: 1 }],
    });
  }
});

const DATES_AS_TEXT: readonly (readonly [ColumnType, NonNullable<Cell>, text: string])[] = [
  ["date", "1900-02-28", "1900-02-28"],
  ["datetime", "1582-10-15T00:00:00Z", "1582-10-15T00:00:00Z"],
  ["time", "01:02:03.123456789", "01:02:03.123456789"],
  ["duration", "P1M", "P1M"],
  ["duration", "-PT1H", "-PT1H"],
  ["duration", "P1Y2M", "P1Y2M"],
  ["duration", "PT-1H", "PT-1H"],
  ["duration", -90, "-90"],
  ["date", "infinity", "infinity"],
  ["date", "0044-03-15 BC", "0044-03-15 BC"],
  ["date", "10000-01-01", "10000-01-01"],
  ["datetime", "-infinity", "-infinity"],
  ["datetime", "12345-01-02 03:04:05+00:00", "12345-01-02 03:04:05+00:00"],
  ["datetime", "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"],
  ["datetime", "9999-12-31 23:59:59.9999", "9999-12-31 23:59:59.9999"],
  ["datetime", "2081-03-03 12:00:00.000002", "2081-03-03 12:00:00.000002"],
  ["time", "-838:59:59", "-838:59:59"],
  ["time", "-PT1H", "-PT1H"],
];

for (const [type, cell, text] of DATES_AS_TEXT) {
  Deno.test(`${type} cell beyond what a serial holds: ${cell}`, () => {
    assert.deepEqual(write(type, cell), {
      xml: `<c r="B7" t="inlineStr"><is><t>${text}</t></is></c>`,
      warnings: [{ kind: "written-as-text", column: "b", count: 1 }],
    });
  });
}

Deno.test("a datetime shows its column's zone, as a serial and as text", () => {
  const zone = { timezone: "Asia/Seoul" };
  assert.equal(
    write("datetime", "2026-01-02T15:00:00Z", zone).xml,
    '<c r="B7" s="3"><v>46025</v></c>',
  );
  assert.equal(
    write("datetime", "1850-01-02 15:00", zone).xml,
    '<c r="B7" t="inlineStr"><is><t>1850-01-02T23:28:00+08:28</t></is></c>',
  );
});

Deno.test("what stands for no date or time is text, and is not counted", () => {
  for (const type of ["date", "datetime", "time", "duration"] as const) {
    for (const text of ["n/a", "", "2026-02-30", "TBD"]) {
      assert.deepEqual(write(type, text), {
        xml: `<c r="B7" t="inlineStr"><is><t>${text}</t></is></c>`,
        warnings: [],
      });
    }
  }
});

Deno.test("a datetime with an offset is in UTC, and counted where no title says so", () => {
  const column: Column = { name: "b", title: "B", type: "datetime" };
  for (const named of [true, false]) {
    const warnings = new Warnings();
    const options = { letters: "B", style: 3, isZoneNamed: () => named };
    const writeCell = createCellWriter(column, options, warnings);
    const cells = [
      "2026-01-02T21:00:00+09:00",
      "2026-01-02T12:00:00Z",
      "2026-01-02 12:00:00+00",
      "2026-01-02 21:00+09",
      "2026-01-02 12:00:00.000",
      "2026-01-02 12:00:00",
    ];
    for (const cell of cells) {
      assert.equal(cellXml(writeCell, cell, 7), '<c r="B7" s="3"><v>46024.5</v></c>');
    }
    assert.deepEqual(
      warnings.list(),
      named ? [] : [{ kind: "zone-unnamed", column: "b", count: 4 }],
    );
  }
});

Deno.test("a cell of style 0 names no style", () => {
  const column: Column = { name: "a", title: "A", type: "integer" };
  const cell = createCellWriter(column, { letters: "A", style: 0 }, new Warnings());
  assert.equal(cellXml(cell, 1, 2), '<c r="A2"><v>1</v></c>');
});

Deno.test("an unknown time zone fails before the first cell", () => {
  assert.throws(() => write("datetime", "x", { timezone: "Mars/Olympus" }), RangeError);
});

Deno.test("text of 32,767 units fits, and one more is cut and counted", () => {
  const fits = "a".repeat(32_767);
  assert.deepEqual(write("string", fits), {
    xml: `<c r="B7" s="3" t="inlineStr"><is><t>${fits}</t></is></c>`,
    warnings: [],
  });
  assert.deepEqual(write("string", fits + "b"), {
    xml: `<c r="B7" s="3" t="inlineStr"><is><t>${fits}</t></is></c>`,
    warnings: [{ kind: "text-cut", column: "b", count: 1 }],
  });
});

Deno.test("the cut leaves no half of a pair", () => {
  const warnings = new Warnings();
  const text = "a".repeat(32_766);
  assert.equal(textXml(text + "😀", "b", warnings), `<t>${text}</t>`);
  assert.deepEqual(warnings.list(), [{ kind: "text-cut", column: "b", count: 1 }]);
});

Deno.test("the base64 of long bytes is cut and counted", () => {
  const { xml, warnings } = write("binary", new Uint8Array(10_000_000));
  assert.equal(xml, `<c r="B7" s="3" t="inlineStr"><is><t>${"A".repeat(32_767)}</t></is></c>`);
  assert.deepEqual(warnings, [{ kind: "text-cut", column: "b", count: 1 }]);
  assert.deepEqual(write("binary", new Uint8Array(24_573)).warnings, []);
  assert.equal(write("binary", new Uint8Array(24_574)).warnings.length, 1);
});

Deno.test("lone surrogates become U+FFFD, and the cell is counted once", () => {
  assert.deepEqual(write("string", "\ud800a\udc00"), {
    xml: '<c r="B7" s="3" t="inlineStr"><is><t>\ufffda\ufffd</t></is></c>',
    warnings: [{ kind: "lone-surrogate", column: "b", count: 1 }],
  });
});
