/** What the rows of CSV are, however its text comes. */

import assert from "node:assert/strict";
import { createCsvReader } from "../../../sources/http/csv_rows.ts";
import { SourceError } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";

interface Reading {
  readonly columns?: readonly string[];
  readonly maxRow?: number;
}

/** Reads pieces to their end; rows are taken after each piece, or all of them at the end. */
function read(
  pieces: readonly string[],
  { maxRow = 1e6, ...columns }: Reading = {},
  patient = false,
) {
  const reader = createCsvReader({ maxRow, ...columns });
  const rows: Row[] = [];
  const take = () => {
    for (let row = reader.read(); row !== undefined; row = reader.read()) rows.push(row);
  };
  for (const piece of pieces) {
    reader.write(piece);
    if (!patient) take();
  }
  reader.end();
  take();
  return { columns: reader.columns, rows };
}

function errorOf(text: string, reading: Reading = {}): string {
  try {
    return `not refused: ${JSON.stringify(read([text], reading))}`;
  } catch (error) {
    assert(error instanceof SourceError, String(error));
    return error.message;
  }
}

Deno.test("no row is lost, however many come in however many pieces", () => {
  for (const count of [0, 1, 15, 16, 17, 100, 1000]) {
    const expected = Array.from({ length: count }, (_, n) => [String(n), `"${n},\n`]);
    const text = "a,b\r\n" + expected.map(([n]) => `${n},"""${n},\n"\r\n`).join("");
    for (const size of [1, 7, 1000, 1e6]) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      for (const patient of [false, true]) {
        const { rows } = read(pieces, {}, patient);
        assert.deepEqual(rows, expected, `${count} rows in pieces of ${size}`);
      }
    }
  }
});

Deno.test("an empty field is null, and an empty text is in quotes", () => {
  assert.deepEqual(read(['a,"b ""q""",\r\n,"",x\r\n"1",2,"3\r\n4"']), {
    columns: [{ name: "a" }, { name: 'b "q"' }, { name: "" }],
    rows: [[null, "", "x"], ["1", "2", "3\r\n4"]],
  });
});

Deno.test("a record that does not fit is an error that counts to it", () => {
  for (
    const [text, reason, reading] of [
      ["", "row 1: there is no header"],
      ["a,b\n1,2\n3\n", "row 2: it has more or fewer fields than the header"],
      ["a,b\n1,2,3\n", "row 1: it has more or fewer fields than the header"],
      ['a\n"1', "row 1: a quote is not closed"],
      ['a\n"1"2\n', "row 1: text follows a closing quote"],
      ['a\n1"2\n', "row 1: a quote stands in a field without quotes"],
      ["a\n1\n" + "x".repeat(60) + "\n", "row 2: it is longer than 50 characters (max_row)", {
        maxRow: 50,
      }],
      ["b\n1\n", 'row 1: the header before it is "b", not "a"', { columns: ["a"] }],
    ] as readonly (readonly [string, string, Reading?])[]
  ) assert.equal(errorOf(text, reading), `Cannot read ${reason}`, text);
});
