/** What every source promises, as one suite that each of them runs on a fixture of its own. */

import assert from "node:assert/strict";
import { BATCH_ROWS, type Query, type ReadOptions, type RowStream } from "../../sources/source.ts";
import { SourceError } from "../../sources/source.ts";
import type { Cell, ColumnType, Row } from "../../sources/table.ts";

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
  /** A query for one row of one column: the value of the param `value`. */
  readonly echo: string;
  /** How many files or connections of the source are open in this process. */
  held(): number;
  /** Whether text may hold a NUL; PostgreSQL's may not. */
  readonly holdsNul: boolean;
}

/** What reading a stream to its end, or to its error, gave. */
interface Reading {
  readonly batches: readonly (readonly Row[])[];
  readonly rows: readonly Row[];
  readonly error: unknown;
}

async function readAll({ batches }: RowStream): Promise<Reading> {
  const read: (readonly Row[])[] = [];
  let error: unknown;
  try {
    for await (const batch of batches) read.push(batch);
  } catch (thrown) {
    error = thrown;
  }
  return { batches: read, rows: read.flat(), error };
}

/** Reads a stream that must not fail. */
async function rowsOf(stream: RowStream): Promise<readonly Row[]> {
  const { rows, error } = await readAll(stream);
  if (error !== undefined) throw error;
  return rows;
}

const ask = (text: string, params: Query["params"] = {}): Query => ({ text, params });

const INTEGERS: readonly FixtureColumn[] = [{ name: "n", type: "integer" }];

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

/** Bytes that this process has read by now, from files and sockets. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(Deno.readTextFileSync("/proc/self/io"))?.[1]);
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
    assert.deepEqual(stream.columns, columns);
    await stream.batches.cancel();
  });

  test("an empty result has columns and no batch", async (fixture) => {
    const stream = await fixture.open(ask(await fixture.table("t", INTEGERS, [])));
    assert.deepEqual(stream.columns, INTEGERS);
    assert.deepEqual(await readAll(stream), { batches: [], rows: [], error: undefined });
  });

  for (const [type, cells] of Object.entries(EXACT)) {
    test(`${type}: cells are exact, and null is null`, async (fixture) => {
      const column = { name: "cell", type: type as FixtureColumn["type"] };
      const rows = [[null], ...cells.map((cell) => [cell]), [null]];
      const stream = await fixture.open(ask(await fixture.table("t", [column], rows)));
      assert.equal(stream.columns[0]?.type, type);
      assert.deepEqual(await rowsOf(stream), rows);
    });
  }

  test("string: a NUL cuts nothing off", async (fixture) => {
    if (!fixture.holdsNul) return;
    const rows = [["a\0b"], ["\0"], ["\0\0🎉"]];
    const text = await fixture.table("t", [{ name: "cell", type: "string" }], rows);
    assert.deepEqual(await rowsOf(await fixture.open(ask(text))), rows);
  });

  test("names may repeat and be hostile", async (fixture) => {
    const names = ["a", "a", "__proto__", "constructor", "두 단어", "semi;colon", "c0"];
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
    const { batches, rows } = await readAll(await fixture.open(ask(fixture.numbers(1000))));
    assert.equal(rows.length, 1000);
    assert(Math.max(...batches.map(({ length }) => length)) <= BATCH_ROWS);
  });

  test("nothing is read before it is pulled", async (fixture) => {
    const megabyte = 1024 * 1024;
    const rows = Array.from({ length: 12_000 }, () => ["x".repeat(1000)]);
    const text = await fixture.table("t", [{ name: "cell", type: "string" }], rows);
    const start = bytesRead();
    const stream = await fixture.open(ask(text));
    const reader = stream.batches.getReader();
    await reader.read();
    // A pause, in which a source that reads ahead would.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const afterOne = bytesRead() - start;
    assert(afterOne < 6 * megabyte, `${afterOne} bytes were read for one batch`);
    let count = 1;
    while (!(await reader.read()).done) count++;
    assert(count >= 12_000 / BATCH_ROWS);
    // The measure measures: all of it was read in the end.
    assert(bytesRead() - start > 11 * megabyte);
  }, { ignore: Deno.build.os !== "linux" });

  for (const good of [0, 1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, 3 * BATCH_ROWS]) {
    test(`an error after ${good} rows is an error, after whole batches at most`, async (fixture) => {
      const { rows, batches, error } = await readAll(
        await fixture.open(ask(fixture.failing(good))),
      );
      assert.deepEqual(rows, Array.from({ length: rows.length }, (_, index) => [index + 1]));
      // What shares a batch with the error is dropped, so that an early error is the first thing read.
      assert.equal(batches.length, Math.floor(good / BATCH_ROWS));
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

  test("a cancel lets the source go at once, before a read and between reads", async (fixture) => {
    const unread = await fixture.open(ask(fixture.numbers(1_000_000)));
    assert(fixture.held() > 0, "the fixture does not see what is open");
    await unread.batches.cancel("changed my mind");
    assert.equal(fixture.held(), 0);

    const begun = await fixture.open(ask(fixture.numbers(1_000_000)));
    const reader = begun.batches.getReader();
    await reader.read();
    await reader.cancel("gone");
    assert.equal(fixture.held(), 0);
    assert.deepEqual(await reader.read(), { done: true, value: undefined });
  });

  test("the end, an error and a refusal let the source go", async (fixture) => {
    await rowsOf(await fixture.open(ask(fixture.numbers(10))));
    assert.equal(fixture.held(), 0, "after the end");
    await readAll(await fixture.open(ask(fixture.failing(10))));
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
      const stream = await fixture.open(ask(fixture.echo, { value }));
      assert.deepEqual(await rowsOf(stream), [[value]]);
    }
    assert.deepEqual(await rowsOf(await fixture.open(ask(text))), [[1]]);
  });

  test("a query sees one snapshot, and the next one the next", async (fixture) => {
    const rows = Array.from({ length: 2 * BATCH_ROWS }, (_, index) => [index]);
    const text = await fixture.table("t", INTEGERS, rows);
    const reader = (await fixture.open(ask(text))).batches.getReader();
    let seen = (await reader.read()).value?.length ?? 0;
    await fixture.insert("t", [[-1], [-2]]);
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      seen += next.value.length;
    }
    assert.equal(seen, rows.length);
    assert.equal((await rowsOf(await fixture.open(ask(text)))).length, rows.length + 2);
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
