/** PostgreSQL: its types, what it refuses, how it is cancelled and how it fails. */

import assert from "node:assert/strict";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { postgresDriver } from "../../../sources/postgres/driver.ts";
import type { PostgresConfig } from "../../../sources/postgres/config.ts";
import {
  type ParamType,
  type ParamValue,
  type ReadOptions,
  SourceError,
} from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { inTime, until } from "../../waiting.ts";
import { readDeclared } from "../declared.ts";
import { freePort } from "../../free_port.ts";
import { PASSWORD } from "./server.ts";
import { postgresTest, sharedServer } from "./shared.ts";

async function configured(settings: object = {}): Promise<PostgresConfig> {
  const server = await sharedServer();
  return postgres.config.parse({ url: server.url(), ...settings });
}

async function open(
  text: string,
  params: Readonly<Record<string, ParamValue>> = {},
  options: ReadOptions = {},
) {
  return await postgresDriver.open(await configured(), { text, params }, options);
}

async function read(text: string, params: Readonly<Record<string, ParamValue>> = {}, options = {}) {
  const { columns, batches } = await open(text, params, options);
  const rows: Row[] = [];
  for await (const batch of batches) rows.push(...batch);
  return { columns, rows };
}

/** One row of the expressions, with the types that their columns have. */
async function cells(...expressions: string[]) {
  const { columns, rows } = await read(`select ${expressions.join(", ")}`);
  return columns.map(({ type }, index) => [type, rows[0]![index]]);
}

async function thrown(promise: Promise<unknown>): Promise<SourceError> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof SourceError, `not a SourceError: ${error}`);
    return error;
  }
  throw new Error("nothing was thrown");
}

postgresTest("numbers are exact, in a type of their own", async () => {
  assert.deepEqual(
    await cells(
      "32767::smallint",
      "(-2147483648)::integer",
      "9007199254740993",
      "4294967295::oid",
      "1.5::real",
      "0.1::real",
      "1e300::float8",
      "'-0'::float8",
      "'NaN'::float8",
      "'-Infinity'::float8",
      "12345678901234567890.10::numeric",
      "'NaN'::numeric",
      "'Infinity'::numeric",
      "true",
    ),
    [
      ["integer", 32767],
      ["integer", -2147483648],
      ["integer", 9007199254740993n],
      ["integer", 4294967295],
      ["number", 1.5],
      ["number", 0.1],
      ["number", 1e300],
      ["number", -0],
      ["number", NaN],
      ["number", -Infinity],
      ["decimal", "12345678901234567890.10"],
      ["decimal", "NaN"],
      ["decimal", "Infinity"],
      ["boolean", true],
    ],
  );
});

postgresTest(
  "days and times are text, in UTC and ISO 8601, whatever the role's settings",
  async () => {
    const server = await sharedServer();
    await server.run(`alter role reader set timezone = 'Asia/Seoul';
    alter role reader set datestyle = 'German, DMY';
    alter role reader set intervalstyle = 'postgres_verbose';
    alter role reader set extra_float_digits = '-5';
    alter role reader set bytea_output = 'escape';
    alter role reader set standard_conforming_strings = off`);
    try {
      assert.deepEqual(
        await cells(
          "date '2026-01-02'",
          "'03.02.2026'::date",
          "date 'infinity'",
          "date '0044-03-15 BC'",
          "timestamp '2026-01-02 03:04:05.123456'",
          "timestamp '-infinity'",
          "timestamptz '2026-01-02 03:04:05.5+09'",
          "timestamptz 'infinity'",
          "timestamptz '0044-03-15 00:00:00+00 BC'",
          "time '24:00:00'",
          "timetz '03:04:05+09:30'",
          "interval '1 year -2 months 3 days 4 hours 5.5 seconds'",
          "interval '36 hours'",
          "1.0::float8 / 3",
          "'\\xff00'::bytea",
        ),
        [
          ["date", "2026-01-02"],
          // The order of day and month is the role's.
          ["date", "2026-02-03"],
          ["date", "infinity"],
          ["date", "0044-03-15 BC"],
          ["datetime", "2026-01-02 03:04:05.123456"],
          ["datetime", "-infinity"],
          ["datetime", "2026-01-01 18:04:05.5+00:00"],
          ["datetime", "infinity"],
          ["datetime", "0044-03-15 00:00:00+00:00 BC"],
          ["time", "24:00:00"],
          ["string", "03:04:05+09:30"],
          ["duration", "P10M3DT4H5.5S"],
          ["duration", "PT36H"],
          ["number", 1 / 3],
          ["binary", new Uint8Array([255, 0])],
        ],
      );
    } finally {
      await server.run("alter role reader reset all");
    }
  },
);

postgresTest("every other type is its text, and a domain is what it is made of", async () => {
  const server = await sharedServer();
  await server.run(`create type mood as enum ('fine', '= not');
    create domain cents as bigint check (value >= 0);
    create type pair as (a int, b text)`);
  try {
    assert.deepEqual(
      await cells(
        "'= not'::mood",
        "5::cents",
        "row(1, 'x y')::pair",
        `'{"b": 1.50, "a": null}'::json`,
        `'{"b": 1.50, "a": null}'::jsonb`,
        "'0a0b0c0d-0000-4000-8000-000000000001'::uuid",
        "inet '10.0.0.1/8'",
        "array[1, null, 3]",
        "array['a b', 'c\"d', null]",
        "int4range(1, 5)",
        "'{[1,2],[5,6)}'::int4multirange",
        "b'101'",
        "'ab '::char(4)",
        "xmlelement(name a, 'b')",
        "null",
        "'é 🎉 두'",
      ),
      [
        ["string", "= not"],
        ["integer", 5],
        ["string", '(1,"x y")'],
        ["json", '{"b": 1.50, "a": null}'],
        ["json", '{"a": null, "b": 1.50}'],
        ["string", "0a0b0c0d-0000-4000-8000-000000000001"],
        ["string", "10.0.0.1/8"],
        ["string", "{1,NULL,3}"],
        ["string", '{"a b","c\\"d",NULL}'],
        ["string", "[1,5)"],
        ["string", "{[1,3),[5,6)}"],
        ["string", "101"],
        ["string", "ab  "],
        ["string", "<a>b</a>"],
        ["string", null],
        ["string", "é 🎉 두"],
      ],
    );
  } finally {
    await server.run("drop type mood; drop domain cents; drop type pair");
  }
});

postgresTest("the types that an export declares decide what cells become", async () => {
  const types = {
    amount: "number",
    third: "number",
    total: "integer",
    long: "integer",
    text: "integer",
    words: "integer",
    code: "string",
    share: "string",
    flag: "string",
    float: "decimal",
    month: "date",
    local: "date",
    noon: "date",
    day: "datetime",
    raw: "string",
    span: "duration",
  } as const;
  const query = `select 2180.0000000000000000 as amount, 10::numeric / 3 as third,
      sum(n) as total, 90071992547409930::numeric as long, '17'::text as text,
      'none'::text as words, 42 as code, 1e20::float8 as share, true as flag, 1e20::float8 as float,
      date_trunc('month', timestamp '2021-01-15 03:04:05') as month,
      date_trunc('day', timestamptz '2021-01-15 03:04:05+00') as local,
      timestamp '2021-01-15 12:00:00' as noon, date '2021-01-15' as day,
      convert_to('é', 'UTF8') as raw, extract(epoch from interval '90.5 s') as span
    from generate_series(1::bigint, 4) as n`;
  const stream = await open(query, {}, { types });
  assert.deepEqual(await readDeclared(stream, types), {
    rows: [[
      2180,
      3.3333333333333335,
      10,
      90071992547409930n,
      17,
      "none",
      "42",
      "100000000000000000000",
      "true",
      1e20,
      "2021-01-01",
      "2021-01-15",
      "2021-01-15 12:00:00",
      "2021-01-15 00:00:00",
      "é",
      90.5,
    ]],
    others: { words: 1, noon: 1 },
  });
});

postgresTest("money is text, and a number where the export declares one", async () => {
  const query = `select amount, amount as whole, amount as text from unnest(
      array['$1,234.50', '-0.5', '92233720368547758.07', '2']::money[]) as amount`;
  const types = { amount: "decimal", whole: "integer" } as const;
  const { rows, others } = await readDeclared(await open(query, {}, { types }), types);
  assert.deepEqual(rows, [
    ["1234.50", "1234.50", "$1,234.50"],
    ["-0.50", "-0.50", "-$0.50"],
    ["92233720368547758.07", "92233720368547758.07", "$92,233,720,368,547,758.07"],
    ["2.00", 2, "$2.00"],
  ]);
  assert.deepEqual(others, { whole: 3 });
});

postgresTest("a row of a megabyte is whole, and so is one of a thousand columns", async () => {
  const wide = Array.from({ length: 1000 }, (_, index) => `${index} as c${index}`).join(", ");
  const { rows } = await read(`select ${wide} from generate_series(1, 3)`);
  const row = Array.from({ length: 1000 }, (_, index) => index);
  assert.deepEqual(rows, [row, row, row]);
  const long = await read("select n, repeat('é', 1000000) || n from generate_series(1, 3) as n");
  assert.deepEqual(long.rows.map(([n]) => n), [1, 2, 3]);
  for (const [n, text] of long.rows) assert.equal(text, "é".repeat(1_000_000) + n);
});

postgresTest("what writes, or is no query, is refused", async () => {
  const server = await sharedServer();
  await server.run("create table written (n int); grant all on written to reader");
  const notOne = "only SELECT, VALUES, TABLE or WITH … SELECT can be exported";
  const writes = "with w as (insert into written values (1) returning n) select n from w";
  try {
    for (
      const [text, reason] of [
        ["select", "it gives no columns"],
        [writes, "cannot execute SELECT in a read-only transaction"],
        [
          "select set_config('transaction_read_only', 'off', false)",
          "transaction read-write mode must be set before any query",
        ],
        ["select 1 as n into other", "cannot execute SELECT INTO in a read-only transaction"],
        [
          "select n from written for update",
          "cannot execute SELECT FOR UPDATE in a read-only transaction",
        ],
        ["selekt 1", notOne],
        ["insert into written values (1) returning n", notOne],
      ] as const
    ) {
      // The server says some of it at once, and some when the query runs.
      const { message } = await thrown(read(text));
      assert.equal(message.replace("Cannot read", "Cannot run"), `Cannot run the query: ${reason}`);
    }
    assert.deepEqual((await read("table written")).rows, []);
  } finally {
    await server.run("drop table written");
  }
});

postgresTest("the server decides the types of params", async () => {
  const { rows } = await read(
    `select date '2026-01-31' + :n::int, :day::date, n, :text from generate_series(1, 5) as n
     where n > :n and n < :n + 2 limit :most`,
    { n: 2, day: "2026-02-01", text: "' \\ :n", most: 10 },
  );
  assert.deepEqual(rows, [["2026-02-02", "2026-02-01", 3, "' \\ :n"]]);
  const { message } = await thrown(read("select 1 where 1 = :n", { n: "one" }));
  assert.match(
    message,
    /^Cannot (?:run|read) the query: invalid input syntax for type integer: "one"$/,
  );
});

postgresTest("the search path is what the source says", async () => {
  const server = await sharedServer();
  await server.run(`create schema "Two words"; create table "Two words".here as select 7 as n;
    grant usage on schema "Two words" to reader; grant select on "Two words".here to reader`);
  try {
    const config = await configured({ search_path: '"Two words", public' });
    const { batches } = await postgresDriver.open(config, { text: "table here", params: {} });
    assert.deepEqual((await Array.fromAsync(batches)).flat(), [[7]]);
  } finally {
    await server.run('drop schema "Two words" cascade');
  }
});

postgresTest("the server knows the run, and ends a query whose worker is gone", async () => {
  const { rows } = await read(
    `select current_setting('application_name'), current_setting('transaction_read_only'),
       current_setting('transaction_isolation'), current_setting('statement_timeout'),
       current_setting('idle_in_transaction_session_timeout'),
       current_setting('client_connection_check_interval')`,
    {},
    { run: "4711" },
  );
  assert.deepEqual(rows, [["spillway:4711", "on", "repeatable read", "1d", "1min", "500ms"]]);
});

postgresTest("a reader that is slow is not taken for one that is idle", async () => {
  // The query sets it, so that a slow client does not meet it between its first statements.
  const timeout = "set_config('idle_in_transaction_session_timeout', '100ms', true)";
  for (
    const [count, late] of [
      // The server is done, and ends a session that does nothing more.
      [300, "count(*) = 0"],
      // It waits until what it sends is taken, for longer than a session may do nothing.
      [
        300_000,
        "bool_and(wait_event = 'ClientWrite' and clock_timestamp() - query_start > '500ms')",
      ],
    ] as const
  ) {
    const { batches } = await open(
      `with late as materialized (select ${timeout}) select generate_series(1, ${count}) from late`,
      {},
      { run: "slow" },
    );
    const reader = batches.getReader();
    let rows = (await reader.read()).value!.length;
    await untilServer(`select ${late} as so from pg_stat_activity
      where application_name = 'spillway:slow'`);
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      rows += next.value.length;
    }
    assert.equal(rows, count);
  }
});

postgresTest("a query that takes longer than statement_timeout is an error", async () => {
  const config = await configured({ statement_timeout: "1s" });
  const opening = postgresDriver.open(config, { text: "select pg_sleep(600)", params: {} });
  const { message } = await thrown(opening.then(({ batches }) => Array.fromAsync(batches)));
  assert.match(
    message,
    /^Cannot (?:run|read) the query: canceling statement due to statement timeout$/,
  );
});

/** Waits until the server answers a question, whose column is `so`, with yes. */
async function untilServer(question: string): Promise<void> {
  const sql = (await sharedServer()).connect();
  try {
    await until(async () => (await sql.unsafe(question))[0]!.so === true);
  } finally {
    await sql.end();
  }
}

/** Waits until the server runs so many statements of a run. */
async function untilActive(run: string, count: number): Promise<void> {
  await untilServer(`select count(*) = ${count} as so from pg_stat_activity
    where application_name = 'spillway:${run}' and state = 'active'`);
}

postgresTest("a cancel ends what is slow to open: a sort, a lock", async () => {
  const server = await sharedServer();
  await server.run("create table locked (n int); grant select on locked to reader");
  const owner = server.connect();
  try {
    await owner.unsafe("begin; lock table locked");
    for (
      const [run, text, params] of [
        ["lock", "select n from locked", {}],
        ["bound-lock", "select n from locked where n = :n", { n: 1 }],
        ["sort", "select n from generate_series(1, 1000000000) as n order by random()", {}],
      ] as const
    ) {
      const controller = new AbortController();
      const opening = open(text, params, { run, signal: controller.signal });
      opening.catch(() => {});
      await untilActive(run, 1);
      controller.abort();
      await assert.rejects(
        opening,
        /^SourceError: Cannot (?:open source|run the query): it was cancelled$/,
      );
      await untilActive(run, 0);
    }
  } finally {
    await owner.end();
    await server.run("drop table locked");
  }
});

postgresTest("a cancel with a read pending ends the query, and the read", async () => {
  const { batches } = await open(
    "select n, case when n > 1 then pg_sleep(600)::text end from generate_series(1, 9) as n where n >= :n",
    { n: 1 },
    { run: "pending" },
  );
  const reader = batches.getReader();
  const pending = reader.read();
  await untilActive("pending", 1);
  await reader.cancel();
  assert.deepEqual(await pending, { done: true, value: undefined });
  await untilActive("pending", 0);
});

postgresTest("a backend that is terminated is an error that says so", async () => {
  const server = await sharedServer();
  const { batches } = await open("select generate_series(1, 10000000)", {}, { run: "terminated" });
  const reader = batches.getReader();
  await reader.read();
  await server.run(`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'spillway:terminated'`);
  const { message } = await thrown((async () => {
    while (!(await reader.read()).done);
  })());
  // A backend that waits for its reader cannot say why it ends.
  assert.match(
    message,
    /^Cannot read the query: (?:terminating connection due to administrator command|the connection was lost)$/,
  );
});

postgresTest("a server that stalls behind the last row does not hold it back", async () => {
  const server = await sharedServer();
  const { batches } = await open("select generate_series(1, 300) as n", {}, { run: "stopped" });
  const reader = batches.getReader();
  let rows = (await reader.read()).value!.length;
  const sql = server.connect();
  const [backend] = await sql`select pid from pg_stat_activity
    where application_name = 'spillway:stopped'`;
  await sql.end();
  Deno.kill(backend!.pid, "SIGSTOP");
  try {
    const reading = (async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        rows += next.value.length;
      }
    })();
    await inTime(reading, "the rows, and for the server");
    assert.equal(rows, 300);
  } finally {
    Deno.kill(backend!.pid, "SIGCONT");
  }
});

postgresTest("a connection that fails says why, and never the password", async () => {
  const server = await sharedServer();
  const port = freePort();
  const right = server.url();
  const fail = async (url: string, settings: object = {}) => {
    const config = postgres.config.parse({ url, ...settings });
    const error = await thrown(postgresDriver.open(config, { text: "select 1", params: {} }));
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), "guess"]) {
      assert(!Deno.inspect(error).includes(secret), Deno.inspect(error));
    }
    return [error.message, error.connection];
  };
  assert.deepEqual(await fail(right.replace(encodeURIComponent(PASSWORD), "guess")), [
    'Cannot open source: password authentication failed for user "reader"',
    false,
  ]);
  assert.deepEqual(await fail(right.replace(/postgres$/, "nowhere")), [
    'Cannot open source: database "nowhere" does not exist',
    false,
  ]);
  assert.deepEqual(await fail(right.replace(`:${server.port}/`, `:${port}/`)), [
    "Cannot open source: the server refused the connection",
    true,
  ]);
  assert.deepEqual(await fail(right.replace("127.0.0.1", "host.invalid"), { tls: "disable" }), [
    "Cannot open source: the server's name is not known",
    true,
  ]);
  assert.deepEqual(await fail(`${right}?sslmode=require`), [
    "Cannot open source: the server does not offer TLS",
    false,
  ]);
  await server.run("alter role reader connection limit 0");
  try {
    assert.deepEqual(await fail(right), [
      'Cannot open source: too many connections for role "reader"',
      true,
    ]);
  } finally {
    await server.run("alter role reader connection limit -1");
  }
});

postgresTest("a server that says nothing, or hangs up, is an error in time", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const waiting = silent.accept();
  const at = (port: number, settings: object) =>
    postgresDriver.open(
      postgres.config.parse({ url: `postgres://reader@127.0.0.1:${port}`, ...settings }),
      { text: "select 1", params: {} },
    );
  for (const settings of [{}, { tls: "require" }]) {
    const error = await thrown(at(silent.addr.port, { connect_timeout: "200ms", ...settings }));
    assert.match(error.message, /^Cannot open source: the server did not answer within 200 ms$/);
    assert.equal(error.connection, true);
  }
  (await waiting).close();
  (await silent.accept()).close();

  using rude = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hangingUp = (async () => {
    for (let count = 0; count < 2; count++) (await rude.accept()).close();
  })();
  for (const settings of [{}, { tls: "require" }]) {
    const error = await thrown(at(rude.addr.port, { connect_timeout: "10m", ...settings }));
    assert.match(
      error.message,
      /^Cannot open source: the server closed the connection$/,
    );
    assert.equal(error.connection, true);
  }
  await hangingUp;
});

postgresTest("every kind of query is described, with params and without", async () => {
  const server = await sharedServer();
  await server.run(`create table described (id int, note text); grant select on described to reader;
    create table hidden (id int)`);
  const describe = async (text: string, types: Record<string, ParamType> = {}) => {
    const params = Object.fromEntries(Object.keys(types).map((name) => [name, null]));
    return await postgresDriver.describe!(await configured(), { text, params, types });
  };
  const both = [
    { name: "id", type: "integer", strict: true },
    { name: "note", type: "string", strict: true },
  ];
  try {
    assert.deepEqual(await describe("table described"), both);
    assert.deepEqual(await describe("(select * from described) -- the end"), both);
    assert.deepEqual(await describe("values (1, 'a')"), [
      { name: "column1", type: "integer", strict: true },
      { name: "column2", type: "string", strict: true },
    ]);
    assert.deepEqual(
      await describe(
        `with chosen as (select * from described where id in (:ids) and (:s is null or note = :s))
         select * from chosen where id = :code::int or note = :n limit :most;`,
        { ids: "integer[]", s: "string", code: "string", n: "integer", most: "integer" },
      ),
      both,
    );
    for (
      const [text, reason] of [
        ["select 1 from hidden", "permission denied for table hidden"],
        ["select from described", "it gives no columns"],
        ["delete from described", "only SELECT, VALUES, TABLE or WITH … SELECT can be exported"],
      ] as const
    ) {
      assert.equal((await thrown(describe(text))).message, `Cannot run the query: ${reason}`);
    }
  } finally {
    await server.run("drop table described; drop table hidden");
  }
});
