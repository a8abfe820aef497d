/** The zone of MySQL's session: queries count days in it, and cells are in UTC whatever it is. */

import assert from "node:assert/strict";
import { mysql } from "../../../sources/mysql/descriptor.ts";
import { mysqlDriver } from "../../../sources/mysql/driver.ts";
import { askZone, createUtcReader } from "../../../sources/mysql/zone.ts";
import type { ParamType, Query } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { type MysqlServer, startServer } from "./server.ts";
import { mysqlTest } from "./shared.ts";

/** A server of New York: its system's zone, which has no name there, and its tables. */
let server: Promise<MysqlServer> | undefined;

function newYork(): Promise<MysqlServer> {
  return server ??= startNewYork();
}

async function startNewYork(): Promise<MysqlServer> {
  const started = await startServer({ timezone: "America/New_York" });
  for (const zone of ["America/New_York", "Asia/Kolkata"]) {
    const { stdout } = await new Deno.Command("mariadb-tzinfo-to-sql", {
      args: [`/usr/share/zoneinfo/${zone}`, zone],
    }).output();
    const statements = new TextDecoder().decode(stdout).split(/;\n/)
      .filter((statement) => /^(?:insert|set @)/i.test(statement.trim()));
    await started.run("use mysql", ...statements);
  }
  return started;
}

Deno.test.afterAll(async () => await (await server)?.stop());

const ask = (
  text: string,
  params: Query["params"] = {},
  types: Record<string, ParamType> = {},
) => ({
  text,
  params,
  types,
});

async function read(timezone: string | undefined, query: Query): Promise<readonly Row[]> {
  const url = (await newYork()).url();
  const config = mysql.config.parse(timezone === undefined ? { url } : { url, timezone });
  const { batches } = await mysqlDriver.open(config, query);
  return (await Array.fromAsync(batches)).flat();
}

/** Asks of a zone as this program knows it. */
function known(zone: string) {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    ...{ year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric" },
  });
  return (moments: readonly number[]) =>
    Promise.resolve(moments.map((moment) => {
      const parts = format.formatToParts(moment * 1000);
      const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
      const local = Date.UTC(
        ...[part("year"), part("month") - 1, part("day")] as const,
        ...[part("hour"), part("minute"), part("second")],
      );
      return local / 1000 - moment;
    }));
}

Deno.test("a clock's hour is moved to UTC, and one that comes twice says so", async () => {
  const cases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "America/New_York": {
      "2026-01-01 00:00:00": "2026-01-01 05:00:00Z",
      "2026-07-01 23:59:59.123456": "2026-07-02 03:59:59.123456Z",
      "2026-03-08 01:59:59": "2026-03-08 06:59:59Z",
      "2026-03-08 03:00:00": "2026-03-08 07:00:00Z",
      "2026-11-01 00:59:59.9": "2026-11-01 04:59:59.9Z",
      "2026-11-01 01:00:00": "2026-11-01 01:00:00 -04:00/-05:00",
      "2026-11-01 01:59:59.5": "2026-11-01 01:59:59.5 -04:00/-05:00",
      "2026-11-01 02:00:00": "2026-11-01 07:00:00Z",
      "1970-01-01 00:00:00": "1970-01-01 05:00:00Z",
      "1974-01-06 03:00:00": "1974-01-06 07:00:00Z",
      "2037-12-31 23:59:59": "2038-01-01 04:59:59Z",
      "2105-07-01 00:00:00": "2105-07-01 04:00:00Z",
      "0000-00-00 00:00:00": "0000-00-00 00:00:00",
    },
    "Asia/Kolkata": {
      "2026-01-01 00:00:00": "2025-12-31 18:30:00Z",
      "2026-01-01 05:30:00": "2026-01-01 00:00:00Z",
    },
    "Africa/Monrovia": {
      "1970-06-01 00:00:00": "1970-06-01 00:44:30Z",
      "1972-01-07 00:44:30": "1972-01-07 00:44:30Z",
      "2026-01-01 00:00:00": "2026-01-01 00:00:00Z",
    },
    "Pacific/Apia": {
      // The day that Samoa left out.
      "2011-12-29 23:59:59": "2011-12-30 09:59:59Z",
      "2011-12-31 00:00:00": "2011-12-30 10:00:00Z",
    },
    "Australia/Lord_Howe": {
      // Half an hour of summer time.
      "2026-04-05 01:30:00": "2026-04-05 01:30:00 +11:00/+10:30",
      "2026-04-05 02:00:00": "2026-04-04 15:30:00Z",
    },
  };
  for (const [zone, moments] of Object.entries(cases)) {
    const toUtc = createUtcReader(await askZone(known(zone)));
    for (const [local, utc] of Object.entries(moments)) assert.equal(toUtc(local), utc, zone);
  }
});

Deno.test("a zone's changes are found to the second", async () => {
  const { starts, offsets } = await askZone(known("Europe/Berlin"));
  const at = starts.indexOf(Date.UTC(2026, 2, 29, 1) / 1000);
  assert(at > 0, "no change on 2026-03-29");
  assert.deepEqual(offsets.slice(at - 1, at + 2), [3600, 7200, 3600]);
  assert.equal(starts[at + 1], Date.UTC(2026, 9, 25, 1) / 1000);
});

const PAYMENTS = [
  "create table test.payment (amount decimal(9, 2), paid_at timestamp)",
  "set time_zone = '+00:00'",
  `insert into test.payment values (161.60, '2026-03-14 20:00:00'), (69.81, '2026-03-15 02:30:00'),
    (12.00, '2026-03-13 23:00:00')`,
];

const OF_A_DAY = ask(
  "select sum(amount), min(hour(paid_at)) from payment where date(paid_at) = :day",
  { day: "2026-03-14" },
  { day: "date" },
);

mysqlTest("a query counts days in the zone of the server or the source", async () => {
  const server = await newYork();
  await server.run(...PAYMENTS);
  try {
    assert.deepEqual(await read(undefined, OF_A_DAY), [["231.41", 16]]);
    assert.deepEqual(await read("UTC", OF_A_DAY), [["161.60", 20]]);
    assert.deepEqual(await read("America/New_York", OF_A_DAY), [["231.41", 16]]);
    assert.deepEqual(await read("Asia/Kolkata", OF_A_DAY), [["12.00", 4]]);
  } finally {
    await server.run("drop table test.payment");
  }
});

mysqlTest("cells are the same in every zone, but for an hour that comes twice", async () => {
  const server = await newYork();
  await server.run(
    "create table test.moment (n int, at timestamp(6) null, local datetime null)",
    "set time_zone = '+00:00'",
    `insert into test.moment values (1, '2026-01-01 00:00:00', '2026-01-01 00:00:00'),
      (2, '2026-07-01 12:34:56.789', null), (3, '1970-01-01 00:00:01', null),
      (4, '2038-01-19 03:14:07', null), (5, null, null)`,
  );
  try {
    const all = ask("select n, at, local from moment order by n");
    for (const timezone of [undefined, "UTC", "America/New_York", "Asia/Kolkata"]) {
      assert.deepEqual(await read(timezone, all), [
        [1, "2026-01-01 00:00:00Z", "2026-01-01 00:00:00"],
        [2, "2026-07-01 12:34:56.789Z", null],
        [3, "1970-01-01 00:00:01Z", null],
        [4, "2038-01-19 03:14:07Z", null],
        [5, null, null],
      ], `${timezone}`);
    }
    await server.run(
      "truncate test.moment",
      "set time_zone = '+00:00'",
      "insert into test.moment (n, at) values (1, '2026-11-01 05:30:00'), (2, '2026-11-01 06:30:00')",
    );
    assert.deepEqual((await read(undefined, all)).map(([, at]) => at), [
      "2026-11-01 01:30:00 -04:00/-05:00",
      "2026-11-01 01:30:00 -04:00/-05:00",
    ]);
    assert.deepEqual((await read("UTC", all)).map(([, at]) => at), [
      "2026-11-01 05:30:00Z",
      "2026-11-01 06:30:00Z",
    ]);
  } finally {
    await server.run("drop table test.moment");
  }
});

mysqlTest("a datetime param is the same moment in every zone", async () => {
  const server = await newYork();
  await server.run(
    "create table test.moment (n int, at timestamp)",
    "set time_zone = '+00:00'",
    "insert into test.moment values (1, '2026-01-01 05:00:00'), (2, '2026-01-01 05:00:01')",
  );
  try {
    const after = ask(
      `select n, :since from moment where at > :since and (:until is null or at < :until)
         and at in (:at)`,
      {
        since: "2026-01-01 05:00:00",
        until: null,
        at: ["2026-01-01 05:00:00", "2026-01-01 05:00:01"],
      },
      { since: "datetime", until: "datetime", at: "datetime[]" },
    );
    assert.deepEqual(await read("UTC", after), [[2, "2026-01-01 05:00:00"]]);
    assert.deepEqual(await read(undefined, after), [[2, "2026-01-01 00:00:00"]]);
    assert.deepEqual(await read("Asia/Kolkata", after), [[2, "2026-01-01 10:30:00"]]);
  } finally {
    await server.run("drop table test.moment");
  }
});

mysqlTest("a zone that the server does not know is an error that says so", async () => {
  await assert.rejects(read("Europe/Berlin", ask("select 1")), {
    message:
      "Cannot open source: the server does not know the time zone; its time zone tables may " +
      "not be loaded",
  });
});
