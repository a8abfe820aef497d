/** Makes databases on a MariaDB server for tests, behind a proxy that counts. */

import { createServerCache } from "../../../sources/connection_cache.ts";
import { mysql } from "../../../sources/mysql/descriptor.ts";
import { mysqlDriver, openQuery } from "../../../sources/mysql/driver.ts";
import type { Connection } from "../../../sources/mysql/connection.ts";
import type { Cell, Row } from "../../../table/table.ts";
import type { FixtureColumn, SourceFixture } from "../../contracts/source_contract.ts";
import { until } from "../../waiting.ts";
import { createClock } from "../own_clock.ts";
import { sharedServer } from "./shared.ts";
import { connectionsTo, startProxy } from "../proxy.ts";

/** What tables of the fixture declare. */
const DECLARED: Readonly<Record<FixtureColumn["type"], string>> = {
  string: "longtext",
  integer: "bigint",
  number: "double",
  decimal: "decimal(40, 9)",
  boolean: "boolean",
  date: "date",
  datetime: "datetime(6)",
  time: "time(6)",
  json: "json",
  binary: "longblob",
};

/** Rows in one statement: a statement of a megabyte. */
const INSERT_ROWS = 1000;

/** Milliseconds after which nothing is kept. */
const KEPT_MS = 100_000;

let count = 0;

/** Makes a database of its own, in which the tables are; `reader` may read them; what runs leave is kept where asked. */
export async function createFixture({ keep = false } = {}): Promise<SourceFixture> {
  const { clock, pass } = createClock();
  const kept = createServerCache<Connection>(clock);
  const server = await sharedServer();
  const database = `fixture_${++count}`;
  await using stack = new AsyncDisposableStack();
  const admin = stack.use(await server.connect());
  await admin.ask(`create database ${database} character set utf8mb4`);
  await admin.ask(`grant select on ${database}.* to reader@'%'`);
  await admin.ask(`use ${database}`);
  const proxy = stack.use(startProxy(server.port));
  const config = mysql.config.parse({ url: server.url(), port: proxy.port, database });

  async function insert(name: string, rows: readonly Row[]): Promise<void> {
    for (let at = 0; at < rows.length; at += INSERT_ROWS) {
      const values = rows.slice(at, at + INSERT_ROWS)
        .map((row) => `(${["default", ...row.map(literal)].join(", ")})`);
      await admin.ask(`insert into ${name} values ${values.join(", ")}`);
    }
  }

  const owned = stack.move();
  return {
    open: (query, options) => openQuery(config, query, { ...options, keep }, kept),
    describe: (query) => mysqlDriver.describe!(config, query),
    async table(name, columns, rows) {
      const declared = columns.map(({ name, type }) => `${name} ${DECLARED[type]}`).join(", ");
      await admin.ask(
        `create table ${name} (position bigint auto_increment primary key, ${declared})`,
      );
      await insert(name, rows);
      return `select ${columns.map(({ name }) => name).join(", ")} from ${name} order by position`;
    },
    insert,
    named: (names) =>
      `select ${names.map((name, index) => `${index + 1} as \`${name}\``).join(", ")}`,
    // MariaDB's SEQUENCE engine makes rows as they are read.
    numbers: (count) => `select seq as n from seq_1_to_${count}`,
    failing: (good) =>
      `select case seq when ${
        good + 1
      } then cast(-9223372036854775807 as signed) - cast(seq + 1 as signed) else cast(seq as signed) end as n
       from seq_1_to_${good + 5}`,
    refused: "select nothing from nowhere",
    echo: "select :value as value",
    // What is kept is not held; what the server has closed may be kept for a while.
    held: () => Math.max(0, connectionsTo(proxy.port) - kept.size),
    holdsNul: true,
    cells: {
      // A column of decimals has one scale, which MySQL fills up with zeros.
      decimal: ["12345678901234567890.123456789", "-0.500000000", "1.100000000"],
    },
    sent: () => proxy.sent(),
    // The second column fills the 16 KiB that the server gathers before it sends.
    stalling: (good) =>
      `select seq, repeat('x', 200) from seq_1_to_${good + 1}
       where if(seq <= ${good}, 1, sleep(600) = 0)`,
    async working(run) {
      const [row] = await admin.ask(
        "select count(*) from information_schema.processlist where info like ?",
        [`/* spillway:${run} */%`],
      );
      return Number(row![0]);
    },
    async kill() {
      await server.crash();
      await server.restart();
    },
    async [Symbol.asyncDispose]() {
      await using _ = owned;
      pass(KEPT_MS);
      await until(() => connectionsTo(proxy.port) === 0);
      await server.run(`drop database ${database}`);
    },
  };
}

/** A cell as SQL says it. */
function literal(cell: Cell): string {
  if (cell === null) return "null";
  if (cell instanceof Uint8Array) return `x'${cell.toHex()}'`;
  if (typeof cell !== "string") return String(cell);
  return `'${cell.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
