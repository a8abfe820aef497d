/** MySQL and MariaDB connections that are left to the next run: which, to whom, and in what state. */

import assert from "node:assert/strict";
import { createServerCache } from "../../../sources/connection_cache.ts";
import { mysql } from "../../../sources/mysql/descriptor.ts";
import { openQuery } from "../../../sources/mysql/driver.ts";
import type { Connection } from "../../../sources/mysql/connection.ts";
import type { ReadOptions } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { inTime, until } from "../../waiting.ts";
import { mysqlTest, sharedServer } from "./shared.ts";
import { readInProcess } from "../other_process.ts";
import { createClock } from "../own_clock.ts";
import { connectionsTo, startProxy } from "../proxy.ts";

/** Runs of a source on kept connections, behind a proxy of their own; disposing it closes them. */
async function createRuns(settings: object = {}) {
  const server = await sharedServer();
  const admin = await server.connect();
  const { clock, pass } = createClock();
  const connections = createServerCache<Connection>(clock);
  const proxy = startProxy(server.port);

  async function open(text: string, options: ReadOptions & { readonly config?: object } = {}) {
    const address = { url: server.url(), port: proxy.port };
    const config = mysql.config.parse({ ...address, ...settings, ...options.config });
    return await openQuery(config, { text, params: {} }, { keep: true, ...options }, connections);
  }

  return {
    server,
    admin,
    connections,
    pass,
    open,
    async read(text: string, options: Parameters<typeof open>[1] = {}): Promise<readonly Row[]> {
      const { batches } = await open(text, options);
      return (await Array.fromAsync(batches)).flat();
    },
    /** Connections that are open. */
    opened: () => connectionsTo(proxy.port),
    async [Symbol.asyncDispose]() {
      pass(100_000);
      await until(() => connectionsTo(proxy.port) === 0);
      await proxy[Symbol.asyncDispose]();
      await admin[Symbol.asyncDispose]();
    },
  };
}

const ID = "select connection_id() as id";

mysqlTest("mysql: a run that has ended leaves its connection to the next one", async () => {
  await using runs = await createRuns();
  const [first] = await runs.read(ID);
  for (let run = 0; run < 3; run++) assert.deepEqual(await runs.read(ID), [first]);
  assert.equal(runs.opened(), 1);

  // So long after one came back, none is waited for.
  runs.pass(250);
  const [one, other] = await Promise.all([runs.read(ID), runs.read(ID)]);
  assert.notDeepEqual(one, other, "two at once have one each");
  assert.equal(runs.opened(), 2);
});

mysqlTest("mysql: nothing of a run is seen by the next one on its connection", async () => {
  await using runs = await createRuns();
  await runs.admin.ask("use test");
  await runs.admin.ask(`create function leave_traces() returns bigint begin
    set @secret = 'password';
    set session sort_buffer_size = 1048576;
    set session sql_mode = 'ANSI_QUOTES';
    do get_lock('left_behind', 0);
    return connection_id();
  end`);
  await runs.admin.ask("grant execute on test.* to reader@'%'");
  try {
    const traces = `select @secret is null, @@sort_buffer_size, @@sql_mode,
      coalesce(is_used_lock('left_behind'), 0), @@in_transaction, @@tx_read_only,
      (select variable_value from information_schema.session_status
        where variable_name = 'Prepared_stmt_count'), connection_id()`;
    const [before] = await runs.read(traces);
    assert.equal(before![0], 1);
    assert.equal(before![3], 0);
    assert.deepEqual(await runs.read("select test.leave_traces() as id"), [[before!.at(-1)]]);
    assert.deepEqual(await runs.read(traces), [before]);
  } finally {
    await runs.admin.ask("drop function leave_traces");
  }
});

mysqlTest("mysql: every run has the session that its source and its account say", async () => {
  await using runs = await createRuns({ timezone: "UTC", statement_timeout: "7m" });
  await runs.server.run(
    "create role analyst",
    "grant analyst to reader@'%'",
    "set default role analyst for reader@'%'",
  );
  try {
    // The space is one that only the driver's login allows for.
    const settings = `select @@time_zone, @@max_statement_time, current_role(), count (*),
      @@group_concat_max_len, @@tx_isolation, @@tx_read_only, @@in_transaction, @@sql_mode,
      @@character_set_client, @@character_set_results, @@collation_connection, connection_id()`;
    const [before] = await runs.read(settings);
    assert.deepEqual(before!.slice(0, 4), ["+00:00", 420, "analyst", 1]);
    assert.deepEqual(await runs.read(settings), [before]);
  } finally {
    await runs.server.run("drop role analyst");
  }
});

mysqlTest(
  "mysql: a connection is not kept where the server does something at a login",
  async () => {
    await using runs = await createRuns();
    await runs.server.run("set global init_connect = 'set @@session.sort_buffer_size = 1048576'");
    try {
      const size = "select @@sort_buffer_size, connection_id()";
      const [before] = await runs.read(size);
      const [after] = await runs.read(size);
      assert.deepEqual([before![0], after![0]], [1048576, 1048576]);
      assert.notEqual(before![1], after![1]);
      assert.equal(runs.connections.size, 0);
    } finally {
      await runs.server.run("set global init_connect = ''");
    }
  },
);

mysqlTest("mysql: a connection that is kept holds no transaction", async () => {
  await using runs = await createRuns();
  await runs.admin.ask("create table test.held (n int) engine = innodb");
  try {
    await runs.read("select * from test.held");
    // It would wait for a transaction that has read the table.
    await inTime(runs.admin.ask("alter table test.held add column m int"), "the table");
  } finally {
    await runs.admin.ask("drop table test.held");
  }
});

mysqlTest("mysql: a connection whose run was cancelled or failed is not kept", async () => {
  await using runs = await createRuns();
  const { batches } = await runs.open("select seq from seq_1_to_10000000");
  const reader = batches.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(runs.connections.size, 0, "cancelled");
  await assert.rejects(runs.read("select nothing from nowhere"));
  assert.equal(runs.connections.size, 0, "refused");
  await assert.rejects(
    runs.read(
      `select case seq when 5 then cast(-9223372036854775807 as signed) - cast(seq as signed)
        else 1 end from seq_1_to_9`,
    ),
  );
  assert.equal(runs.connections.size, 0, "failed");
  await until(() => runs.opened() === 0);
});

mysqlTest(
  "mysql: a connection that the server has closed is replaced, and the caller sees none of it",
  async () => {
    await using runs = await createRuns();
    const [[first]] = await runs.read(ID) as [[number]];
    await runs.admin.ask(`kill ${first}`);
    await until(() => runs.opened() === 0);
    const [[second]] = await runs.read(ID) as [[number]];
    assert.notEqual(second, first);
    // At once, however far that one has come.
    await runs.admin.ask(`kill ${second}`);
    const [[third]] = await runs.read(ID) as [[number]];
    assert.notEqual(third, second);
  },
);

mysqlTest("mysql: a connection belongs to the settings that it was opened with", async () => {
  await using runs = await createRuns();
  const [first] = await runs.read(ID);
  assert.notDeepEqual(await runs.read(ID, { config: { connect_timeout: "9s" } }), [first]);
  await assert.rejects(
    runs.read(ID, { config: { password: "guess" } }),
    /the server refused the account or its password/,
  );
  assert.deepEqual(await runs.read(ID), [first]);
});

mysqlTest("mysql: no more connections are kept than there may be, nor longer", async () => {
  await using runs = await createRuns();
  const streams = await Promise.all(
    Array.from({ length: 20 }, () => runs.open("select seq from seq_1_to_3")),
  );
  assert.equal(runs.opened(), 20);
  await Promise.all(streams.map(({ batches }) => Array.fromAsync(batches)));
  assert.equal(runs.connections.size, 16);
  await until(() => runs.opened() === 16);
  runs.pass(5000);
  assert.equal(runs.connections.size, 0);
  await until(() => runs.opened() === 0);
});

mysqlTest("mysql: a connection that is kept does not keep its process from ending", async () => {
  const { url } = await sharedServer();
  assert.deepEqual(await readInProcess("mysql", url(), "select 7"), [[7]]);
});
