/** What every source promises, as one suite that each of them runs on a fixture of its own. */

import assert from "node:assert/strict";
import {
  BATCH_ROWS,
  type ParamValue,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceColumn,
  SourceError,
} from "../../sources/source.ts";
import type { Cell, ColumnType, Row } from "../../table/table.ts";
import { inTime, standstill, until } from "../waiting.ts";
import { readDeclared } from "../sources/declared.ts";

/** A column of a table that a fixture makes. */
export interface FixtureColumn {
  /** Small letters, no keyword. */
  readonly name: string;
  /** Every type but `duration`, which databases seldom have. */
  readonly type: Exclude<ColumnType, "duration">;
}

/** A source with data of its own, made anew for each test. */
export interface SourceFixture extends AsyncDisposable {
  /** Opens a query of the source. */
  open(query: Query, options?: ReadOptions): Promise<RowStream>;
  /**
   * Says the columns of a query, or opens the source without one. Absent where the source cannot, and where
   * only rows tell the columns.
   */
  describe?(query?: Query): Promise<readonly SourceColumn[] | undefined>;
  /** Makes a table, and gives the text of the query for its rows, in this order. */
  table(name: string, columns: readonly FixtureColumn[], rows: readonly Row[]): Promise<string>;
  /** Adds rows to a table, as somebody else would, and commits. */
  insert(name: string, rows: readonly Row[]): Promise<void>;
  /** A query for one row of 1, 2, 3, … in columns of these names. */
  named(names: readonly string[]): string;
  /** A query for the whole numbers from 1 to `count`, in order, made as they are read. */
  numbers(count: number): string;
  /** A query for the whole numbers from 1 to `good`, in order, that fails after them. */
  failing(good: number): string;
  /** A query that the source refuses. */
  readonly refused: string;
  /**
   * A query for one row of one column: the value of the param `value`. A function where the statement
   * must say which type it is (`$1::bigint`).
   */
  readonly echo: string | ((value: ParamValue) => string);
  /** How many files or connections of the source are open in this process. */
  held(): number;
  /** Whether text may hold a NUL; PostgreSQL's may not. */
  readonly holdsNul: boolean;
  /** Whether two columns may have one name; the keys of an object cannot. @default true */
  readonly namesRepeat?: boolean;
  /** Whether the source knows its columns' types; JSON has no dates. @default true */
  readonly declaresTypes?: boolean;
  /** Rows that are looked at while a query is opened: an error in them rejects `open()`. @default 0 */
  readonly sampleRows?: number;
  /** Whether rows that are added while a query is read stay unseen; a web service's need not. @default true */
  readonly snapshots?: boolean;
  /**
   * Cells to write and to read back in place of {@linkcode EXACT}'s, by type, for a source that cannot
   * hold one of those or holds more (`2026-01-02 03:04:05+09:00`); the fixture says why.
   */
  readonly cells?: Partial<Readonly<Record<FixtureColumn["type"], readonly Cell[]>>>;
  /**
   * Bytes that the source has sent by now, as itself counts them, or a proxy before it does.
   *
   * @default what this process has read; the kernel counts that for files, and not for sockets
   */
  sent?(): number | Promise<number>;
  /**
   * A query that gives `good` rows, whose first cells are the whole numbers from 1, and then nothing
   * for longer than any test waits. More columns may push the rows through the server's own buffer. Absent where nothing
   * can wait.
   */
  stalling?(good: number): string;
  /**
   * How many queries of a run the server itself says that it runs or holds open: by a backend's
   * `application_name`, in the process list, as requests of an upstream. Absent where there is no server.
   */
  working?(run: string): Promise<number>;
  /** Kills the server, or whatever of it serves this fixture. Disposing still works. Absent likewise. */
  kill?(): Promise<void>;
}

/** What reading a stream to its end, or to its error, gave. */
interface Reading {
  readonly batches: readonly (readonly Row[])[];
  readonly rows: readonly Row[];
  readonly error: unknown;
}

/** Reads a query to its end or error; one that fails at its start may do so while it is opened. */
async function readAll(opening: RowStream | Promise<RowStream>): Promise<Reading> {
  const read: (readonly Row[])[] = [];
  let error: unknown;
  try {
    for await (const batch of (await opening).batches) read.push(batch);
  } catch (thrown) {
    error = thrown;
  }
  return { batches: read, rows: read.flat(), error };
}

/** Reads a query that must not fail. */
async function rowsOf(stream: RowStream | Promise<RowStream>): Promise<readonly Row[]> {
  const { rows, error } = await readAll(stream);
  if (error !== undefined) throw error;
  return rows;
}

const ask = (text: string, params: Query["params"] = {}): Query => ({ text, params });

const INTEGERS: readonly FixtureColumn[] = [{ name: "n", type: "integer" }];

/** What a source says of a table's columns. */
function expectedColumns(fixture: SourceFixture, columns: readonly FixtureColumn[]) {
  return columns.map(({ name, type }) => [name, fixture.declaresTypes ?? true ? type : undefined]);
}

const named = ({ columns }: RowStream) => columns.map(({ name, type }) => [name, type]);

/** What an export declares over what a source holds: the cell, and what becomes of it. */
const DECLARED: readonly (readonly [FixtureColumn["type"], Cell, ColumnType, Cell])[] = [
  ["string", "42", "integer", 42],
  ["string", "9007199254740993", "integer", 9007199254740993n],
  ["string", "-0.50", "number", -0.5],
  ["string", "-0.50", "decimal", "-0.50"],
  ["string", "t", "boolean", true],
  ["string", "2021-01-01 00:00:00", "date", "2021-01-01"],
  ["string", "2021-01-01", "datetime", "2021-01-01 00:00:00"],
  ["string", "36:05:06", "duration", "PT36H5M6S"],
  ["string", '{"a": 1}', "json", '{"a": 1}'],
  ["string", "AP8=", "binary", new Uint8Array([0, 255])],
  ["integer", 42, "string", "42"],
  ["integer", 42, "number", 42],
  ["integer", 0, "boolean", false],
  ["number", 0.1, "string", "0.1"],
  ["decimal", "2180.000000000", "integer", 2180],
  ["decimal", "3.333333333", "number", 3.333333333],
  ["date", "2021-01-01", "datetime", "2021-01-01 00:00:00"],
  ["date", "2021-01-01", "string", "2021-01-01"],
  ["datetime", "2021-01-01 00:00:00", "date", "2021-01-01"],
  ["time", "03:04:05", "duration", "PT3H4M5S"],
];

/** The same of what stays what it is. */
const OTHERS: readonly (readonly [FixtureColumn["type"], Cell, ColumnType])[] = [
  ["string", "many", "integer"],
  ["string", "1e400", "number"],
  ["string", "maybe", "boolean"],
  ["string", "soon", "date"],
  ["datetime", "2021-01-01 00:00:01", "date"],
];

/** The cells of each type that are hardest to keep. */
const EXACT: Readonly<Record<FixtureColumn["type"], readonly Cell[]>> = {
  string: ["", " ", "plain", "🎉", "e\u0301", "\ufeff", "line\r\nbreak", `'single' "double" \\n`],
  integer: [
    0,
    -1,
    9007199254740991,
    -9007199254740991,
    9007199254740992n,
    9007199254740993n,
    9223372036854775807n,
    -9223372036854775808n,
  ],
  number: [0.1, -1.5, 1e308, 5e-324, 123456789.12345679],
  decimal: ["12345678901234567890.123456789", "-0.50", "1.10"],
  boolean: [true, false],
  date: ["2026-01-02", "0001-01-01", "9999-12-31"],
  datetime: ["2026-01-02 03:04:05", "2026-01-02 03:04:05.123456"],
  time: ["00:00:00", "23:59:59.5"],
  json: ['{"a": [1, 2.50, "x"], "b": null}', "[]"],
  binary: [new Uint8Array(0), new Uint8Array([0, 255, 10, 39]), new Uint8Array(300).fill(7)],
};

/** Bytes that this process has read by now, from files. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(Deno.readTextFileSync("/proc/self/io"))?.[1]);
}

const MEGABYTE = 1024 * 1024;

/** More rows than are read, or made, in the time that any test waits. */
const ENDLESS = 1_000_000_000;

/** Cancels, and has the server confirm that it works for the run no more. */
async function confirmCancel(
  fixture: SourceFixture,
  run: string,
  cancel: () => Promise<unknown>,
): Promise<void> {
  // The measure measures: the server knows of the query.
  if (fixture.working) await until(async () => await fixture.working!(run) === 1);
  await inTime(cancel(), "the cancel");
  if (fixture.working) await until(async () => await fixture.working!(run) === 0);
  assert.equal(fixture.held(), 0, "what was cancelled is still open");
}

/**
 * Reads until a read stays pending behind the first rows, and gives it with the number of rows that came
 * before.
 */
async function readUntilStalled(reader: ReadableStreamDefaultReader<readonly Row[]>) {
  for (let rows = 0;;) {
    let settled = 0;
    const pending = reader.read();
    // A read that an error ends is looked at later.
    pending.then(() => settled = 1, () => settled = 1);
    if (rows === 0) await inTime(pending, "the first rows");
    else if (await standstill(() => settled) === 0) return { rows, pending };
    const step = await pending;
    assert(!step.done, "the stream ended instead of stalling");
    for (const row of step.value) assert.equal(row[0], ++rows);
  }
}

/** Reads on until the stream fails. */
async function readToError(reader: ReadableStreamDefaultReader<readonly Row[]>): Promise<unknown> {
  try {
    while (!(await reader.read()).done);
  } catch (error) {
    return error;
  }
  return undefined;
}

/**
 * Declares the tests of a source.
 *
 * @param name the source's name, which begins the name of each test
 */
export function testSource(name: string, create: () => Promise<SourceFixture>): void {
  function test(
    promise: string,
    body: (fixture: SourceFixture) => Promise<void>,
    options: { readonly ignore?: boolean } = {},
  ): void {
    Deno.test(`${name}: ${promise}`, options, async () => {
      await using fixture = await create();
      await body(fixture);
      assert.equal(fixture.held(), 0, "the test left the source open");
    });
  }

  test("the columns come in the query's order, with the types that are declared", async (fixture) => {
    const columns: FixtureColumn[] = [
      { name: "b", type: "string" },
      { name: "a", type: "integer" },
      { name: "d", type: "boolean" },
      { name: "c", type: "datetime" },
    ];
    const stream = await fixture.open(ask(await fixture.table("t", columns, [])));
    assert.deepEqual(named(stream), expectedColumns(fixture, columns));
    await stream.batches.cancel();
  });

  test("an empty result has columns and no batch", async (fixture) => {
    const stream = await fixture.open(ask(await fixture.table("t", INTEGERS, [])));
    assert.deepEqual(named(stream), expectedColumns(fixture, INTEGERS));
    assert.deepEqual(await readAll(stream), { batches: [], rows: [], error: undefined });
  });

  for (const [type, cells] of Object.entries(EXACT)) {
    test(`${type}: cells are exact, and null is null`, async (fixture) => {
      const column = { name: "cell", type: type as FixtureColumn["type"] };
      const known = fixture.cells?.[column.type] ?? cells;
      const rows = [[null], ...known.map((cell) => [cell]), [null]];
      const text = await fixture.table("t", [column], rows);
      const declares = fixture.declaresTypes ?? true;
      const types = declares ? {} : { cell: column.type };
      const stream = await fixture.open(ask(text), { types });
      if (declares) assert.equal(stream.columns[0]?.type, type);
      assert.deepEqual(await rowsOf(stream), rows);
    });
  }

  test("a declared type is honoured, and what is not of it is counted", async (fixture) => {
    let tables = 0;
    const read = async (type: FixtureColumn["type"], cell: Cell, declared: ColumnType) => {
      const column = { name: "cell", type };
      const query = ask(await fixture.table(`declared${++tables}`, [column], [[cell], [null]]));
      const types = { cell: declared };
      const { rows, others } = await readDeclared(await fixture.open(query, { types }), types);
      assert.deepEqual(rows[1], [null]);
      return [rows[0]![0], others.cell ?? 0];
    };
    for (const [type, cell, declared, expected] of DECLARED) {
      assert.deepEqual(
        await read(type, cell, declared),
        [expected, 0],
        `${cell}, ${type}, as ${declared}`,
      );
    }
    for (const [type, cell, declared] of OTHERS) {
      assert.deepEqual(await read(type, cell, declared), [cell, 1], `${cell} as ${declared}`);
    }
  });

  test("string: a NUL cuts nothing off", async (fixture) => {
    if (!fixture.holdsNul) return;
    const rows = [["a\0b"], ["\0"], ["\0\0🎉"]];
    const text = await fixture.table("t", [{ name: "cell", type: "string" }], rows);
    assert.deepEqual(await rowsOf(fixture.open(ask(text))), rows);
  });

  test("names may repeat and be hostile", async (fixture) => {
    const again = fixture.namesRepeat ?? true ? "a" : "b";
    const names = ["a", again, "__proto__", "constructor", "두 단어", "semi;colon", "c0"];
    const stream = await fixture.open(ask(fixture.named(names)));
    assert.deepEqual(stream.columns.map((column) => column.name), names);
    assert.deepEqual(await rowsOf(stream), [[1, 2, 3, 4, 5, 6, 7]]);
  });

  test("rows come in order, in batches that are never empty nor too large", async (fixture) => {
    for (const count of [1, 99, 100, 101, 1000]) {
      const stream = await fixture.open(ask(fixture.numbers(count)), { batchRows: 100 });
      const { batches, rows } = await readAll(stream);
      assert.deepEqual(rows, Array.from({ length: count }, (_, index) => [index + 1]));
      for (const { length } of batches) assert(length >= 1 && length <= 100, `${length} rows`);
    }
  });

  test("a batch has at most BATCH_ROWS rows", async (fixture) => {
    const { batches, rows } = await readAll(fixture.open(ask(fixture.numbers(1000))));
    assert.equal(rows.length, 1000);
    assert(Math.max(...batches.map(({ length }) => length)) <= BATCH_ROWS);
  });

  test("a batch of wide rows has few", async (fixture) => {
    const width = 100_000;
    const rows = Array.from({ length: 60 }, (_, row): Row => [`${row % 10}`.repeat(width)]);
    const query = await fixture.table("wide", [{ name: "a", type: "string" }], rows);
    const { batches, rows: read, error } = await readAll(fixture.open({ text: query, params: {} }));
    assert.equal(error, undefined);
    assert.deepEqual(
      read.map(([cell]) => String(cell).slice(-2)),
      rows.map(([cell]) => String(cell).slice(-2)),
    );
    // A megabyte, and a row that goes beyond it.
    assert.ok(Math.max(...batches.map(({ length }) => length)) <= 11);
  });

  test("nothing is read before it is pulled", async (fixture) => {
    // Between two sockets the kernel holds up to 4 MB of what was sent and 6 MB of what arrived.
    const [megabytes, most] = fixture.sent ? [32, 16] : [12, 6];
    const sent = async () => await fixture.sent?.() ?? bytesRead();
    const rows = Array.from({ length: megabytes * 1024 }, () => ["x".repeat(1024)]);
    const text = await fixture.table("t", [{ name: "cell", type: "string" }], rows);
    const start = await sent();
    const reader = (await fixture.open(ask(text))).batches.getReader();
    let read = (await reader.read()).value?.length ?? 0;
    // To read what it measures with is no more than this.
    const afterOne = await standstill(sent, 64 * 1024) - start;
    assert(afterOne < most * MEGABYTE, `${afterOne} bytes were sent for one batch`);
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      read += next.value.length;
    }
    assert.equal(read, rows.length);
    // The measure measures: all of it was sent in the end.
    assert(await sent() - start >= megabytes * MEGABYTE);
  }, { ignore: Deno.build.os !== "linux" });

  for (const good of [0, 1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, 3 * BATCH_ROWS]) {
    test(`an error after ${good} rows is an error, after whole batches at most`, async (fixture) => {
      const { rows, batches, error } = await readAll(fixture.open(ask(fixture.failing(good))));
      assert.deepEqual(rows, Array.from({ length: rows.length }, (_, index) => [index + 1]));
      // What shares a batch with the error is dropped, so that an early error is the first thing read.
      assert.ok(rows.length <= good);
      // A source that has paused, as on a slow machine, gives what it has before a batch is full.
      const full = batches.every((batch) => batch.length === BATCH_ROWS);
      const early = good < (fixture.sampleRows ?? 0);
      if (full) assert.equal(batches.length, early ? 0 : Math.floor(good / BATCH_ROWS));
      assert(error instanceof SourceError, `not a SourceError: ${error}`);
      assert(error.cause instanceof Error);
    });
  }

  test("a query that is refused rejects open()", async (fixture) => {
    await assert.rejects(fixture.open(ask(fixture.refused)), (error) => {
      assert(error instanceof SourceError);
      assert(error.cause instanceof Error);
      return true;
    });
  });

  test("a query is described without a row, as it is opened", async (fixture) => {
    if (!fixture.describe) return;
    const columns: FixtureColumn[] = [
      { name: "b", type: "string" },
      { name: "a", type: "integer" },
      { name: "c", type: "datetime" },
    ];
    const text = await fixture.table("t", columns, [["x", 1, "2026-01-02 03:04:05"]]);
    for (const query of [text, fixture.numbers(ENDLESS), fixture.failing(0)]) {
      const described = await fixture.describe(ask(query));
      assert.equal(fixture.held(), 0, "describing left something open");
      const stream = await fixture.open(ask(query)).catch(() => undefined);
      if (stream) assert.deepEqual(described, stream.columns);
      await stream?.batches.cancel();
    }
    assert.equal(await fixture.describe(), undefined);
    await assert.rejects(fixture.describe(ask(fixture.refused)), SourceError);
    assert.equal(fixture.held(), 0, "describing left something open");
  });

  test("a cancel before the first read reaches the source", async (fixture) => {
    const stream = await fixture.open(ask(fixture.numbers(ENDLESS)), { run: "unread" });
    assert(fixture.held() > 0, "the fixture does not see what is open");
    await confirmCancel(fixture, "unread", () => stream.batches.cancel("changed my mind"));
  });

  test("a cancel between reads reaches the source", async (fixture) => {
    const stream = await fixture.open(ask(fixture.numbers(ENDLESS)), { run: "begun" });
    const reader = stream.batches.getReader();
    await reader.read();
    await confirmCancel(fixture, "begun", () => reader.cancel("gone"));
    assert.deepEqual(await reader.read(), { done: true, value: undefined });
  });

  test("a cancel of a source that stalls reaches it", async (fixture) => {
    if (!fixture.stalling) return;
    const text = fixture.stalling(2 * BATCH_ROWS);
    const reader = (await fixture.open(ask(text), { run: "stalled" })).batches.getReader();
    const { rows, pending } = await readUntilStalled(reader);
    assert(rows >= 1 && rows <= 2 * BATCH_ROWS, `${rows} rows came before the stall`);
    await confirmCancel(fixture, "stalled", () => reader.cancel("gone"));
    assert.deepEqual(await pending, { done: true, value: undefined });
  });

  test("a signal takes back what is still being opened", async (fixture) => {
    if (!fixture.stalling) return;
    const controller = new AbortController();
    const { signal } = controller;
    const opening = fixture.open(ask(fixture.stalling(0)), { run: "opening", signal });
    // A source that is open before its first row is cancelled as a stream.
    const opened = opening.catch(() => undefined);
    await confirmCancel(fixture, "opening", async () => {
      controller.abort(new Error("nobody wants it"));
      await (await opened)?.batches.cancel();
    });
  });

  test("a signal that is aborted already opens nothing", async (fixture) => {
    const signal = AbortSignal.abort(new Error("nobody wants it"));
    const query = ask(fixture.numbers(10));
    await assert.rejects(fixture.open(query, { run: "aborted", signal }));
    assert.equal(await fixture.working?.("aborted") ?? 0, 0);
    assert.equal(fixture.held(), 0);
  });

  test("a server that is killed while rows come is an error, never an end", async (fixture) => {
    if (!fixture.kill) return;
    const reader = (await fixture.open(ask(fixture.numbers(ENDLESS)))).batches.getReader();
    await reader.read();
    await fixture.kill();
    const error = await inTime(readToError(reader), "the error");
    assert(error instanceof SourceError, `not a SourceError: ${error}`);
  });

  test("a server that is killed while it stalls is an error, never an end", async (fixture) => {
    if (!fixture.kill || !fixture.stalling) return;
    const text = fixture.stalling(2 * BATCH_ROWS);
    const reader = (await fixture.open(ask(text))).batches.getReader();
    const { pending } = await readUntilStalled(reader);
    await fixture.kill();
    await inTime(assert.rejects(pending, SourceError), "the error");
  });

  test("the end, an error and a refusal let the source go", async (fixture) => {
    await rowsOf(fixture.open(ask(fixture.numbers(10))));
    assert.equal(fixture.held(), 0, "after the end");
    await readAll(fixture.open(ask(fixture.failing(10))));
    assert.equal(fixture.held(), 0, "after an error");
    await assert.rejects(fixture.open(ask(fixture.refused)));
    assert.equal(fixture.held(), 0, "after a refusal");
  });

  test("params are bound exactly, never spliced", async (fixture) => {
    const text = await fixture.table("t", INTEGERS, [[1]]);
    for (
      const value of [
        "'; drop table t; --",
        "\\'; drop table t; --",
        ":value",
        "",
        "🎉",
        null,
        -42,
        2.5,
        9223372036854775807n,
      ]
    ) {
      const query = typeof fixture.echo === "string" ? fixture.echo : fixture.echo(value);
      assert.deepEqual(await rowsOf(fixture.open(ask(query, { value }))), [[value]]);
    }
    assert.deepEqual(await rowsOf(fixture.open(ask(text))), [[1]]);
  });

  test("a query sees one snapshot, and the next one the next", async (fixture) => {
    if (!(fixture.snapshots ?? true)) return;
    const rows = Array.from({ length: 2 * BATCH_ROWS }, (_, index) => [index]);
    const text = await fixture.table("t", INTEGERS, rows);
    const reader = (await fixture.open(ask(text))).batches.getReader();
    let seen = (await reader.read()).value?.length ?? 0;
    await fixture.insert("t", [[-1], [-2]]);
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      seen += next.value.length;
    }
    assert.equal(seen, rows.length);
    assert.equal((await rowsOf(fixture.open(ask(text)))).length, rows.length + 2);
  });

  test("two queries can be read at once", async (fixture) => {
    const streams = await Promise.all([
      fixture.open(ask(fixture.numbers(600))),
      fixture.open(ask(fixture.numbers(700))),
    ]);
    const [one, other] = await Promise.all(streams.map(rowsOf));
    assert.equal(one?.length, 600);
    assert.equal(other?.length, 700);
  });
}
