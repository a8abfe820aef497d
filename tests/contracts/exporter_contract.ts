/** What every format promises, as one suite that each of them runs. */

import assert from "node:assert/strict";
import type { Batch, Cell, ColumnType, Row, Table } from "../../table/table.ts";
import { COLUMN_TYPES } from "../../table/table.ts";
import type { Exporter } from "../../exporters/exporter.ts";
import { type Warning, Warnings } from "../../exporters/warnings.ts";
import { column, exportTable, tableOf } from "../exporters/tables.ts";
import { inTime, standstill, turns } from "../waiting.ts";

/** Rows as a reader of the format gets them: text, or null where the format tells it from `""`. */
export type DecodedRows = readonly (readonly (string | null)[])[];

/** What a format brings to the suite. */
export interface ExporterFixture {
  /**
   * Reads a file with a reader that is not ours.
   *
   * @param header what the columns must be called in the file
   * @throws when the file is not whole or names other columns
   */
  decode(bytes: Uint8Array, header: readonly string[]): DecodedRows | Promise<DecodedRows>;
  /** What null reads back as. @default null */
  readonly nullText?: string;
  /** What the columns {@linkcode HOSTILE_NAMES} are called in the file. */
  readonly hostileNames: readonly string[];
  /** How many of them the file could not call by their names, counted as `column-renamed`. */
  readonly renamed: number;
  /** What {@linkcode CONTROLS} reads back as. @default the same */
  readonly controls?: string;
  /**
   * What a case of {@linkcode CELL_CASES} (`datetime in a zone`), or a leaf type in a column of any
   * type (`bigint in date`), reads back as where it is not the plain text of the suite.
   */
  readonly reads?: Readonly<Record<string, string>>;
  /** Whether a file that was cut off can be told from a whole one. */
  readonly hasEnd: boolean;
}

/** Names that repeat, look like a repeat, are magic, empty, formulas, or markup. */
export const HOSTILE_NAMES: readonly string[] = [
  "id",
  "id",
  "id_2",
  "id",
  "__proto__",
  "",
  "=cmd",
  "a b",
  "<xml>",
  "xml",
  'say "hi", 안녕',
];

/** Characters that no line of text holds, each format's own separators among them. */
export const CONTROLS = "a\tb\nc\rd\r\ne\0f\x0bg\x1fh\x7fi\x85j\u2028k\ufffel\uffffm";

/** One cell of each kind, and what it reads back as. */
const CELL_CASES: readonly {
  readonly name: string;
  readonly type: ColumnType;
  readonly timezone?: string;
  readonly cell: Cell;
  readonly reads: string;
}[] = [
  { name: "string", type: "string", cell: "plain", reads: "plain" },
  { name: "empty string", type: "string", cell: "", reads: "" },
  { name: "spaces", type: "string", cell: "  a  b  ", reads: "  a  b  " },
  { name: "quotes", type: "string", cell: "a,\"b\";'c'", reads: "a,\"b\";'c'" },
  { name: "markup", type: "string", cell: "<a>&amp;]]></a>", reads: "<a>&amp;]]></a>" },
  { name: "backslashes", type: "string", cell: "\\N\\.\\u0041", reads: "\\N\\.\\u0041" },
  { name: "integer", type: "integer", cell: 42, reads: "42" },
  { name: "negative integer", type: "integer", cell: -42, reads: "-42" },
  {
    name: "safe integer",
    type: "integer",
    cell: 9007199254740991,
    reads: "9007199254740991",
  },
  {
    name: "bigint",
    type: "integer",
    cell: -9223372036854775808n,
    reads: "-9223372036854775808",
  },
  { name: "number", type: "number", cell: 0.1, reads: "0.1" },
  { name: "large number", type: "number", cell: 1e300, reads: "1e+300" },
  { name: "NaN", type: "number", cell: NaN, reads: "NaN" },
  { name: "infinity", type: "number", cell: -Infinity, reads: "-Infinity" },
  { name: "decimal", type: "decimal", cell: "-12.50", reads: "-12.50" },
  {
    name: "long decimal",
    type: "decimal",
    cell: "12345678901234567890.123456789",
    reads: "12345678901234567890.123456789",
  },
  { name: "true", type: "boolean", cell: true, reads: "true" },
  { name: "false", type: "boolean", cell: false, reads: "false" },
  { name: "date", type: "date", cell: "2026-01-02", reads: "2026-01-02" },
  {
    name: "datetime",
    type: "datetime",
    cell: "2026-01-02T03:04:05Z",
    reads: "2026-01-02T03:04:05Z",
  },
  {
    name: "datetime in a zone",
    type: "datetime",
    timezone: "Asia/Seoul",
    cell: "2026-01-02 18:04:05.25",
    reads: "2026-01-03T03:04:05.25+09:00",
  },
  { name: "time", type: "time", cell: "03:04:05", reads: "03:04:05" },
  { name: "duration", type: "duration", cell: "PT36H5M", reads: "PT36H5M" },
  { name: "json", type: "json", cell: '{"a":[1,null]}', reads: '{"a":[1,null]}' },
  { name: "binary", type: "binary", cell: new Uint8Array([0, 255, 16]), reads: "AP8Q" },
];

/** One cell of each leaf type, which any column may hold, and what it reads back as. */
const LEAF_CASES: readonly {
  readonly name: string;
  readonly cell: Cell;
  readonly reads: string;
}[] = [
  { name: "string", cell: "no such thing", reads: "no such thing" },
  { name: "empty string", cell: "", reads: "" },
  { name: "number", cell: 1.5, reads: "1.5" },
  { name: "bigint", cell: 9007199254740993n, reads: "9007199254740993" },
  { name: "boolean", cell: true, reads: "true" },
  { name: "binary", cell: new Uint8Array([1, 2, 3]), reads: "AQID" },
];

/** Registers the suite for one format. */
export function exporterContract(
  key: string,
  exporter: Exporter<Record<never, never>>,
  fixture: ExporterFixture,
): void {
  const test = (name: string, run: () => Promise<void>) =>
    Deno.test(`${key} exporter: ${name}`, run);
  const nullText = fixture.nullText ?? null;

  async function decode(table: Table): Promise<DecodedRows> {
    const { bytes } = await exportTable(exporter, table);
    return await fixture.decode(bytes, table.columns.map(({ name }) => name));
  }

  test("an empty table is a file without rows", async () => {
    assert.deepEqual(await decode(tableOf([column("id"), column("name")], [])), []);
  });

  test("one row", async () => {
    const columns = [column("id", "integer"), column("name")];
    assert.deepEqual(await decode(tableOf(columns, [[1, "Ada"]])), [["1", "Ada"]]);
  });

  test("null, first, in the middle, last and alone in its row", async () => {
    const columns = [column("a"), column("b", "integer"), column("c", "datetime", "Asia/Seoul")];
    const rows = [[null, 1, "x"], ["x", null, "x"], ["x", 1, null], [null, null, null]];
    assert.deepEqual(await decode(tableOf(columns, rows)), [
      [nullText, "1", "x"],
      ["x", nullText, "x"],
      ["x", "1", nullText],
      [nullText, nullText, nullText],
    ]);
  });

  test("a table of one column keeps its rows", async () => {
    const rows = [["a"], [null], ["b"], [""], ["c"], [null]];
    const decoded = await decode(tableOf([column("only")], rows));
    assert.deepEqual(decoded, [["a"], [nullText], ["b"], [""], ["c"], [nullText]]);
  });

  test("a cell of every type", async () => {
    const columns = CELL_CASES.map(({ type, timezone }, index) =>
      column(`c${index}`, type, timezone)
    );
    const [row] = await decode(tableOf(columns, [CELL_CASES.map(({ cell }) => cell)]));
    for (const [index, { name, reads }] of CELL_CASES.entries()) {
      assert.equal(row![index], fixture.reads?.[name] ?? reads, name);
    }
  });

  for (const type of COLUMN_TYPES) {
    test(`a ${type} column holds cells of every leaf type`, async () => {
      const columns = LEAF_CASES.map((_, index) => column(`c${index}`, type));
      const row = LEAF_CASES.map(({ cell }) => cell);
      const expected = LEAF_CASES.map(({ name, reads }) =>
        fixture.reads?.[`${name} in ${type}`] ?? reads
      );
      assert.deepEqual(await decode(tableOf(columns, [row])), [expected]);
    });
  }

  test("Unicode beyond ASCII, Latin 1 and the basic plane", async () => {
    const row = [
      "é",
      "Ünïcödé ß",
      "안녕하세요",
      "𝄞 😀 👩‍👩‍👧",
      "e\u0301 \u202eabc\u202c \u200b",
      "\u00a0",
    ];
    const columns = row.map((_, index) => column(`c${index}`));
    assert.deepEqual(await decode(tableOf(columns, [row])), [row]);
  });

  test("a lone surrogate becomes U+FFFD, and its cell is counted", async () => {
    const columns = [column("left"), column("right")];
    const rows = [
      ["a\ud83d", "\ude00b"],
      ["whole 😀", 'quoted "\udfff" \ud800'],
      ["\ud800", null],
    ];
    for (const batchRows of [1, 2, 256]) {
      const { bytes, warnings } = await exportTable(exporter, tableOf(columns, rows, batchRows));
      assert.deepEqual(await fixture.decode(bytes, ["left", "right"]), [
        ["a\ufffd", "\ufffdb"],
        ["whole 😀", 'quoted "\ufffd" \ufffd'],
        ["\ufffd", nullText],
      ]);
      const counted = sorted(warnings.filter(({ kind }) => kind === "lone-surrogate"));
      assert.deepEqual(counted, [
        { kind: "lone-surrogate", column: "left", count: 2 },
        { kind: "lone-surrogate", column: "right", count: 2 },
      ]);
    }
  });

  test("control characters keep their place", async () => {
    assert.deepEqual(
      await decode(tableOf([column("text"), column("next")], [[CONTROLS, "next"]])),
      [[fixture.controls ?? CONTROLS, "next"]],
    );
  });

  test("names that repeat or are hostile", async () => {
    const columns = HOSTILE_NAMES.map((name) => column(name));
    const row = HOSTILE_NAMES.map((_, index) => `cell ${index}`);
    const { bytes, warnings } = await exportTable(exporter, tableOf(columns, [row]));
    assert.deepEqual(await fixture.decode(bytes, fixture.hostileNames), [row]);
    const renamed = warnings.filter(({ kind }) => kind === "column-renamed");
    assert.equal(renamed.reduce((sum, { count }) => sum + count, 0), fixture.renamed);
    assert.equal(({} as Record<string, unknown>)["cell 4"], undefined);
  });

  test("the size of a batch changes no byte and no count", async () => {
    const { columns, rows } = largeTable(2500);
    const single = await exportTable(exporter, tableOf(columns, rows, 1));
    const thousand = await exportTable(exporter, tableOf(columns, rows, 1000));
    assert.deepEqual(single.bytes, thousand.bytes);
    assert.deepEqual(sorted(single.warnings), sorted(thousand.warnings));
    const decoded = await fixture.decode(single.bytes, columns.map(({ name }) => name));
    assert.equal(decoded.length, 2500);
  });

  for (const rowsBefore of [0, 1, 3000]) {
    test(`an error after ${rowsBefore} rows is the file's error`, async () => {
      const { columns, rows } = largeTable(rowsBefore);
      const error = new Error("the source broke");
      const table = tableOf(columns, rows, 100, error);
      const reader = exporter.encode(table, {}, new Warnings()).getReader();
      const chunks: Uint8Array[] = [];
      await assert.rejects(async () => {
        while (true) {
          const { done, value } = await inTime(reader.read(), "the error");
          if (done) return;
          chunks.push(value);
        }
      }, (thrown) => thrown === error);
      if (!fixture.hasEnd) return;
      const bytes = await new Blob(chunks as BlobPart[]).bytes();
      await assert.rejects(async () => await fixture.decode(bytes, columns.map((c) => c.name)));
    });
  }

  for (const batchesBefore of [0, 1]) {
    test(`a cancel reaches a source that stalls after ${batchesBefore} batches`, async () => {
      const unhandled = new UnhandledRejections();
      using _ = unhandled;
      const source = stallingSource(batchesBefore);
      const reader = exporter.encode(source.table, {}, new Warnings()).getReader();
      await readUntilStalled(reader, source);
      const pending = reader.read();
      await inTime(reader.cancel(new Error("the client left")), "the cancel");
      await inTime(source.cancelled, "the source's cancel");
      assert.equal((await inTime(pending, "the pending read")).done, true);
      await turns();
      assert.deepEqual(unhandled.reasons, []);
    });
  }

  test("a cancel before the first read reaches the source", async () => {
    const source = stallingSource(0);
    await exporter.encode(source.table, {}, new Warnings()).cancel("never mind");
    await inTime(source.cancelled, "the source's cancel");
    assert.equal(source.pulls(), 0);
  });

  test("nothing is read from the source while nobody reads the file", async () => {
    const source = stallingSource(10);
    const stream = exporter.encode(source.table, {}, new Warnings());
    await turns();
    assert.equal(source.pulls(), 0);
    await stream.cancel();
  });

  test("a reader that stops, stops the source", async () => {
    const source = stallingSource(Infinity);
    const reader = exporter.encode(source.table, {}, new Warnings()).getReader();
    for (let chunks = 0; chunks < 3; chunks++) await reader.read();
    await standstill(source.pulls);
    await reader.cancel();
    await inTime(source.cancelled, "the source's cancel");
  });

  test("the first chunk is there before the second batch is", async () => {
    const source = stallingSource(1);
    const reader = exporter.encode(source.table, {}, new Warnings()).getReader();
    const { value } = await inTime(reader.read(), "the first chunk");
    assert.ok(value!.length > 0);
    await reader.cancel();
  });
}

/** Warnings in an order that does not depend on which was first. */
function sorted(warnings: readonly Warning[]): readonly Warning[] {
  const key = ({ kind, column }: Warning) => `${kind} ${column}`;
  return warnings.toSorted((one, other) => key(one) < key(other) ? -1 : 1);
}

function largeTable(count: number) {
  const columns = [
    column("id", "integer"),
    column("at", "datetime", "Asia/Seoul"),
    column("name"),
    column("amount", "decimal"),
    column("note"),
  ];
  const rows: Row[] = Array.from({ length: count }, (_, index) => [
    index,
    "2026-01-02T03:04:05Z",
    index % 7 === 0 ? null : `name ${index} 안녕`,
    `${index}.50`,
    index % 11 === 0 ? `said "=${index}",\r\nleft \ud800` : index % 13 === 0 ? "=1+1" : "",
  ]);
  return { columns, rows };
}

/** A table that gives some batches, then neither a row nor an end. */
function stallingSource(count: number) {
  const cancelled = Promise.withResolvers<void>();
  const stalled = Promise.withResolvers<void>();
  let pulls = 0;
  const batches = new ReadableStream<Batch>({
    pull(controller) {
      if (pulls++ < count) return controller.enqueue(largeTable(100).rows);
      stalled.resolve();
      return new Promise(() => {});
    },
    cancel: () => cancelled.resolve(),
  }, { highWaterMark: 0 });
  return {
    table: { title: "Stalls", columns: largeTable(0).columns, batches },
    pulls: () => pulls,
    stalled: stalled.promise,
    cancelled: cancelled.promise,
  };
}

/** Reads what there is, until the source is asked for a batch that it does not give. */
async function readUntilStalled(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  source: ReturnType<typeof stallingSource>,
): Promise<void> {
  let stalled = false;
  source.stalled.then(() => stalled = true);
  while (!stalled) await inTime(Promise.race([reader.read(), source.stalled]), "the stall");
}

/** Collects the promises that nobody handled, while it is in use. */
class UnhandledRejections implements Disposable {
  readonly reasons: unknown[] = [];

  constructor() {
    addEventListener("unhandledrejection", this.#collect);
  }

  #collect = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    this.reasons.push(event.reason);
  };

  [Symbol.dispose](): void {
    removeEventListener("unhandledrejection", this.#collect);
  }
}
