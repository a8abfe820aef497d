/** CSV as people and programs write it: what is detected, what is exact, what is refused. */

import assert from "node:assert/strict";
import { openCsv } from "../../../sources/upload/csv/mod.ts";
import { CsvError, CsvScanner } from "../../../sources/upload/csv/scanner.ts";
import { UploadError } from "../../../sources/upload/reader.ts";
import { read, type ReadSettings } from "./upload.ts";

const readCsv = (content: string | Uint8Array, settings?: ReadSettings) =>
  read(content, openCsv, settings);

/** What a reading is refused with. */
async function refusal(content: string | Uint8Array, settings?: ReadSettings): Promise<string> {
  try {
    await readCsv(content, settings);
  } catch (error) {
    assert(error instanceof UploadError, `not an UploadError: ${error}`);
    return error.message;
  }
  throw new Error("it was read");
}

Deno.test("header, separator and types are found, and cells are exact", async () => {
  const { columns, rows, notes } = await readCsv(
    "id;name;price;when;ok;code\r\n" +
      '1;"Ann; B ""Q""";1.50;2026-01-02;true;007\r\n' +
      '-20;;0.25;2026-02-28;false;1\r\n3;"";-0;2028-02-29;true;12\r\n',
  );
  assert.deepEqual(columns, [
    "id:integer",
    "name:string",
    "price:decimal",
    "when:date",
    "ok:boolean",
    "code:string",
  ]);
  assert.deepEqual(rows, [
    [1, 'Ann; B "Q"', "1.50", "2026-01-02", true, "007"],
    [-20, null, "0.25", "2026-02-28", false, "1"],
    [3, "", "-0", "2028-02-29", true, "12"],
  ]);
  assert.deepEqual(notes, {});
});

Deno.test("what another program would change stays text", async () => {
  const kept = ["007", "+5", "1,5", "1234567890123456", "1.2345678901234567", "02/03/2026"];
  for (
    const text of [...kept, "2026-02-30", "1e999", "yes", " 5", "0x10", "1_000", "NaN", "12:30"]
  ) {
    const { columns, rows } = await readCsv(`a\tb\n${text}\tx\n`);
    assert.deepEqual([columns[0], rows[0]![0]], ["a:string", text]);
  }
});

Deno.test("a cell that is not of its column's type stays text, and is counted", async () => {
  const lines = Array.from({ length: 1000 }, (_, index) => `${index},0.5`);
  const { columns, rows, notes } = await readCsv(
    ["n,x", ...lines, "007,many", "=1+1,2026-01-01", "5,1.5"].join("\n"),
  );
  assert.deepEqual(columns, ["n:integer", "x:decimal"]);
  assert.deepEqual(rows.slice(1000), [["007", "many"], ["=1+1", "2026-01-01"], [5, "1.5"]]);
  assert.deepEqual(notes, { "other-type n": 2, "other-type x": 2 });
});

Deno.test("a declared column is read as the text that it is", async () => {
  const { columns, rows } = await readCsv("code,n\n7,1\n12,2\n", { types: { code: "decimal" } });
  assert.deepEqual(columns, ["code:string", "n:integer"]);
  assert.deepEqual(rows, [["7", 1], ["12", 2]]);
});

Deno.test("the first row is a header where it is text alone, or stands above other types", async () => {
  assert.deepEqual((await readCsv("1,2\n3,4\n")).columns, ["column_1:integer", "column_2:integer"]);
  assert.deepEqual((await readCsv("Region,2019\nNorth,5\n")).rows.length, 2);
  assert.deepEqual((await readCsv("Region,Year,2019\nNorth,1,5\n")).columns, [
    "Region:string",
    "Year:integer",
    "2019:integer",
  ]);
  assert.deepEqual((await readCsv("a,b\nc,d\n", { header: false })).rows, [["a", "b"], ["c", "d"]]);
  const { columns, notes } = await readCsv("a,,a\n1,2,3\n");
  assert.deepEqual(columns, ["a:integer", "column_2:integer", "a:integer"]);
  assert.deepEqual(notes, { "column-unnamed column_2": 1 });
});

Deno.test("separators are found, also Excel's own line about them", async () => {
  for (const separator of [",", ";", "\t", "|"]) {
    const text = ["a", "b", "c"].join(separator) + "\n" + ["1,5", "x", "y"].map((cell) =>
      cell.includes(separator) ? `"${cell}"` : cell
    ).join(separator) + "\n";
    assert.deepEqual((await readCsv(text)).rows, [["1,5", "x", "y"]]);
  }
  assert.deepEqual((await readCsv("sep=^\r\na^b\r\n1^2\r\n")).rows, [[1, 2]]);
  assert.deepEqual((await readCsv("a:b\n1:2\n", { separator: ":" })).rows, [[1, 2]]);
  assert.deepEqual((await readCsv("a,b\n'1,5',2\n", { quote: "'" })).rows, [["1,5", 2]]);
  assert.deepEqual((await readCsv('a,b\n"1,2\n', { quote: "" })).rows, [['"1', 2]]);
});

Deno.test("every line end ends a row, and an empty line is none", async () => {
  const rows = [["1", "x\r\ny"], ["2", 'a 5" disk'], ["3", null]];
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = ["a,b", '1,"x\r\ny"', "", '2,a 5" disk', "3,"].join(end);
    for (const last of ["", end, end + end]) {
      assert.deepEqual((await readCsv(text + last, { types: { a: "string" } })).rows, rows);
    }
  }
});

Deno.test("rows of other lengths are filled and counted, or refused by their line", async () => {
  const { rows, notes } = await readCsv("a,b,c\n1,2,3\n4\n5,6,7\n");
  assert.deepEqual(rows[1], [4, null, null]);
  assert.deepEqual(notes, { "short-row": 1 });
  const many = `a,b\n${'1,"x\ny"\n'.repeat(1000)}`;
  assert.deepEqual((await readCsv(`${many}1,2,,\n`)).rows.length, 1001);
  assert.equal(
    await refusal(`${many}1,2,3\n`),
    "Cannot read the upload, line 2002: it has 3 fields, and there are 2 columns",
  );
});

Deno.test("quotes that do not fit are refused by their line", async () => {
  assert.equal(
    await refusal('a,b\n1,2\n3,"x\ny\n'),
    "Cannot read the upload, line 3: the quote that opens here is not closed",
  );
  assert.equal(
    await refusal('a,b\r\n1,2\r\n3,"x" y\r\n'),
    "Cannot read the upload, line 3: text follows a closing quote",
  );
});

Deno.test("a row, and a table, are as large as they may be", async () => {
  const message = "it is a row of more than 300000 bytes; a quote may not be closed";
  assert.equal(
    await refusal(`a,b\n1,2\n"${"x".repeat(2e6)}",2\n`, { maxRow: 300_000 }),
    `Cannot read the upload, line 3: ${message}`,
  );
  assert.equal(
    (await readCsv(`a,b\n1,${"x".repeat(280_000)}\n`, { maxRow: 300_000 })).rows.length,
    1,
  );
  assert.equal(
    await refusal(`a,b\n${"1,2\n".repeat(60)}`, { maxCells: 100 }),
    "Cannot read the upload: it has more than the 100 cells that are read",
  );
});

Deno.test("a row has as many fields as a table may have columns", async () => {
  const message = "it has more than the 16384 columns that are read";
  for (const separator of [",", ";"]) {
    const line = `a${separator}`;
    assert.equal((await readCsv(`${line.repeat(16_383)}a\n`)).columns.length, 16_384);
    assert.equal(
      await refusal(`${line.repeat(16_384)}a\n`),
      `Cannot read the upload, line 1: ${message}`,
    );
  }
  assert.equal(
    await refusal(`a,b\n1,2\n3,4${",".repeat(20_000)}\n`),
    `Cannot read the upload, line 3: ${message}`,
  );
});

Deno.test("fields are counted before there is room for them", () => {
  const commas = new Uint8Array(8 * 1024 * 1024).fill(",".charCodeAt(0));
  for (const options of [{}, { width: 3 }]) {
    const scanner = new CsvScanner({ separator: commas[0]!, quote: -1 }, options);
    assert.throws(() => scanner.scan(commas, 0, commas.length, false, 1), CsvError);
    assert(scanner.bounds.length <= 65_536, `${scanner.bounds.length}`);
  }
});

Deno.test("what is no text is refused", async () => {
  assert.equal(await refusal(""), "Cannot read the upload: it is empty");
  assert.equal(await refusal("\n\n"), "Cannot read the upload: there is no row in it");
  const noise = Uint8Array.from({ length: 5000 }, (_, index) => index * 7919 % 256);
  assert.equal(await refusal(noise), "Cannot read the upload: it is no text: a byte of it is zero");
});

Deno.test("rows are the same wherever the pieces of the file end", async () => {
  const cells = [
    "",
    '"é\r\n,"""',
    "x".repeat(70_000),
    '""',
    "한국어",
    "1",
    `"${"q".repeat(300_000)}"`,
  ];
  const lines = Array.from(
    { length: 60 },
    (_, row) => [row, ...cells.map((_, at) => cells[(row + at) % cells.length])].join(","),
  );
  const [a, b] = ["\n", "\r\n"].map((end) => `${lines.join(end)}${end}`);
  for (const text of [a!, b!]) {
    const { rows } = await readCsv(text, { maxRow: 1e7 });
    assert.equal(rows.length, 60);
    rows.forEach((row, index) => {
      const expected = cells.map((_, at) => cells[(index + at) % cells.length]!).map((cell) =>
        cell === "" ? null : cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell
      );
      assert.deepEqual(row.slice(1).map((cell) => cell === 1 ? "1" : cell), expected);
    });
  }
});
