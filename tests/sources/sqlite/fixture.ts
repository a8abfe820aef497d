/** Makes SQLite databases for tests. */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { sqlite } from "../../../sources/sqlite/descriptor.ts";
import { sqliteDriver } from "../../../sources/sqlite/driver.ts";
import type { Cell, Row } from "../../../table/table.ts";
import type { FixtureColumn, SourceFixture } from "../../contracts/source_contract.ts";

/** What tables of the fixture declare. */
const DECLARED: Readonly<Record<FixtureColumn["type"], string>> = {
  string: "text",
  integer: "integer",
  number: "real",
  decimal: "decimal_text",
  boolean: "boolean",
  date: "date",
  datetime: "datetime",
  time: "time",
  json: "json",
  binary: "blob",
};

/** A folder for one test's database. */
export interface DatabaseFolder extends Disposable {
  /** The folder. */
  readonly folder: string;
  /** The database's file in it. */
  readonly path: string;
  /** Runs statements, on a connection of their own. */
  write(statements: string): void;
}

/** Makes a folder that is removed with everything in it. */
export function createFolder(): DatabaseFolder {
  const folder = Deno.makeTempDirSync({ prefix: "spillway-sqlite-" });
  const path = `${folder}/test.db`;
  return {
    folder,
    path,
    write(statements) {
      using database = openWritable(path);
      database.exec(statements);
    },
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function openWritable(path: string): DatabaseSync & Disposable {
  return Object.assign(new DatabaseSync(path), {
    [Symbol.dispose](this: DatabaseSync) {
      this.close();
    },
  });
}

/** The source's fixture, and where its database is. */
export interface SqliteFixture extends SourceFixture {
  readonly path: string;
}

/** Makes an SQLite fixture; its database is in WAL mode, so that it can be written while it is read. */
export function createFixture(): Promise<SqliteFixture> {
  const folder = createFolder();
  const { path, write } = folder;
  write("pragma journal_mode = wal");

  function insert(name: string, rows: readonly Row[]): Promise<void> {
    using database = openWritable(path);
    database.exec("begin");
    for (const row of rows) {
      const marks = row.map(() => "?").join(", ");
      database.prepare(`insert into ${name} values (${marks})`).run(...row.map(stored));
    }
    database.exec("commit");
    return Promise.resolve();
  }

  return Promise.resolve({
    path,
    open: (query, options) => sqliteDriver.open(sqlite.config.parse({ path }), query, options),
    async table(name, columns, rows) {
      const declared = columns.map(({ name, type }) => `${name} ${DECLARED[type]}`).join(", ");
      write(`create table ${name} (${declared})`);
      await insert(name, rows);
      return `select ${columns.map(({ name }) => name).join(", ")} from ${name} order by rowid`;
    },
    insert,
    named: (names) =>
      `select ${names.map((name, index) => `${index + 1} as "${name}"`).join(", ")}`,
    numbers: (count) => `${series(count)} select n from series`,
    // The absolute value of the least integer overflows.
    failing: (good) =>
      `${series(good + 5)}
       select case n when ${good + 1} then abs(-9223372036854775807 - 1) else n end from series`,
    refused: "select nothing from nowhere",
    echo: "select :value as value",
    held: () => openFiles(path),
    holdsNul: true,
    [Symbol.asyncDispose]: () => Promise.resolve(folder[Symbol.dispose]()),
  });
}

function series(count: number): string {
  return `with recursive series(n) as (values (1) union all
    select n + 1 from series where n < ${count})`;
}

/** The value that SQLite stores for a cell. */
function stored(cell: Cell): SQLInputValue {
  if (typeof cell === "boolean") return cell ? 1n : 0n;
  return typeof cell === "number" && Number.isInteger(cell) && Math.abs(cell) < 2 ** 53
    ? BigInt(cell)
    : cell;
}

/** How often this process has a file open, its WAL and index included. */
export function openFiles(path: string): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(path)) count++;
    } catch {
      // The descriptor of the listing itself is gone by now.
    }
  }
  return count;
}
