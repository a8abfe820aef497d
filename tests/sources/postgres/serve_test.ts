/** PostgreSQL behind the whole server: what clients, limits and restarts do to its connections. */

import assert from "node:assert/strict";
import { childrenOf, emptyFolder, type Serving, startServe } from "../../commands/fixture.ts";
import { openDownload, readBytes } from "../../http/fixture.ts";
import { until } from "../../waiting.ts";
import { startProxy } from "../proxy.ts";
import { postgresTest, sharedServer } from "./shared.ts";

const EXPORTS = `
exports:
  pages:
    source: warehouse
    query: select n, repeat('x', 10000) as page from generate_series(1, :rows) as n
    params: { rows: { type: integer } }
  stalls:
    source: warehouse
    query: >-
      select n, repeat('x', 100) as padding from generate_series(1, 1000) as n
      union all select 0, pg_sleep(600)::text
  chosen:
    source: warehouse
    query: >-
      select n from generate_series(1, 9) as n
      where n in (:ids) and (:after is null or n > :after) and (:run is null or :run = gen_random_uuid())
    params:
      ids: { type: "integer[]", required: false, default: [1, 2, 3] }
      after: { type: integer, required: false }
      run: { type: string, required: false }
  wrong: { source: warehouse, query: select n from nowhere }
  sleeps:
    source: warehouse
    query: select pg_sleep(600)::text as never
`;

/** Of what repeats so much, gzip would leave nothing to wait for. */
const PLAIN = { headers: { "accept-encoding": "identity" } };

/**
 * Starts a server whose sections are these, for a test.
 *
 * @param port where it finds PostgreSQL, where that is not at its own
 */
async function serving(
  sections: string,
  body: (server: Serving) => Promise<void>,
  { port, settings = ", debug: false" }: { port?: number; settings?: string } = {},
): Promise<void> {
  const database = await sharedServer();
  await using folder = await emptyFolder();
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `server: { port: 0${settings} }\nsources: { warehouse: { type: postgres, url: "\${DATABASE_URL}" } }\n` +
      sections + EXPORTS,
  );
  await Deno.mkdir(`${folder.path}/spool`);
  await using server = await startServe([], {
    cwd: folder.path,
    environment: {
      DATABASE_URL: database.url().replace(`:${database.port}/`, `:${port ?? database.port}/`),
    },
    flags: [`--allow-write=${folder.path}`],
  });
  await body(server);
}

/** The states of the backends that serve runs. */
async function backends(): Promise<readonly string[]> {
  const sql = (await sharedServer()).connect();
  try {
    const rows = await sql`select state from pg_stat_activity
      where application_name like 'spillway:%' order by state`;
    return rows.map(({ state }) => state);
  } finally {
    await sql.end();
  }
}

async function untilNoBackend(): Promise<void> {
  await until(async () => (await backends()).length === 0);
}

postgresTest("postgres: a client that stalls holds no snapshot, and gets every byte", async () => {
  await serving(
    "spool: { dir: spool, min_free: 64MiB, spill_after: 300ms }",
    async (server) => {
      const response = await fetch(`${server.origin}/exports/pages.csv?rows=4000`, PLAIN);
      const reader = response.body!.getReader();
      let bytes = (await reader.read()).value!.length;
      // 40 MB, of which the kernel's buffers take 11: the query is over all the same.
      await untilNoBackend();
      assert(bytes < 1024 * 1024);
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        bytes += next.value.length;
      }
      assert.equal(bytes, "n,page\r\n".length + 4000 * 10_003 + (9 + 90 * 2 + 900 * 3 + 3001 * 4));
    },
  );
});

postgresTest("postgres: params are lists, absent, or refused by name", async () => {
  await serving("", async (server) => {
    const get = (query: string) =>
      fetch(`${server.origin}/exports/chosen.csv?_header=false&${query}`);
    for (
      const [query, rows] of [
        ["", "1 2 3"],
        ["ids=5,1,5000000000&after=", "1 5"],
        ["ids=5&ids=1&ids=7&after=4&run=", "5 7"],
        ["ids=&after=4", ""],
      ] as const
    ) {
      const response = await get(query);
      assert.equal(response.status, 200);
      assert.equal((await response.text()).trim().replaceAll("\r\n", " "), rows, query);
    }
    const refused = await get("ids=5&run=none");
    assert.equal(refused.status, 400);
    const { errors } = await refused.json();
    assert.deepEqual(errors, [
      { name: "run", detail: "the source of this export does not take this value" },
    ]);
  });
});

postgresTest(
  "postgres: an export's page has all columns, before its first run and after it",
  async () => {
    await serving("", async (server) => {
      const columns = async (name: string) =>
        (await (await fetch(`${server.origin}/exports/${name}`)).json()).columns;
      const expected = [{ name: "n", type: "integer" }, { name: "page", type: "string" }];
      // A source that takes its time is not waited for.
      for (const name of ["pages", "sleeps"]) {
        await until(async () => (await columns(name)).length > 0);
      }
      assert.deepEqual(await columns("pages"), expected);
      assert.deepEqual(await columns("sleeps"), [{ name: "never", type: "string" }]);
      // It was no run.
      assert.deepEqual(server.logs().filter(({ export: name }) => name !== undefined), []);
      const metrics = await (await fetch(`${server.origin}/metrics`)).text();
      assert.doesNotMatch(metrics, /^spillway_runs_total\{/m);
      await (await fetch(`${server.origin}/exports/pages.csv?rows=1`)).text();
      assert.deepEqual(await columns("pages"), expected);
    });
  },
);

postgresTest("postgres: a 502 holds the server's own words for who may read them", async () => {
  // What a proxy passes on is let in.
  const ANYONE = "access: { anonymous: true }\n";
  const cause = async (server: Serving, headers = {}) => {
    const response = await fetch(`${server.origin}/exports/wrong.csv`, { headers });
    assert.equal(response.status, 502);
    return (await response.json()).cause;
  };
  const told = 'Cannot run the query: relation "nowhere" does not exist';
  // As the test's client is on this machine.
  await serving(ANYONE, async (server) => {
    assert.equal(await cause(server), told);
    assert.equal(await cause(server, { "x-forwarded-for": "192.0.2.1" }), undefined);
  }, { settings: "" });
  await serving(ANYONE, async (server) => {
    assert.equal(await cause(server, { "x-forwarded-for": "192.0.2.1" }), told);
  }, { settings: ", debug: true" });
  await serving(ANYONE, async (server) => assert.equal(await cause(server), undefined));
});

postgresTest("postgres: a client that leaves ends its query", async () => {
  await serving("", async (server) => {
    for (const name of ["pages", "stalls"]) {
      const query = name === "pages" ? "?rows=1000000" : "";
      const response = await fetch(`${server.origin}/exports/${name}.csv${query}`, PLAIN);
      const reader = response.body!.getReader();
      await reader.read();
      assert.deepEqual(await backends(), ["active"], name);
      await reader.cancel();
      await untilNoBackend();
      await until(() => server.logs().some(({ state }) => state === "cancelled"));
    }
    // One that leaves before there is a response.
    const leaving = new AbortController();
    const asked = fetch(`${server.origin}/exports/sleeps.csv`, { signal: leaving.signal });
    asked.catch(() => {});
    await until(async () => (await backends()).length === 1);
    leaving.abort();
    await untilNoBackend();
  });
});

postgresTest("postgres: the limits of a run end its query too", async () => {
  await serving("limits: { first_row: 2s }", async (server) => {
    const late = await fetch(`${server.origin}/exports/sleeps.csv`);
    assert.equal(late.status, 504);
    await late.body?.cancel();
    await untilNoBackend();
  });
  await serving("limits: { run: 8s }", async (server) => {
    // A worker that has started, so that the limit is the source's.
    const warm = await fetch(`${server.origin}/exports/pages.csv?rows=1`);
    assert.equal((await warm.text()).length, 10_012);
    const response = await fetch(`${server.origin}/exports/stalls.csv`);
    assert.equal(response.status, 200);
    await assert.rejects(response.text());
    await untilNoBackend();
    // A client that reads nothing is no reason to hold a snapshot longer.
    const socket = await openDownload(server, "/exports/pages.csv?rows=1000000");
    await readBytes(socket, 100);
    await until(async () => (await backends()).length === 1);
    await untilNoBackend();
    socket.close();
  });
});

postgresTest("postgres: a worker that is killed leaves no query behind", async () => {
  await serving("", async (server) => {
    const response = await fetch(`${server.origin}/exports/stalls.csv`);
    assert.deepEqual(await backends(), ["active"]);
    for (const worker of await childrenOf(server.pid)) Deno.kill(worker, "SIGKILL");
    await assert.rejects(response.text());
    await untilNoBackend();
  });
});

postgresTest(
  "postgres: a connection is tried again before the first byte, and never after",
  async () => {
    const database = await sharedServer();
    await using proxy = startProxy(database.port, { hangUps: 2 });
    await serving("", async (server) => {
      const response = await fetch(`${server.origin}/exports/pages.csv?rows=3`);
      assert.equal(response.status, 200);
      assert.equal((await response.text()).split("\r\n").length, 5);
      assert.equal(proxy.accepted(), 3);

      // The first run has left its connection, which the limit leaves alone.
      await database.run(`alter role reader connection limit 0;
        select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'`);
      const refused = await fetch(`${server.origin}/exports/pages.csv?rows=3`);
      await database.run("alter role reader connection limit -1");
      assert.equal(refused.status, 502);
      // The reason is for the log.
      assert(!(await refused.text()).includes("connections"));
      assert.match(server.lines.join("\n"), /too many connections for role/);

      const broken = await fetch(`${server.origin}/exports/stalls.csv`);
      const reader = broken.body!.getReader();
      await reader.read();
      const accepted = proxy.accepted();
      await database.run(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name like 'spillway:%'`);
      await assert.rejects(async () => {
        while (!(await reader.read()).done);
      });
      // The run is over: nobody tries again what has failed, and was told of.
      await until(() => server.logs().filter(({ state }) => state === "failed").length === 2);
      assert.equal(proxy.accepted(), accepted);
      await untilNoBackend();
    }, { port: proxy.port });
  },
);
