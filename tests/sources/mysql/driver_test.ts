/** MySQL and MariaDB: types, what is refused, how a query is cancelled, limited and how it fails. */

import assert from "node:assert/strict";
import { mysql } from "../../../sources/mysql/descriptor.ts";
import { mysqlDriver } from "../../../sources/mysql/driver.ts";
import type { MysqlConfig } from "../../../sources/mysql/config.ts";
import { type ParamValue, type ReadOptions, SourceError } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { readDeclared } from "../declared.ts";
import { until } from "../../waiting.ts";
import { PASSWORD } from "./server.ts";
import { mysqlTest, sharedServer } from "./shared.ts";
import { freePort } from "../../free_port.ts";

async function configured(settings: object = {}): Promise<MysqlConfig> {
  const server = await sharedServer();
  return mysql.config.parse({ url: server.url(), ...settings });
}

async function open(
  text: string,
  params: Readonly<Record<string, ParamValue>> = {},
  options: ReadOptions = {},
) {
  return await mysqlDriver.open(await configured(), { text, params }, options);
}

async function read(
  text: string,
  params: Readonly<Record<string, ParamValue>> = {},
  options: ReadOptions = {},
) {
  const { columns, batches } = await open(text, params, options);
  const rows: Row[] = [];
  for await (const batch of batches) rows.push(...batch);
  return { columns, rows };
}

/** Makes a table of one row, and gives the type and the cell of each of its columns. */
async function stored(
  columns: Readonly<Record<string, string>>,
  options: ReadOptions = {},
  mode = "",
) {
  const server = await sharedServer();
  const names = Object.keys(columns).map((_, index) => `c${index}`);
  const declared = Object.keys(columns).map((type, index) => `c${index} ${type}`);
  try {
    await server.run(
      `set sql_mode = '${mode}'`,
      "drop table if exists test.stored",
      `create table test.stored (${declared.join(", ")}) character set utf8mb4`,
    );
    await using admin = await server.connect();
    await admin.ask(`set sql_mode = '${mode}'`);
    await admin.ask(`insert into test.stored values (${Object.values(columns).join(", ")})`);
    const found = await read(`select ${names.join(", ")} from stored`, {}, options);
    return found.columns.map(({ type }, index) => [type, found.rows[0]![index]]);
  } finally {
    await server.run("drop table if exists test.stored");
  }
}

async function thrown(promise: Promise<unknown>): Promise<SourceError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert(error instanceof SourceError, `not a SourceError: ${error}`);
  return error;
}

mysqlTest("mysql: numbers are exact, in a type of their own", async () => {
  assert.deepEqual(
    await stored({
      "tinyint(4)": "-128",
      "tinyint unsigned": "255",
      "smallint": "-32768",
      "mediumint unsigned": "16777215",
      "int": "-2147483648",
      "int unsigned zerofill": "7",
      "bigint": "-9223372036854775808",
      "bigint unsigned": "18446744073709551615",
      "float": "0.1",
      "double": "1e300",
      "decimal(65, 30)": "12345678901234567890123456789012345.123456789012345678901234567890",
      "boolean": "true",
      // A tinyint(1) is a boolean that may hold more.
      "tinyint(1)": "5",
      "tinyint(1) unsigned": "1",
      "year": "2026",
      "bit(1)": "b'1'",
      "bit(64)": "b'1111111111111111111111111111111111111111111111111111111111111111'",
      "bit(9)": "b'100000001'",
    }),
    [
      ["integer", -128],
      ["integer", 255],
      ["integer", -32768],
      ["integer", 16777215],
      ["integer", -2147483648],
      ["integer", 7],
      ["integer", -9223372036854775808n],
      ["integer", 18446744073709551615n],
      ["number", 0.1],
      ["number", 1e300],
      ["decimal", "12345678901234567890123456789012345.123456789012345678901234567890"],
      ["boolean", true],
      ["boolean", 5],
      ["integer", 1],
      ["integer", 2026],
      ["boolean", true],
      ["integer", 18446744073709551615n],
      ["integer", 257],
    ],
  );
});

mysqlTest("mysql: days and times are text; a timestamp is in UTC, zero dates stay", async () => {
  const server = await sharedServer();
  // The session's clock is nine hours ahead of UTC, as the server's is.
  await server.run("set global time_zone = '+09:00'");
  try {
    assert.deepEqual(
      await stored({
        "date": "'2026-01-02'",
        "date null": "'0000-00-00'",
        "date default '2026-01-01'": "'2026-00-00'",
        "datetime": "'2026-01-02 03:04:05'",
        "datetime(3)": "'2026-01-02 03:04:05.120'",
        "datetime null": "'0000-00-00 00:00:00'",
        "datetime(6)": "'2026-01-02 00:00:00'",
        "timestamp": "'2026-01-02 12:04:05'",
        "timestamp(6)": "'2026-01-02 12:04:05.000001'",
        "time": "'-838:59:59'",
        "time(6)": "'00:00:00.5'",
      }),
      [
        ["date", "2026-01-02"],
        ["date", "0000-00-00"],
        ["date", "2026-00-00"],
        ["datetime", "2026-01-02 03:04:05"],
        ["datetime", "2026-01-02 03:04:05.12"],
        ["datetime", "0000-00-00 00:00:00"],
        ["datetime", "2026-01-02 00:00:00"],
        ["datetime", "2026-01-02 03:04:05Z"],
        ["datetime", "2026-01-02 03:04:05.000001Z"],
        ["time", "-PT838H59M59S"],
        ["time", "00:00:00.5"],
      ],
    );
  } finally {
    await server.run("set global time_zone = system");
  }
});

mysqlTest("mysql: a time of a day or more, or of less than nothing, is a duration", async () => {
  const times = [
    "00:00:00",
    "23:59:59.999999",
    "24:00:00",
    "838:59:59",
    "-00:00:01",
    "-36:05:06.25",
  ];
  const query = times.map((time) => `select cast('${time}' as time(6)) as span`).join(
    " union all ",
  );
  const durations = ["PT24H0M0S", "PT838H59M59S", "-PT0H0M1S", "-PT36H5M6.25S"];
  const { columns, rows } = await read(query);
  assert.equal(columns[0]?.type, "time");
  assert.deepEqual(rows.flat(), ["00:00:00", "23:59:59.999999", ...durations]);
  const types = { span: "duration" } as const;
  assert.deepEqual(await readDeclared(await open(query, {}, { types }), types), {
    rows: [["PT0H0M0S"], ["PT23H59M59.999999S"], ...durations.map((duration) => [duration])],
    others: {},
  });
});

mysqlTest("mysql: text is utf8mb4, bytes are bytes, and every other type is its text", async () => {
  assert.deepEqual(
    await stored({
      "varchar(20) character set latin1": "'é'",
      "varchar(20)": "'한 🎉'",
      "char(5)": "'ab '",
      "longtext": "repeat('🎉', 100000)",
      "enum('open', '= not')": "'= not'",
      "set('a', 'b', 'c')": "'c,a'",
      "json": `'{"b": 1.50, "a": [1]}'`,
      "varbinary(4)": "x'00ff'",
      "blob": "x''",
      "uuid": "'0a0b0c0d-0000-4000-8000-000000000001'",
      "inet6": "'2001:db8::1'",
      "int null": "null",
    }),
    [
      ["string", "é"],
      ["string", "한 🎉"],
      ["string", "ab"],
      ["string", "🎉".repeat(100_000)],
      ["string", "= not"],
      ["string", "a,c"],
      ["json", '{"b": 1.50, "a": [1]}'],
      ["binary", new Uint8Array([0, 255])],
      ["binary", new Uint8Array(0)],
      ["string", "0a0b0c0d-0000-4000-8000-000000000001"],
      ["string", "2001:db8::1"],
      ["integer", null],
    ],
  );
});

mysqlTest("mysql: a geometry is well-known text, as the server writes it", async () => {
  const texts = [
    "POINT(1 -2.5)",
    "POINT(0.1 1e300)",
    "LINESTRING(0 0,1 1,2 2)",
    "POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,2 1,2 2,1 2,1 1))",
    "MULTILINESTRING((0 0,1 1),(2 2,3 3))",
    "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))",
    "GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))",
    "GEOMETRYCOLLECTION EMPTY",
  ];
  for (const text of texts) {
    const { columns, rows } = await read("select st_geomfromtext(:text) as g", { text });
    assert.deepEqual(columns, [{ name: "g", type: "string", strict: true }]);
    assert.deepEqual(rows, [[text.replace("1e300", "1e+300")]]);
  }
  // OGC's form; MariaDB leaves the inner parentheses out.
  assert.deepEqual((await read("select st_geomfromtext('MULTIPOINT(1 1,2 2)')")).rows, [
    ["MULTIPOINT((1 1),(2 2))"],
  ]);
  assert.deepEqual((await read("select st_geomfromtext('POINT(2 3)', 4326)")).rows, [
    ["SRID=4326;POINT(2 3)"],
  ]);
  assert.deepEqual(await stored({ point: "point(1, 2)", "polygon null": "null" }), [
    ["string", "POINT(1 2)"],
    ["string", null],
  ]);
  const [[type, bytes]] = await stored({ point: "point(1, 2)" }, { types: { c0: "binary" } }) as [
    [string, Uint8Array],
  ];
  assert.equal(type, "string");
  assert.equal(bytes.length, 25);
});

mysqlTest("mysql: the types that an export declares decide what cells become", async () => {
  const types = {
    total: "integer",
    mean: "number",
    yes: "boolean",
    flag: "boolean",
    less: "integer",
    code: "string",
    share: "string",
    text: "string",
    words: "json",
    raw: "string",
    zero: "date",
  } as const;
  const query = `select sum(seq) as total, avg(seq) as mean, cast(1 as signed) as yes, f.flag,
      f.flag as less, cast(7 as signed) as code, cast(0.1 as float) as share,
      convert('é' using binary) as text, convert('{"a": 1}' using binary) as words, x'ff' as raw,
      f.zero
    from seq_1_to_4, flags as f group by f.flag order by f.flag`;
  const server = await sharedServer();
  await server.run(
    "create table test.flags (flag tinyint(1), zero date)",
    "insert into test.flags values (1, '2021-01-01'), (5, '2021-01-01')",
  );
  try {
    assert.deepEqual(await readDeclared(await open(query, {}, { types }), types), {
      rows: [1, 5].map((flag) => [
        10,
        2.5,
        true,
        flag === 1 ? true : flag,
        flag,
        "7",
        "0.1",
        "é",
        '{"a": 1}',
        new Uint8Array([255]),
        "2021-01-01",
      ]),
      others: { flag: 1, raw: 2 },
    });
  } finally {
    await server.run("drop table test.flags");
  }
});

mysqlTest(
  "mysql: the zeros of ZEROFILL are there where the column is declared a string",
  async () => {
    const columns = {
      "int(6) unsigned zerofill": "42",
      "bigint zerofill": "7",
      "tinyint(3) zerofill": "255",
      "year": "2026",
      "int(6)": "42",
    };
    const types = Object.fromEntries(
      Object.keys(columns).map((_, index) => [`c${index}`, "string" as const]),
    );
    assert.deepEqual(
      (await stored(columns, { types })).map(([, cell]) => cell),
      ["000042", "00000000000000000007", "255", "2026", 42],
    );
    assert.deepEqual((await stored(columns)).map(([, cell]) => cell), [42, 7, 255, 2026, 42]);
  },
);

mysqlTest("mysql: what writes, or gives no rows, is refused", async () => {
  const server = await sharedServer();
  await server.run(
    "create table test.written (n int)",
    "grant all on test.* to reader@'%'",
    `create procedure test.writes() begin commit; insert into written values (1); select 1 as n; end`,
    "create function test.counts() returns int begin insert into written values (2); return 1; end",
  );
  try {
    for (
      const [text, reason] of [
        ["insert into written values (1)", "it writes, and an export only reads"],
        ["insert into written values (1) returning n", "it writes, and an export only reads"],
        ["delete from written returning n", "it writes, and an export only reads"],
        ["call writes()", "it gives no rows that could be exported"],
        ["select counts() as n", "it writes, and an export only reads"],
        ["select 1; select 2", "the server cannot parse it, at line 1"],
        ["set transaction read write", "it gives no rows that could be exported"],
        ["selekt 1", "the server cannot parse it, at line 1"],
        ["select ? as n", "it has a ?, and params are written as :name"],
        ["select :n as n", "it names :n, which is no param"],
      ] as const
    ) {
      const { message } = await thrown(read(text));
      assert.equal(
        message.replace("Cannot read", "Cannot run"),
        `Cannot run the query: ${reason}`,
        text,
      );
    }
    assert.deepEqual((await read("select n from written")).rows, []);
    await thrown(read("select n from written into outfile '/tmp/spillway-never'"));
  } finally {
    await server.run(
      "revoke all on test.* from reader@'%'",
      "grant select on test.* to reader@'%'",
      "drop table test.written",
      "drop procedure test.writes",
      "drop function test.counts",
    );
  }
});

mysqlTest("mysql: the server decides the types of params, and knows the run", async () => {
  const { rows } = await read(
    `select seq, :text as text, date_add(:day, interval :n day) as day
     from seq_1_to_5 where seq > :n limit :most`,
    { n: 2, day: "2026-01-31", text: "' \\ :n", most: 2 },
    { run: "4711" },
  );
  assert.deepEqual(rows, [[3, "' \\ :n", "2026-02-02"], [4, "' \\ :n", "2026-02-02"]]);
  for (
    const [value, cell] of [
      [18446744073709551615n, 18446744073709551615n],
      [-9223372036854775808n, -9223372036854775808n],
      [2n ** 70n, "1180591620717411303424"],
      [true, 1],
      [0.1, 0.1],
    ] as const
  ) assert.deepEqual((await read("select :value as value", { value })).rows, [[cell]]);
  const { rows: [shown] } = await read(
    `select info, @@session.tx_read_only, @@session.tx_isolation, @@session.max_statement_time,
       @@session.sql_select_limit, @@session.character_set_results
     from information_schema.processlist where id = connection_id()`,
    {},
    { run: "4711 */ drop" },
  );
  assert.match(String(shown![0]), /^\/\* spillway:4711____drop \*\/ select info/);
  assert.deepEqual(shown!.slice(1), [
    1,
    "REPEATABLE-READ",
    86400,
    18446744073709551615n,
    "utf8mb4",
  ]);
});

mysqlTest("mysql: the server reads backslashes as its mode says, and so do we", async () => {
  const server = await sharedServer();
  const text = String.raw`select '\' as a, :n as n, ' :n' as b`;
  await server.run("set global sql_mode = 'NO_BACKSLASH_ESCAPES'");
  try {
    assert.deepEqual((await read(text, { n: 1 })).rows, [["\\", 1, " :n"]]);
  } finally {
    await server.run("set global sql_mode = default");
  }
  assert.deepEqual((await read(String.raw`select '\':n' as a, :n as n`, { n: 1 })).rows, [
    ["':n", 1],
  ]);
});

mysqlTest("mysql: a limit of the server that cuts the result short is an error", async () => {
  const server = await sharedServer();
  const limited = async (text: string, settings: object = {}) => {
    const config = await configured(settings);
    const opening = mysqlDriver.open(config, { text, params: {} });
    return (await thrown(opening.then(({ batches }) => Array.fromAsync(batches)))).message;
  };
  assert.match(
    await limited("select seq, sleep(0.01) as n from seq_1_to_100000", {
      statement_timeout: "1s",
    }),
    /^Cannot (?:run|read) the query: the server stopped the query at its time limit$/,
  );
  assert.equal(
    await limited("select seq from seq_1_to_100000 limit rows examined 500"),
    "Cannot read the query: the server stopped it at the limit of its rows examined",
  );
  // Its warning comes behind one for each row.
  assert.equal(
    await limited(
      "select cast('x' as signed) + seq as n from seq_1_to_9999 limit rows examined 500",
    ),
    "Cannot read the query: the server stopped it at the limit of its rows examined",
  );
  assert.equal(
    await limited("select repeat(repeat('x', 1000000), 17) as text"),
    "Cannot read the query: the result of a function is longer than max_allowed_packet",
  );
  // What the server's settings would cut off for others is whole.
  await server.run("set global sql_select_limit = 10", "set global group_concat_max_len = 10");
  try {
    const { rows } = await read("select seq from seq_1_to_1000");
    assert.equal(rows.length, 1000);
    const [[text]] = (await read("select group_concat(seq) from seq_1_to_1000")).rows as [[string]];
    assert.equal(text.split(",").length, 1000);
  } finally {
    await server.run(
      "set global sql_select_limit = default",
      "set global group_concat_max_len = default",
    );
  }
  // An ordinary warning is none.
  assert.deepEqual((await read("select cast('12x' as signed) as n")).rows, [[12]]);
});

/** Waits until the server runs so many statements of a run. */
async function untilRunning(run: string, count: number): Promise<void> {
  await using admin = await (await sharedServer()).connect();
  await until(async () => {
    const [row] = await admin.ask(
      "select count(*) from information_schema.processlist where info like ?",
      [`/* spillway:${run} */%`],
    );
    return Number(row![0]) === count;
  });
}

mysqlTest("mysql: a cancel ends what is slow to open: a sort, a lock, a sleep", async () => {
  const server = await sharedServer();
  await server.run("create table test.locked (n int)");
  await using owner = await server.connect();
  try {
    await owner.ask("lock tables test.locked write");
    for (
      const [run, text] of [
        ["lock", "select n from locked"],
        ["sort", "select seq from seq_1_to_100000000 order by rand()"],
        ["sleep", "select sleep(600) as n"],
      ] as const
    ) {
      const controller = new AbortController();
      const opening = open(text, {}, { run, signal: controller.signal });
      opening.catch(() => {});
      await untilRunning(run, 1);
      controller.abort();
      await thrown(opening);
      await untilRunning(run, 0);
    }
  } finally {
    await owner.ask("unlock tables");
    await server.run("drop table test.locked");
  }
});

mysqlTest("mysql: a connection that somebody ends is an error that says so", async () => {
  const server = await sharedServer();
  const reader = (await open("select seq from seq_1_to_100000000", {}, { run: "ended" }))
    .batches.getReader();
  await reader.read();
  await using admin = await server.connect();
  const [row] = await admin.ask(
    "select id from information_schema.processlist where info like '/* spillway:ended */%'",
  );
  await admin.ask(`kill ${row![0]}`);
  const { message } = await thrown((async () => {
    while (!(await reader.read()).done);
  })());
  assert.match(
    message,
    /^Cannot read the query: (?:the server closed the connection|somebody (?:ended the connection|stopped the query) on the server)$/,
  );
});

mysqlTest("mysql: a connection that fails says why, and never the password", async () => {
  const server = await sharedServer();
  const port = freePort();
  const fail = async (settings: object) => {
    const config = await configured({ connect_timeout: "10m", ...settings });
    const error = await thrown(mysqlDriver.open(config, { text: "select 1", params: {} }));
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), "guess"]) {
      assert(!Deno.inspect(error).includes(secret), Deno.inspect(error));
    }
    return [error.message, error.connection];
  };
  assert.deepEqual(await fail({ password: "guess" }), [
    "Cannot open source: the server refused the account or its password",
    false,
  ]);
  assert.deepEqual(await fail({ database: "nowhere" }), [
    "Cannot open source: the account may not use the database",
    false,
  ]);
  assert.deepEqual(await fail({ port }), [
    "Cannot open source: nobody listens on the host's port",
    true,
  ]);
  assert.deepEqual(await fail({ host: "host.invalid", tls: "disable" }), [
    "Cannot open source: the host has no address",
    true,
  ]);
  await server.run("set global init_connect = 'do sleep(600)'");
  try {
    assert.deepEqual(await fail({ connect_timeout: "400ms" }), [
      "Cannot open source: the server did not answer in time",
      true,
    ]);
  } finally {
    await server.run("set global init_connect = ''");
  }
  // The least that there is; a connection counts before it says who it is.
  await server.run("set global max_connections = 10");
  const connections = await Promise.all(
    Array.from({ length: 12 }, () => Deno.connect({ hostname: "127.0.0.1", port: server.port })),
  );
  try {
    assert.deepEqual((await fail({}))[1], true);
  } finally {
    for (const connection of connections) connection.close();
    await server.run("set global max_connections = default");
  }
});

mysqlTest("mysql: a server that says nothing, or hangs up, is an error in time", async () => {
  const at = async (port: number, connect_timeout: string) =>
    await mysqlDriver.open(await configured({ port, connect_timeout }), {
      text: "select 1",
      params: {},
    });
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const waiting = silent.accept();
  const late = await thrown(at(silent.addr.port, "200ms"));
  assert.equal(late.message, "Cannot open source: the server did not answer in time");
  assert.equal(late.connection, true);
  (await waiting).close();

  using rude = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hangingUp = rude.accept().then((connection) => connection.close());
  const gone = await thrown(at(rude.addr.port, "10m"));
  assert.equal(gone.message, "Cannot open source: the server closed the connection");
  assert.equal(gone.connection, true);
  await hangingUp;
});
