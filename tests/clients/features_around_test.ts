/** What is around the values of a workbook that uses every feature, as its readers see it. */

import assert from "node:assert/strict";
import * as sheetJs from "xlsx";
import { readWorkbook } from "../exporters/xlsx/read_workbook.ts";
import { featureWorkbook, FORMS, withFile } from "./features.ts";
import { PYTHON, readerTest, runProgram } from "./programs.ts";

/** The widths that its columns declare, or that fit their titles and first rows. */
const ORDER_WIDTHS = Object.fromEntries(
  [7, 40, 18, 11, 11, 11, 12, 23, 12, 13, 9, 18, 30].map((
    width,
    at,
  ) => ["ABCDEFGHIJKLM"[at], width]),
);

const ORDER_COLUMNS = [
  ...["No.", "Page", "User", "Ticket", "Amount", "Share\nof all", "Day", "In Seoul", "Clock"],
  ...["Span", "Paid", "status", "Status (2)"],
];

/** How the titles of the orders look: a table of Excel's colours its header itself. */
const ORDER_TITLES = {
  A1: { bold: true, align: "center" },
  ...Object.fromEntries([..."BCDFGHIJKL"].map((letter) => [`${letter}1`, { bold: true }])),
  E1: { bold: true, align: "right" },
  M1: { bold: true, wrap: true },
};

const LINK = { link: "FF0563C1", vertical: "top" };

/** How an order looks, which begins at the top, as its note can have many lines. */
const ORDER_CELLS = {
  A2: { align: "center", vertical: "top" },
  B2: LINK,
  C2: LINK,
  D2: LINK,
  E2: { format: '#,##0.00 "€"', align: "right", vertical: "top" },
  F2: { format: "0.0%", vertical: "top" },
  G2: { format: "yyyy-mm-dd", vertical: "top" },
  H2: { format: "yyyy-mm-dd hh:mm:ss", vertical: "top" },
  I2: { format: "hh:mm:ss", vertical: "top" },
  J2: { format: "[h]:mm:ss", vertical: "top" },
  K2: { vertical: "top" },
  L2: { vertical: "top" },
  M2: { vertical: "top", wrap: true },
};

/** What there is of a sheet of orders. */
function orders(name: string, table: string, range: string): Record<string, unknown> {
  return {
    name,
    frozen: "A2",
    filter: null,
    gridlines: true,
    widths: ORDER_WIDTHS,
    tables: {
      [table]: {
        range,
        filter: range,
        columns: ORDER_COLUMNS,
        style: "TableStyleMedium2",
        stripes: true,
      },
    },
  };
}

/** What there is of a sheet of texts. */
function texts(name: string, filter: string): Record<string, unknown> {
  const title = { bold: true, fill: "FFD9E1F2" };
  return {
    name,
    frozen: "A2",
    filter,
    gridlines: true,
    widths: { A: 60, B: 18, C: 8 },
    tables: {},
    looks: { A1: title, B1: title, C1: title },
    formulas: {},
  };
}

/** The looks of a row of orders without some of its cells, which are null. */
function cellsWithout(...names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(ORDER_CELLS).filter(([name]) => !names.includes(name)));
}

const WANTED = {
  title: "Orders & texts",
  subject: "Every feature",
  creator: "Ann <ann@example.com>",
  created: "2026-03-04T05:06:07",
  active: "Orders",
  sheets: [
    {
      name: "About",
      frozen: null,
      filter: null,
      gridlines: false,
      widths: { A: 24, B: 80 },
      tables: {},
      looks: {
        A1: { bold: true },
        A2: { bold: true, vertical: "top" },
        B2: { vertical: "top", wrap: true },
      },
      formulas: {},
    },
    {
      ...orders("Orders", "Orders", "A1:M20"),
      looks: { ...ORDER_TITLES, ...ORDER_CELLS },
      formulas: {
        B2: '=HYPERLINK("https://example.com/orders/1?q=""""")',
        C2: '=HYPERLINK("https://app.example.com/users/user%20%220%22%20%26%20co",' +
          '"user ""0"" & co")',
        D2: '=HYPERLINK("https://tickets.example.com/1001?a=1&b",1001)',
      },
    },
    {
      ...orders("Orders (2)", "Orders_2", "A1:M20"),
      looks: { ...ORDER_TITLES, ...cellsWithout("C2", "M2") },
      formulas: {
        B2: '=HYPERLINK("https://example.com/orders/20?q=""a""")',
        D2: '=HYPERLINK("https://tickets.example.com/1020?a=1&b",1020)',
      },
    },
    {
      ...orders("Orders (3)", "Orders_3", "A1:M8"),
      looks: { ...ORDER_TITLES, ...cellsWithout("M2") },
      formulas: {
        B2: '=HYPERLINK("https://example.com/orders/39?q=""aa""")',
        C2: '=HYPERLINK("https://app.example.com/users/user%20%2238%22%20%26%20co",' +
          '"user ""38"" & co")',
        D2: '=HYPERLINK("https://tickets.example.com/1039?a=1&b",1039)',
      },
    },
    texts("Bob's _texts_ & more", "A1:C20"),
    texts("Bob's _texts_ & more (2)", "A1:C4"),
    // A table has a row of cells at least, be it empty.
    { ...orders("orders (4)", "orders_4", "A1:M2"), looks: ORDER_TITLES, formulas: {} },
  ],
};

for (const { form, sharedStrings } of FORMS) {
  readerTest(
    `openpyxl sees what is around the values of a workbook of every feature ${form}`,
    ["openpyxl"],
    async () => {
      const bytes = await featureWorkbook(sharedStrings);
      await withFile(bytes, async (file) => {
        const script = new URL("./describe_openpyxl.py", import.meta.url).pathname;
        // -B: no __pycache__ in the tree.
        assert.deepEqual(JSON.parse(await runProgram(PYTHON, ["-B", script, file])), WANTED);
      });
    },
  );

  Deno.test(`a workbook of every feature ${form} is one`, async () => {
    const [, sheet] = readWorkbook(await featureWorkbook(sharedStrings));
    const types = new Set(["L2", "L3", "L4"].map((name) => sheet!.cells.get(name)!.type));
    assert.deepEqual([...types], [sharedStrings ? "s" : "inlineStr"]);
  });

  Deno.test(`SheetJS sees the properties of a workbook of every feature ${form}`, async () => {
    const { Props } = sheetJs.read(await featureWorkbook(sharedStrings), { type: "array" });
    assert.equal(Props!.Title, "Orders & texts");
    assert.equal(Props!.Subject, "Every feature");
    assert.equal(Props!.Author, "Ann <ann@example.com>");
    assert.equal(Props!.Company, "Example");
    assert.equal(Number(Props!.CreatedDate), Date.UTC(2026, 2, 4, 5, 6, 7));
  });
}
