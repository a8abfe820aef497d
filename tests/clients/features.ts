/** A workbook that uses every feature, and what its sheets should hold. */

import type { Cell, Column, Row, Table } from "../../table/table.ts";
import type { XlsxOptions } from "../../exporters/xlsx/options.ts";
import { Warnings } from "../../exporters/warnings.ts";
import { createXlsx } from "../../exporters/xlsx/mod.ts";
import { batchesOf } from "../exporters/tables.ts";
import type { ReadValue, WantedValue } from "./reader.ts";

/** What a sheet holds, row by row from its first one on; rows that are missing are empty. */
export interface SheetValues {
  readonly name: string;
  readonly rows: readonly (readonly WantedValue[])[];
}

/** Rows of a sheet, the header included, so that the orders need three. */
const ROWS_PER_SHEET = 20;

const ORDERS = 45;

const ORDER_COLUMNS: readonly Column[] = [
  { name: "id", title: "No.", type: "integer", width: 7, align: "center" },
  { name: "page", title: "Page", type: "string", link: true, width: 40 },
  { name: "user", title: "User", type: "string", link: "https://app.example.com/users/{}" },
  {
    name: "ticket",
    title: "Ticket",
    type: "integer",
    link: "https://tickets.example.com/{}?a=1&b",
  },
  { name: "amount", title: "Amount", type: "decimal", format: '#,##0.00 "€"', align: "right" },
  { name: "share", title: "Share\nof all", type: "number", format: "0.0%" },
  { name: "day", title: "Day", type: "date" },
  { name: "moment", title: "In Seoul", type: "datetime", timezone: "Asia/Seoul" },
  { name: "clock", title: "Clock", type: "time" },
  { name: "span", title: "Span", type: "duration" },
  { name: "paid", title: "Paid", type: "boolean" },
  { name: "status", title: "status", type: "string" },
  // A table of Excel's tells its columns apart by name.
  { name: "note", title: "Status", type: "string", wrap: true, width: 30 },
];

const ORDER_HEADER = ORDER_COLUMNS.map(({ title }, index) => index === 12 ? "Status (2)" : title);

const STATUSES = ["new", "paid & sent", " held ", "<void>", "_x0041_", "&amp;"];

function order(index: number): { readonly row: Row; readonly values: readonly WantedValue[] } {
  const id = index + 1;
  const page = `https://example.com/orders/${id}?q="${"a".repeat(index % 3)}"`;
  const user = index % 5 === 4 ? null : `user "${index}" & co`;
  const status = STATUSES[index % STATUSES.length]!;
  const note = index % 7 === 0 ? `line one\nline two of ${id}` : null;
  // 2026-01-01 is day 46,023; 20:30 in UTC is 5:30 of the next day in Seoul.
  const moment = 46_023 + index + 1 + (5 * 60 + 30) / 1440;
  const date = new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10);
  const clock = `${String(index % 24).padStart(2, "0")}:15:00`;
  return {
    row: [
      id,
      page,
      user,
      1000 + id,
      `${index}.50`,
      index / 8,
      date,
      `${date}T20:30:00Z`,
      clock,
      `PT${index + 20}H30M`,
      index % 2 === 0,
      status,
      note,
    ],
    values: [
      id,
      page,
      user,
      1000 + id,
      index + 0.5,
      index / 8,
      { serial: 46_023 + index },
      { serial: moment },
      { serial: (index % 24 * 60 + 15) / 1440 },
      { serial: (index + 20.5) / 24 },
      index % 2 === 0,
      status,
      note,
    ],
  };
}

/** Text, and a number, that one program or another has been seen to spoil. */
export const TEXTS: readonly Cell[] = [
  "plain",
  " outer spaces ",
  "\tafter a tab",
  "line\nfeed",
  "=1+1",
  "'quoted",
  "007",
  "1e5",
  "2026-01-02",
  "TRUE",
  "<b>&amp;</b> ]]>",
  "한국어 and 👩‍👩‍👧",
  "e\u0301 is not é",
  "x".repeat(32_767),
  "_x0041_ is no A",
  "carriage\rreturn",
  "controls \x01 and \x1f",
  9_007_199_254_740_993n,
  0.1,
  -1e-7,
  123_456_789_012_345,
  true,
];

const TEXT_COLUMNS: readonly Column[] = [
  { name: "text", title: 'Text, "any" of it', type: "string" },
  { name: "empty", title: "Empty", type: "string" },
  { name: "end", title: "End", type: "integer" },
];

/** The name of the sheet of {@linkcode TEXTS}. */
export const TEXTS_SHEET = "Bob's _texts_ & more";

const TIME = "2026-03-04T05:06:07Z";

/** The options of the workbook. */
export const FEATURE_OPTIONS: XlsxOptions = {
  properties: {
    title: "Orders & texts",
    subject: "Every feature",
    creator: "Ann <ann@example.com>",
    company: "Example",
    created: true,
  },
  about: [
    { label: "Orders" },
    { label: "since", value: "2026-01-01" },
    { label: "rows", value: "=all" },
  ],
  time: TIME,
};

/** The tables of the workbook; their rows can be read once. */
export function featureTables(): readonly Table[] {
  const orders = Array.from({ length: ORDERS }, (_, index) => order(index).row);
  const texts = TEXTS.map((text, index): Row => [text, null, index]);
  return [
    { title: "Orders", columns: ORDER_COLUMNS, style: "table", batches: batchesOf(orders, 7) },
    { title: "Bob's [texts] & more", columns: TEXT_COLUMNS, batches: batchesOf(texts) },
    { title: "orders", columns: ORDER_COLUMNS, style: "table", batches: batchesOf([]) },
  ];
}

/** The workbook, with the texts that repeat in a part of their own or not. */
export async function featureWorkbook(sharedStrings: boolean): Promise<Uint8Array> {
  const stream = createXlsx({ rowsPerSheet: ROWS_PER_SHEET }).encodeAll!(
    featureTables(),
    { ...FEATURE_OPTIONS, sharedStrings },
    new Warnings(),
  );
  return await new Response(stream).bytes();
}

/** What its sheets should hold. */
export function featureValues(): readonly SheetValues[] {
  const orders = Array.from({ length: ORDERS }, (_, index) => order(index).values);
  const texts = TEXTS.map((text, index) => [
    typeof text === "bigint" ? String(text) : text as ReadValue,
    null,
    index,
  ]);
  const textHeader = ['Text, "any" of it', "Empty", "End"];
  const each = ROWS_PER_SHEET - 1;
  return [
    {
      name: "About",
      rows: [
        ["Orders"],
        ["since", "2026-01-01"],
        ["rows", "=all"],
        [],
        ["This file"],
        ["Made at (UTC)", { serial: 46_085 + (5 * 3600 + 6 * 60 + 7) / 86_400 }],
        [
          "Sheets",
          "A new sheet begins at 20 rows, its header included, or earlier where cells are large.",
        ],
        ["Text", "Text of more than 32,767 characters is cut."],
        [
          "Numbers",
          "A number of more digits than a worksheet holds is the nearest one that it does; a " +
          "whole number of more than 15 digits is text, with every digit, and so are infinite ones.",
        ],
        [
          "Dates",
          "Dates and times that a worksheet cannot hold exactly are text, such as those before " +
          "1900-03-01. The zone of those that had one is named above them.",
        ],
      ],
    },
    { name: "Orders", rows: [ORDER_HEADER, ...orders.slice(0, each)] },
    { name: "Orders (2)", rows: [ORDER_HEADER, ...orders.slice(each, 2 * each)] },
    { name: "Orders (3)", rows: [ORDER_HEADER, ...orders.slice(2 * each)] },
    { name: TEXTS_SHEET, rows: [textHeader, ...texts.slice(0, each)] },
    { name: "Bob's _texts_ & more (2)", rows: [textHeader, ...texts.slice(each)] },
    { name: "orders (4)", rows: [ORDER_HEADER] },
  ];
}

/** The workbook in both of its forms. */
export const FORMS = [
  { form: "whose strings are shared", sharedStrings: true },
  { form: "whose strings are inline", sharedStrings: false },
] as const;

/** Runs a body with a workbook in a file. */
export async function withFile(
  bytes: Uint8Array,
  body: (file: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-features-" });
  try {
    const file = `${folder}/features.xlsx`;
    await Deno.writeFile(file, bytes);
    await body(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
