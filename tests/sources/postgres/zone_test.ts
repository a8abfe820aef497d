/** The zone of PostgreSQL's session: queries count days in it, and cells are in UTC whatever it is. */

import assert from "node:assert/strict";
import { csv } from "../../../exporters/csv/mod.ts";
import { Warnings } from "../../../exporters/warnings.ts";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { postgresDriver } from "../../../sources/postgres/driver.ts";
import { toTable } from "../../../sources/to_table.ts";
import type { ParamType, Query } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { postgresTest, sharedServer } from "./shared.ts";

async function read(timezone: string | undefined, query: Query): Promise<readonly Row[]> {
  const url = (await sharedServer()).url();
  const config = postgres.config.parse(timezone === undefined ? { url } : { url, timezone });
  const { batches } = await postgresDriver.open(config, query);
  return (await Array.fromAsync(batches)).flat();
}

const ask = (
  text: string,
  params: Query["params"] = {},
  types: Record<string, ParamType> = {},
) => ({
  text,
  params,
  types,
});

/** A day's payments, of which an evening in New York is another day in UTC. */
const PAYMENTS = `create table payment (amount numeric, payment_date timestamptz);
  insert into payment values (161.60, '2026-03-14 20:00:00+00'), (69.81, '2026-03-15 02:30:00+00'),
    (12.00, '2026-03-13 23:00:00+00'), (7.00, '2026-03-15 04:00:00+00');
  grant select on payment to reader`;

const OF_A_DAY = ask(
  "select sum(amount), current_setting('timezone') from payment where payment_date::date = :day",
  { day: "2026-03-14" },
  { day: "date" },
);

postgresTest("a query counts days in the zone of the role, the server or the source", async () => {
  const server = await sharedServer();
  await server.run(PAYMENTS);
  try {
    await server.run("alter role reader set timezone = 'America/New_York'");
    assert.deepEqual(await read(undefined, OF_A_DAY), [["231.41", "America/New_York"]]);
    assert.deepEqual(await read("UTC", OF_A_DAY), [["161.60", "UTC"]]);
    await server.run("alter role reader reset timezone");
    assert.deepEqual(await read("America/New_York", OF_A_DAY), [["231.41", "America/New_York"]]);
    const admin = server.connect();
    const [own] = await admin`select current_setting('timezone') as timezone`;
    await admin.end();
    assert.equal((await read(undefined, OF_A_DAY))[0]![1], own!.timezone);
  } finally {
    await server.run("alter role reader reset timezone; drop table payment");
  }
});

postgresTest("cells are the same in every zone, as cells and as CSV", async () => {
  const url = (await sharedServer()).url();
  const moments = ask(`select n, t, t at time zone 'UTC' as local from (values
    (1, timestamptz '2026-01-01 00:00:00+00'), (2, '2026-07-01 12:34:56.789+00'),
    (3, '2026-11-01 05:30:00+00'), (4, '2026-11-01 06:30:00+00'), (5, '1850-06-01 00:00:00+00'),
    (6, '9999-12-31 23:59:59+00'), (7, 'infinity'), (8, null)) as moments(n, t) order by n`);
  const cells = [
    [1, "2026-01-01 00:00:00+00:00", "2026-01-01 00:00:00"],
    [2, "2026-07-01 12:34:56.789+00:00", "2026-07-01 12:34:56.789"],
    [3, "2026-11-01 05:30:00+00:00", "2026-11-01 05:30:00"],
    [4, "2026-11-01 06:30:00+00:00", "2026-11-01 06:30:00"],
    [5, "1850-06-01 00:00:00+00:00", "1850-06-01 00:00:00"],
    [6, "9999-12-31 23:59:59+00:00", "9999-12-31 23:59:59"],
    [7, "infinity", "infinity"],
    [8, null, null],
  ];
  const file = cells.map((row) => row.join(",") + "\r\n").join("");
  for (
    const timezone of [
      ...["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"],
      ...["Australia/Lord_Howe", "America/St_Johns", "Asia/Seoul"],
    ]
  ) {
    assert.deepEqual(await read(timezone, moments), cells, timezone);
    const config = postgres.config.parse({ url, timezone });
    const stream = await postgresDriver.open(config, moments, { text: true });
    assert(stream.text, "the rows did not come as text");
    const table = await toTable(stream, { title: "T", columns: {} });
    const bytes = csv.encode(table, { header: false }, new Warnings());
    assert.equal(await new Response(bytes).text(), file, timezone);
  }
});

postgresTest("a datetime param is the same moment in every zone", async () => {
  const after = ask(
    `select n from (values (1, timestamptz '2026-01-01 05:00:00+00'), (2, '2026-01-01 05:00:01+00'))
       as moments(n, t) where t > :since and (:until is null or t < :until)`,
    { since: "2026-01-01 05:00:00", until: "2026-01-01 05:00:02" },
    { since: "datetime", until: "datetime" },
  );
  for (const timezone of ["UTC", "America/New_York", "Asia/Kolkata"]) {
    assert.deepEqual(await read(timezone, after), [[2]], timezone);
  }
});

postgresTest("a zone that the server does not know is an error that names it", async () => {
  // One that this program knows, and the server's older tables do not.
  const config = postgres.config.parse({ url: (await sharedServer()).url() });
  await assert.rejects(
    postgresDriver.open({ ...config, timezone: "Mars/Olympus" }, ask("select 1")),
    /^SourceError: Cannot open source: invalid value for parameter "TimeZone": "Mars\/Olympus"$/,
  );
});

Deno.test("a zone is named as the tz database has it", () => {
  const url = "postgres://reader@127.0.0.1";
  for (
    const timezone of ["America/New_York", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5"]
  ) {
    assert.equal(postgres.config.parse({ url, timezone }).timezone, timezone);
  }
  for (const timezone of ["Mars/Olympus", "+05:00", "-05", "", "EST5'; drop", "SYSTEM", 5]) {
    const { error } = postgres.config.safeParse({ url, timezone });
    assert.equal(error?.issues[0]?.message, "a time zone such as America/New_York", `${timezone}`);
  }
});
