/** Schedules of whole servers: missed slots, two servers on one ledger, and runs in between. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { postgresTest, sharedServer } from "../sources/postgres/shared.ts";
import { until } from "../waiting.ts";
import { startIn, startServer, type TestServer } from "./fixture.ts";

const SPOOL = "{ dir: spool, max_bytes: 64MiB, min_free: 1MiB, allow_memory: true }";

const NIGHTLY = '{ cron: "0 6 * * *", timezone: Europe/Berlin, export: rows, format: csv, ' +
  "params: { rows: 7 }, reason: nightly }";

// deno-lint-ignore no-explicit-any
type Json = any;

async function ask({ origin }: TestServer, path: string, init: RequestInit = {}): Promise<Json> {
  const response = await fetch(origin + path, init);
  return { status: response.status, ...await response.json() };
}

async function runsOf(server: TestServer): Promise<Json[]> {
  return (await ask(server, "/runs")).runs;
}

/** A clock that stands a little after a time, and goes. */
function clockFrom(time: string): () => Date {
  const ahead = Date.parse(time) - Date.now();
  return () => new Date(Date.now() + ahead);
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-schedules-" });
  new DatabaseSync(`${folder}/app.db`).close();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a slot that was missed runs once after the start, as anyone's request", () =>
  withFolder(async (folder) => {
    const sections = {
      spool: SPOOL,
      runs: "{ ledger: 'sqlite:ledger.db' }",
      schedules: `{ nightly: ${NIGHTLY} }`,
    };
    const first = await startIn(folder, { ...sections, now: clockFrom("2026-03-28T12:00:00Z") });
    assert.deepEqual(await runsOf(first), []);
    await first[Symbol.asyncDispose]();
    // The 29th has the clock of Berlin one hour ahead, so that 06:00 there is 04:00 in UTC.
    const now = clockFrom("2026-03-29T09:00:00Z");
    for (let start = 0; start < 2; start++) {
      await using server = await startIn(folder, { ...sections, now });
      await until(async () => (await runsOf(server))[0]?.state === "complete");
      const [{ id, schedule, params, reason, principal, delivery, rows }, ...others] = await runsOf(
        server,
      );
      assert.deepEqual(others, []);
      assert.deepEqual({ schedule, params, reason, principal, delivery, rows }, {
        schedule: { name: "nightly", slot: "2026-03-29T04:00:00.000Z" },
        params: { rows: "7" },
        reason: "nightly",
        principal: "anonymous",
        delivery: "background",
        rows: 7,
      });
      const file = await fetch(`${server.origin}/runs/${id}/file`);
      assert.equal((await file.text()).split("\r\n").length, 9);
    }
  }));

postgresTest("of two servers on one ledger one runs a slot", async () => {
  const database = await sharedServer();
  await database.run("create schema schedules authorization reader");
  const sql = database.connect();
  const sections = {
    spool: SPOOL,
    runs: `{ ledger: "${database.url()}?search_path=schedules" }`,
    schedules: `{ nightly: ${NIGHTLY}, hourly: ${NIGHTLY.replace("0 6", "0 *")} }`,
  };
  await using _ = { [Symbol.asyncDispose]: () => sql.end() };
  await withFolder((one) =>
    withFolder(async (two) => {
      const first = await startIn(one, { ...sections, now: clockFrom("2026-01-01T12:30:00Z") });
      // Both are known once the one that comes last is.
      await until(async () => {
        const known = await sql`select count(*) from schedules.spillway_schedule`;
        return known[0]!.count === "2";
      });
      await first[Symbol.asyncDispose]();
      const now = clockFrom("2026-01-02T12:30:00Z");
      const servers = await Promise.all(
        [one, two].map((folder) => startIn(folder, { ...sections, now })),
      );
      try {
        for (const server of servers) {
          await until(async () => {
            const runs = await runsOf(server);
            return runs.length >= 2 && runs.every(({ state }) => state === "complete");
          });
        }
        const slots = (await runsOf(servers[0]!)).map(({ schedule }) => schedule);
        assert.deepEqual(slots.sort((a, b) => a.name < b.name ? -1 : 1), [
          { name: "hourly", slot: "2026-01-02T12:00:00.000Z" },
          { name: "nightly", slot: "2026-01-02T05:00:00.000Z" },
        ]);
      } finally {
        await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      }
    })
  );
});

const KEYS = ["k7f3q2ab", "m8g4r3cd"].map((id) => `sw_${id}_${"1".repeat(32)}`);

const hash = (key: string) => createHash("sha256").update(key).digest("hex");

const ACCESS = `{ keys: [
  { id: k7f3q2ab, sha256: "${hash(KEYS[0]!)}", tenant: "42", exports: [rows] },
  { id: m8g4r3cd, sha256: "${hash(KEYS[1]!)}", tenant: "43" }] }`;

const as = (key = "") => ({ headers: { "X-Api-Key": key } });

Deno.test("those who would see its runs may have a schedule run now, and no others", async () => {
  await using server = await startServer({
    access: ACCESS,
    spool: SPOOL,
    schedules: `
  own: { cron: "0 6 * * *", export: rows, format: csv, params: { rows: 3 }, key: k7f3q2ab }
  named: { cron: "@daily", export: table, format: json, principal: "key:k7f3q2ab", tenant: "42" }
  others: { cron: "0 6 1 * *", export: rows, format: csv, principal: "jwt:user-7", tenant: "42" }`,
  });
  const post = (name: string, key: string, headers: Record<string, string> = {}) =>
    ask(server, `/schedules/${name}/runs`, {
      method: "POST",
      headers: { "X-Api-Key": key, ...headers },
    });
  const [one, two] = KEYS as [string, string];
  const { schedules } = await ask(server, "/schedules", as(one));
  const next = schedules.map(({ next }: Json) => next);
  assert.match(next[0], /^\d{4}-\d\d-\d\dT06:00:00\.000Z$/);
  assert.match(next[1], /^\d{4}-\d\d-\d\dT00:00:00\.000Z$/);
  assert.deepEqual(schedules, [
    {
      name: "own",
      cron: "0 6 * * *",
      timezone: "UTC",
      next: next[0],
      export: "rows",
      format: "csv",
      url: "/schedules/own/runs",
    },
    {
      name: "named",
      cron: "@daily",
      timezone: "UTC",
      next: next[1],
      export: "table",
      format: "json",
      url: "/schedules/named/runs",
    },
  ]);
  assert.deepEqual((await ask(server, "/schedules", as(two))).schedules, []);

  for (const name of ["own", "named"]) {
    const asked = await post(name, one);
    assert.equal(asked.status, 202);
    assert.deepEqual(asked.schedule, { name });
    assert.equal(asked.principal, "key:k7f3q2ab");
    assert.equal(asked.tenant, "42");
    await until(async () => (await ask(server, asked.url, as(one))).state === "complete");
    assert.equal((await ask(server, asked.url, as(two))).status, 404);
    assert.equal((await post(name, two)).status, 404);
  }
  assert.equal((await post("others", one)).status, 404);
  assert.equal((await post("unknown", one)).status, 404);
  assert.equal((await post("own", "")).status, 401);
  assert.equal((await ask(server, "/schedules/own/runs", as(one))).status, 405);

  const key = { "Idempotency-Key": "today" };
  const { id } = await post("own", one, key);
  assert.equal((await post("own", one, key)).id, id);
  assert.equal((await post("named", one, key)).status, 422);
});
