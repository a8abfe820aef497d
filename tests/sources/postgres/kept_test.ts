/** PostgreSQL connections that are left to the next run: which, to whom, and in what state. */

import assert from "node:assert/strict";
import { createServerCache } from "../../../sources/connection_cache.ts";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { openQuery } from "../../../sources/postgres/driver.ts";
import type { Backend } from "../../../sources/postgres/backend.ts";
import type { ParamValue, ReadOptions } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { turns, until } from "../../waiting.ts";
import { readInProcess } from "../other_process.ts";
import { createClock } from "../own_clock.ts";
import { connectionsTo, startProxy } from "../proxy.ts";
import { PASSWORD, type PostgresServer } from "./server.ts";
import { postgresTest, sharedServer } from "./shared.ts";

/** Runs of a source on kept connections, behind a proxy of their own; disposing it closes them. */
async function createRuns(settings: object = {}) {
  const server = await sharedServer();
  const { clock, pass } = createClock();
  const backends = createServerCache<Backend>(clock);
  const proxy = startProxy(server.port);
  const url = (password = PASSWORD) =>
    `postgres://reader:${encodeURIComponent(password)}@127.0.0.1:${proxy.port}/postgres`;

  async function open(text: string, options: ReadOptions & { readonly config?: object } = {}) {
    const config = postgres.config.parse({ url: url(), ...settings, ...options.config });
    const query = { text, params: {} as Record<string, ParamValue> };
    return await openQuery(config, query, { keep: true, ...options }, backends);
  }

  return {
    server,
    backends,
    pass,
    url,
    open,
    async read(text: string, options: Parameters<typeof open>[1] = {}): Promise<readonly Row[]> {
      const { batches } = await open(text, options);
      return (await Array.fromAsync(batches)).flat();
    },
    /** Connections that are open. */
    connections: () => connectionsTo(proxy.port),
    async [Symbol.asyncDispose]() {
      pass(100_000);
      await until(() => connectionsTo(proxy.port) === 0);
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const PID = "select pg_backend_pid() as pid";

/** Asks as the superuser. */
async function ask(server: PostgresServer, text: string) {
  const sql = server.connect();
  try {
    return await sql.unsafe(text);
  } finally {
    await sql.end();
  }
}

postgresTest("a run that has ended leaves its connection to the next one", async () => {
  await using runs = await createRuns();
  const [first] = await runs.read(PID);
  for (let run = 0; run < 3; run++) assert.deepEqual(await runs.read(PID), [first]);
  assert.equal(runs.connections(), 1);

  // So long after one came back, none is waited for.
  runs.pass(250);
  const [one, other] = await Promise.all([runs.read(PID), runs.read(PID)]);
  assert.notDeepEqual(one, other, "two at once have one each");
  assert.equal(runs.connections(), 2);
});

postgresTest("nothing of a run is seen by the next one on its connection", async () => {
  await using runs = await createRuns();
  await runs.server.run(`create function leave_traces() returns int language plpgsql as $$
    begin
      execute 'prepare left_behind as select 1';
      execute 'declare held cursor with hold for select 1';
      execute 'listen news';
      perform pg_advisory_lock(4711);
      perform set_config('work_mem', '77MB', false);
      perform set_config('statement_timeout', '1s', false);
      perform set_config('timezone', 'Asia/Seoul', false);
      perform set_config('search_path', 'nowhere', false);
      perform set_config('spillway.secret', 'password', false);
      return pg_backend_pid();
    end $$`);
  try {
    const traces = `select (select count(*) from pg_prepared_statements),
        (select count(*) from pg_cursors where name <> ''),
        (select count(*) from pg_listening_channels()),
        (select count(*) from pg_locks where locktype = 'advisory'),
        current_setting('work_mem'), current_setting('timezone'), current_setting('search_path'),
        coalesce(nullif(current_setting('spillway.secret', true), ''), 'none'), pg_backend_pid()`;
    const [before] = await runs.read(traces);
    assert.deepEqual(before!.slice(0, 4), [0, 0, 0, 0]);
    assert.equal(before![7], "none");
    // It is the same connection that it leaves them in.
    assert.deepEqual(await runs.read("select leave_traces()"), [[before!.at(-1)]]);
    assert.deepEqual(await runs.read(traces), [before]);
  } finally {
    await runs.server.run("drop function leave_traces()");
  }
});

postgresTest(
  "every run has the session that its source says, whichever was before it",
  async () => {
    await using runs = await createRuns({ timezone: "Asia/Tokyo", statement_timeout: "7m" });
    const settings = `select current_setting('application_name'), current_setting('timezone'),
    current_setting('transaction_read_only'), current_setting('transaction_isolation'),
    current_setting('statement_timeout'), current_setting('client_connection_check_interval')`;
    const same = ["Asia/Tokyo", "on", "repeatable read", "7min", "500ms"];
    assert.deepEqual(await runs.read(settings, { run: "4711" }), [["spillway:4711", ...same]]);
    assert.deepEqual(await runs.read(settings, { run: "4712" }), [["spillway:4712", ...same]]);
    assert.equal(runs.connections(), 1);
  },
);

postgresTest("a connection that is kept holds no transaction and no lock", async () => {
  await using runs = await createRuns();
  const [[pid]] = await runs.read(PID, { run: "4711" }) as [[number]];
  // `discard all` is the last that it was asked for.
  await until(async () => {
    const [row] = await ask(
      runs.server,
      `select state, xact_start is null as free, application_name,
      (select count(*)::int from pg_locks where pid = ${pid}) as locks
      from pg_stat_activity where pid = ${pid} and query = 'discard all'`,
    );
    if (row?.state !== "idle") return false;
    assert.deepEqual({ ...row }, {
      state: "idle",
      free: true,
      application_name: "spillway",
      locks: 0,
    });
    return true;
  });
});

postgresTest(
  "a connection whose run was cancelled, failed or was refused is not kept",
  async () => {
    await using runs = await createRuns();
    const { batches } = await runs.open("select generate_series(1, 10000000) as n");
    const reader = batches.getReader();
    await reader.read();
    await reader.cancel();
    assert.equal(runs.backends.size, 0, "cancelled");
    await assert.rejects(runs.read("select 1 / (n - 5) from generate_series(1, 9) as n"));
    assert.equal(runs.backends.size, 0, "failed");
    await assert.rejects(runs.read("select nothing from nowhere"));
    assert.equal(runs.backends.size, 0, "refused");
    await until(() => runs.connections() === 0);
  },
);

postgresTest("a cancel that comes with the last row does not meet the next run", async () => {
  await using runs = await createRuns();
  const { batches } = await runs.open("select generate_series(1, 300) as n");
  const reader = batches.getReader();
  await reader.read();
  const [last] = await Promise.allSettled([reader.read(), reader.cancel()]);
  assert.equal(last.status, "fulfilled");
  assert.equal(runs.backends.size, 0);
  assert.equal((await runs.read("select generate_series(1, 300) as n")).length, 300);
});

postgresTest(
  "a connection that the server has closed is replaced, and the caller sees none of it",
  async () => {
    await using runs = await createRuns();
    const [[first]] = await runs.read(PID) as [[number]];
    await ask(runs.server, `select pg_terminate_backend(${first})`);
    await until(() => runs.connections() === 0);
    const [[second]] = await runs.read(PID) as [[number]];
    assert.notEqual(second, first);
  },
);

postgresTest("one that ends just as it is used is replaced too", async () => {
  await using runs = await createRuns();
  const [[first]] = await runs.read(PID) as [[number]];
  // It is stopped, told to end, and ends only when the next run has been sent to it.
  await until(async () => (await ask(runs.server, idle(first))).length === 1);
  Deno.kill(first, "SIGSTOP");
  await ask(runs.server, `select pg_terminate_backend(${first})`);
  const next = runs.read(PID);
  await turns();
  Deno.kill(first, "SIGCONT");
  const [[second]] = await next as [[number]];
  assert.notEqual(second, first);
});

postgresTest("one whose server says nothing any more is replaced too", async () => {
  await using runs = await createRuns();
  const [[first]] = await runs.read(PID) as [[number]];
  await until(async () => (await ask(runs.server, idle(first))).length === 1);
  Deno.kill(first, "SIGSTOP");
  try {
    const [[second]] = await runs.read(PID) as [[number]];
    assert.notEqual(second, first);
  } finally {
    Deno.kill(first, "SIGCONT");
  }
});

/** Finds a backend that has been reset. */
const idle = (pid: number) =>
  `select from pg_stat_activity where pid = ${pid} and state = 'idle' and query = 'discard all'`;

postgresTest("a connection belongs to the settings that it was opened with", async () => {
  await using runs = await createRuns();
  const [first] = await runs.read(PID);
  for (
    const config of [{ search_path: "public" }, { timezone: "UTC" }, { connect_timeout: "9s" }]
  ) {
    assert.notDeepEqual(await runs.read(PID, { config }), [first], JSON.stringify(config));
  }
  assert.deepEqual(await runs.read(PID), [first]);
  // A password that is wrong now does not profit from the one that was right.
  await assert.rejects(
    runs.read(PID, { config: { url: runs.url("guess") } }),
    /password authentication failed/,
  );
  assert.deepEqual(await runs.read(PID), [first]);
});

postgresTest("no more connections are kept than there may be, nor longer", async () => {
  await using runs = await createRuns();
  const streams = await Promise.all(
    Array.from({ length: 20 }, () => runs.open("select generate_series(1, 3) as n")),
  );
  assert.equal(runs.connections(), 20);
  await Promise.all(streams.map(({ batches }) => Array.fromAsync(batches)));
  assert.equal(runs.backends.size, 16);
  await until(() => runs.connections() === 16);
  runs.pass(5000);
  assert.equal(runs.backends.size, 0);
  await until(() => runs.connections() === 0);
});

postgresTest("a connection that is kept does not keep its process from ending", async () => {
  const { url } = await sharedServer();
  assert.deepEqual(await readInProcess("postgres", url(), "select 7"), [[7]]);
});
