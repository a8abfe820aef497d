import assert from "node:assert/strict";
import { constants, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import type { Batch, Cell, Row } from "../../../table/table.ts";
import { TableError } from "../../../exporters/exporter.ts";
import { Warnings } from "../../../exporters/warnings.ts";
import { createXlsx, xlsx } from "../../../exporters/xlsx/mod.ts";
import { standstill, turns } from "../../waiting.ts";
import { column, exportTable, tableOf } from "../tables.ts";
import { parse, readWorkbook } from "./read_workbook.ts";
import { readZip } from "./read_zip.ts";

const columns = [column("id", "integer"), column("name")];

function numbered(count: number): Row[] {
  return Array.from({ length: count }, (_, index) => [index + 1, `name ${index + 1}`]);
}

Deno.test("the parts are in the order in which they become known", async () => {
  const { bytes } = await exportTable(
    createXlsx({ rowsPerSheet: 3 }),
    tableOf(columns, numbered(4)),
  );
  assert.deepEqual(readZip(bytes).map(({ name, local }) => [name, local.flags]), [
    ["_rels/.rels", 0],
    ["xl/styles.xml", 0],
    ["xl/worksheets/sheet1.xml", 8],
    ["xl/worksheets/sheet2.xml", 8],
    ["xl/sharedStrings.xml", 8],
    ["xl/workbook.xml", 0],
    ["xl/_rels/workbook.xml.rels", 0],
    ["[Content_Types].xml", 0],
  ]);
});

Deno.test("a whole sheet, to the byte", async () => {
  const table = () => tableOf(columns, [[1, "a"], [2, null], [3, "a"]]);
  const inline = await exportTable(xlsx, table(), { sharedStrings: false });
  const inlineXml = readWorkbook(inline.bytes)[0]!.xml;
  assert.equal(
    inlineXml,
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' +
      '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' +
      '<sheetViews><sheetView tabSelected="1" workbookViewId="0">' +
      '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' +
      '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>' +
      '<sheetFormatPr defaultRowHeight="15"/>' +
      '<cols><col min="1" max="1" width="8" customWidth="1"/>' +
      '<col min="2" max="2" width="18" customWidth="1"/></cols><sheetData>' +
      '<row r="1"><c r="A1" s="1" t="inlineStr"><is><t>id</t></is></c>' +
      '<c r="B1" s="1" t="inlineStr"><is><t>name</t></is></c></row>' +
      '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="inlineStr"><is><t>a</t></is></c></row>' +
      '<row r="3"><c r="A3"><v>2</v></c></row>' +
      '<row r="4"><c r="A4"><v>3</v></c><c r="B4" t="inlineStr"><is><t>a</t></is></c></row>' +
      '</sheetData><autoFilter ref="A1:B4"/></worksheet>',
  );
  const shared = await exportTable(xlsx, table());
  assert.equal(
    readWorkbook(shared.bytes)[0]!.xml,
    inlineXml.replaceAll(' t="inlineStr"><is><t>a</t></is></c>', ' t="s"><v>0</v></c>'),
  );
});

Deno.test("text that repeats is in a part of its own, and there is none without such text", async () => {
  const part = async (cell: Cell, sharedStrings: boolean) => {
    const table = tableOf([column("a")], [[cell], [cell]]);
    const { bytes } = await exportTable(xlsx, table, { sharedStrings });
    const entry = readZip(bytes).find(({ name }) => name === "xl/sharedStrings.xml");
    return entry && new TextDecoder().decode(entry.content);
  };
  assert.match((await part("again", true))!, /count="2" uniqueCount="1"><si><t>again<\/t><\/si>/);
  assert.equal(await part("again", false), undefined);
  assert.equal(await part(7, true), undefined);
});

Deno.test("a sheet that is full of rows is followed by another, with all that it begins with", async () => {
  const { bytes } = await exportTable(
    createXlsx({ rowsPerSheet: 3 }),
    tableOf(columns, numbered(5)),
  );
  const sheets = readWorkbook(bytes);
  assert.deepEqual(sheets.map(({ name, rows }) => [name, rows]), [
    ["Table", [1, 2, 3]],
    ["Table (2)", [1, 2, 3]],
    ["Table (3)", [1, 2]],
  ]);
  assert.deepEqual(
    sheets.map((
      { cells },
    ) => [cells.get("B1")!.text, cells.get("B1")!.style, cells.get("A2")!.text]),
    [["name", 1, "1"], ["name", 1, "3"], ["name", 1, "5"]],
  );
  for (const [index, { xml }] of sheets.entries()) {
    assert.equal(xml.includes('state="frozen"'), true);
    assert.equal(xml.includes("<cols>"), true);
    assert.equal(xml.includes('tabSelected="1"'), index === 0);
  }
  assert.deepEqual(
    sheets.map(({ xml }) => xml.match(/<autoFilter ref="(.*?)"/)![1]),
    ["A1:B3", "A1:B3", "A1:B2"],
  );
});

Deno.test("exactly full sheets are not followed by an empty one", async () => {
  const { bytes } = await exportTable(
    createXlsx({ rowsPerSheet: 3 }),
    tableOf(columns, numbered(4)),
  );
  assert.deepEqual(readWorkbook(bytes).map(({ rows }) => rows.length), [3, 3]);
});

Deno.test("a sheet ends once it has the bytes that it may hold, whatever the batches are", async () => {
  const exporter = createXlsx({ bytesPerSheet: 100_000 });
  const rows = numbered(20_000).map(([id]) => [id!, "안".repeat(Number(id) % 50)]);
  const files = await Promise.all(
    [1, 7, 256, 20_000].map((batch) => exportTable(exporter, tableOf(columns, rows, batch))),
  );
  const sheets = readWorkbook(files[0]!.bytes);
  assert.ok(sheets.length > 10);
  // A sheet is looked at when 64 Ki units of it are encoded, here to at most two bytes each.
  for (const { xml } of sheets.slice(0, -1)) {
    const bytes = new TextEncoder().encode(xml).length;
    assert.ok(bytes >= 100_000 && bytes < 100_000 + 140_000, String(bytes));
  }
  const ids = sheets.flatMap(({ cells, rows }) =>
    rows.slice(1).map((row) => cells.get(`A${row}`)!.text)
  );
  assert.deepEqual(ids, rows.map(([id]) => String(id)));
  for (const file of files) assert.deepEqual(file, files[0]);
});

Deno.test("cells are counted once, on whatever sheet they are", async () => {
  const rows = Array.from({ length: 50 }, (_, index): Row => [NaN, `\ud800 ${index}`]);
  const { bytes, warnings } = await exportTable(
    createXlsx({ rowsPerSheet: 8 }),
    tableOf(columns, rows),
  );
  assert.equal(readWorkbook(bytes).length, 8);
  assert.deepEqual(warnings, [
    { kind: "written-as-text", column: "id", count: 50 },
    { kind: "lone-surrogate", column: "name", count: 50 },
  ]);
});

Deno.test("without a header the first row is data, and nothing filters", async () => {
  const { bytes } = await exportTable(
    createXlsx({ rowsPerSheet: 2 }),
    tableOf(columns, numbered(3)),
    { header: false },
  );
  const sheets = readWorkbook(bytes);
  assert.deepEqual(sheets.map(({ rows }) => rows), [[1, 2], [1]]);
  assert.equal(sheets[0]!.cells.get("B1")!.text, "name 1");
  for (const { xml } of sheets) assert.doesNotMatch(xml, /autoFilter|<pane/);
  const workbook = readZip(bytes).find(({ name }) => name === "xl/workbook.xml")!;
  assert.doesNotMatch(new TextDecoder().decode(workbook.content), /definedName/);
});

Deno.test("tables without columns or rows are whole workbooks", async () => {
  for (const some of [[], columns]) {
    const { bytes } = await exportTable(xlsx, tableOf(some, []));
    const [sheet] = readWorkbook(bytes);
    assert.deepEqual(sheet!.rows, some.length === 0 ? [] : [1]);
  }
});

Deno.test("16,384 columns fit, and one more fails at once", async () => {
  const most = Array.from({ length: 16_384 }, (_, index) => column(`c${index}`, "integer"));
  const { bytes } = await exportTable(xlsx, tableOf(most, [most.map((_, index) => index)]));
  assert.equal(readWorkbook(bytes)[0]!.cells.get("XFD2")!.text, "16383");
  const table = tableOf([...most, column("more")], []);
  assert.throws(() => xlsx.encode(table, {}, new Warnings()), TableError);
  assert.equal(table.batches.locked, false);
});

Deno.test("a number format that is none, and an unknown time zone, fail at once", () => {
  const format = [columns[0]!, { ...column("amount", "decimal"), format: '0.00 "EUR' }];
  const zone = [column("at", "datetime", "Mars/Olympus")];
  const formatTable = tableOf(format, []);
  const zoneTable = tableOf(zone, []);
  assert.throws(() => xlsx.encode(formatTable, {}, new Warnings()), {
    name: "TableError",
    message: 'Cannot show column "amount" as "0.00 "EUR": no number format',
  });
  assert.throws(() => xlsx.encode(zoneTable, {}, new Warnings()), RangeError);
  assert.equal(formatTable.batches.locked, false);
  assert.equal(zoneTable.batches.locked, false);
});

Deno.test("columns are shown by their titles", async () => {
  const titled = [{ ...columns[0]!, title: "Number" }, { ...columns[1]!, title: "=Name" }];
  const { bytes } = await exportTable(xlsx, tableOf(titled, []));
  const { cells } = readWorkbook(bytes)[0]!;
  assert.deepEqual(cells.get("A1"), { type: "inlineStr", style: 1, text: "Number" });
  assert.deepEqual(cells.get("B1"), { type: "inlineStr", style: 1, text: "=Name" });
});

Deno.test("the elements of a sheet are in the order of the schema", async () => {
  const { bytes } = await exportTable(xlsx, tableOf(columns, numbered(2)));
  const names: string[] = [];
  let depth = 0;
  parse(
    readWorkbook(bytes)[0]!.xml,
    (name) => void (depth++ === 1 && names.push(name)),
    () => void depth--,
  );
  assert.deepEqual(names, ["sheetViews", "sheetFormatPr", "cols", "sheetData", "autoFilter"]);
});

/** A source of numbered rows with a text each, that counts what was read of it. */
function countedRows(text: (row: number) => string, count = Infinity) {
  let read = 0;
  let cancelled: unknown;
  const batches = new ReadableStream<Batch>({
    pull(controller) {
      if (read >= count) return controller.close();
      controller.enqueue(Array.from({ length: 256 }, (_, index) => [read + index, text(index)]));
      read += 256;
    },
    cancel: (reason) => void (cancelled = reason),
  }, { highWaterMark: 0 });
  return {
    table: { title: "T", columns, batches },
    read: () => read,
    cancelled: () => cancelled,
  };
}

/** Digits that do not repeat: a cell that can be deflated to no less than half of it. */
function digits(row: number): string {
  let text = "";
  for (let state = row + 1; text.length < 200; state = state * 16_807 % 2_147_483_647) {
    text += state;
  }
  return text;
}

Deno.test("what begins the file leaves before the second batch is read", async () => {
  const source = countedRows(String);
  const reader = xlsx.encode(source.table, {}, new Warnings()).getReader();
  let bytes = "";
  for (let chunks = 0; chunks < 5; chunks++) {
    bytes += new TextDecoder("latin1").decode((await reader.read()).value);
  }
  assert.match(bytes, /^PK.*_rels\/\.rels.*PK.*xl\/styles\.xml/s);
  assert.match(bytes, /PK.{28}xl\/worksheets\/sheet1\.xml$/s);
  assert.equal(source.read(), 256);
  await reader.cancel();
});

/** The XML of a row of such a text, at most. */
const ROW_BYTES = 310;

for (const [name, text] of [["digits", digits], ["words", () => "again, ".repeat(30)]] as const) {
  Deno.test(`less than 1 MiB of ${name} is read ahead of a reader that stops`, async () => {
    const source = countedRows(text);
    const options = { sharedStrings: false };
    const reader = xlsx.encode(source.table, options, new Warnings()).getReader();
    const chunks: Uint8Array[] = [];
    let ahead = 0;
    while (chunks.length < 12) {
      chunks.push((await reader.read()).value!);
      const read = await standstill(source.read);
      const left = inflateSheet(await new Blob(chunks as BlobPart[]).bytes());
      ahead = Math.max(ahead, (read - left.split("</row>").length) * ROW_BYTES);
    }
    assert.ok(ahead < 2 ** 20, `${ahead} bytes`);
    await reader.cancel();
  });
}

/** The XML of the first sheet, as far as the bytes of an unfinished file go. */
function inflateSheet(bytes: Uint8Array): string {
  const name = "xl/worksheets/sheet1.xml";
  const at = new TextDecoder("latin1").decode(bytes).indexOf(name);
  if (at < 0 || at + name.length === bytes.length) return "";
  return inflateRawSync(bytes.subarray(at + name.length), {
    finishFlush: constants.Z_SYNC_FLUSH,
  }).toString();
}

Deno.test("a cancel after any chunk cancels the batches, and no rejection is left over", async () => {
  const unhandled: unknown[] = [];
  const collect = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", collect);
  for (let chunks = 0; chunks < 12; chunks++) {
    const source = countedRows(digits);
    const reason = new Error(`after ${chunks} chunks`);
    const reader = xlsx.encode(source.table, {}, new Warnings()).getReader();
    for (let read = 0; read < chunks; read++) await reader.read();
    const pending = reader.read();
    await reader.cancel(reason);
    assert.equal(source.cancelled(), reason);
    assert.equal((await pending).done, true);
  }
  await turns();
  removeEventListener("unhandledrejection", collect);
  assert.deepEqual(unhandled, []);
});

Deno.test("the error of the batches is left as it is", async () => {
  const error = new Error("the source broke");
  const stream = xlsx.encode(tableOf(columns, numbered(9000), 256, error), {}, new Warnings());
  await assert.rejects(new Response(stream).bytes(), (thrown) => thrown === error);
  await turns();
  assert.deepEqual(Object.keys(error), []);
});

Deno.test("a failure before the first batch leaves no byte", async () => {
  const error = new Error("no such table");
  const stream = xlsx.encode(tableOf(columns, [], 1, error), {}, new Warnings());
  await assert.rejects(stream.getReader().read(), error);
});

Deno.test("a cell that cannot be written releases the source", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const cell = Symbol("no cell at all") as unknown as Cell;
  const batches = new ReadableStream<Batch>({
    start: (controller) => controller.enqueue(Array.from({ length: 100 }, () => [cell, "a"])),
    cancel: cancelled.resolve,
  });
  const stream = xlsx.encode({ title: "T", columns, batches }, {}, new Warnings());
  await assert.rejects(new Response(stream).bytes(), TypeError);
  assert.ok(await cancelled.promise instanceof TypeError);
});

Deno.test("exports of different levels, read in turns, are each what they are alone", async () => {
  const rows = numbered(20_000);
  const levels = [1, 9, 2, 0];
  const encode = (deflateLevel: number) =>
    xlsx.encode(tableOf(columns, rows), { deflateLevel }, new Warnings());
  const alone: Uint8Array[] = [];
  for (const level of levels) alone.push(await new Response(encode(level)).bytes());

  const readers = levels.map((level) => encode(level).getReader());
  const chunks: Uint8Array[][] = levels.map(() => []);
  const open = new Set(readers.keys());
  while (open.size > 0) {
    for (const index of open) {
      const { done, value } = await readers[index]!.read();
      if (done) open.delete(index);
      else chunks[index]!.push(value);
    }
  }
  for (const [index, bytes] of alone.entries()) {
    assert.deepEqual(await new Blob(chunks[index] as BlobPart[]).bytes(), bytes);
  }
  const sizes = alone.map(({ length }) => length);
  assert.equal(new Set(sizes).size, 4);
  assert.ok(sizes[3]! > sizes[0]! && sizes[0]! > sizes[2]!);
});

Deno.test("chunks have buffers of their own, which can be transferred", async () => {
  const stream = xlsx.encode(tableOf(columns, numbered(50_000)), {}, new Warnings());
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    assert.equal(chunk.byteLength, chunk.buffer.byteLength);
    chunks.push(structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] }));
  }
  assert.ok(chunks.length > 3);
  assert.equal(readWorkbook(await new Blob(chunks as BlobPart[]).bytes())[0]!.rows.length, 50_001);
});

Deno.test("any table comes back cell by cell", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("_x0041_", "_x005F\x01", " ", "\r\n", "=1+1", "</t>", "]]>"),
  );
  const cell = fc.oneof(
    fc.constant(null),
    text,
    fc.boolean(),
    fc.integer(),
    fc.double({ noDefaultInfinity: true, noNaN: true, min: -1e14, max: 1e14 })
      .filter((number) => number === 0 || Math.abs(number) > 1e-300),
    fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
  );
  const table = fc.array(fc.tuple(cell, cell, cell), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(table, fc.integer({ min: 2, max: 6 }), async (rows, rowsPerSheet) => {
      const of = [column("a"), column("b", "integer"), column("c", "json")];
      const { bytes } = await exportTable(createXlsx({ rowsPerSheet }), tableOf(of, rows));
      const read = readWorkbook(bytes).flatMap(({ cells, rows }) =>
        rows.slice(1).map((row) => ["A", "B", "C"].map((letters) => cells.get(letters + row)))
      );
      assert.equal(read.length, rows.length);
      for (const [index, row] of rows.entries()) {
        for (const [at, cell] of row.entries()) {
          const found = read[index]![at];
          if (cell === null) assert.equal(found, undefined);
          else if (typeof cell === "boolean") assert.equal(found!.text, cell ? "1" : "0");
          else if (typeof cell === "string") assert.equal(found!.text, cell);
          else if (typeof cell === "bigint") assert.equal(BigInt(found!.text), cell);
          else assert.ok(Object.is(Number(found!.text), cell), `${found!.text} is not ${cell}`);
        }
      }
    }),
    { numRuns: 150 },
  );
});
