/** When schedules run, on the clocks of zones that are moved twice a year. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseCron } from "../../table/cron.ts";

/** The slots after a moment, as they follow each other; each is also found again from behind. */
function slots(cron: string, zone: string, after: string, count: number): string[] {
  const found = parseCron(cron, zone)!;
  const all: string[] = [];
  let at = new Date(after);
  while (all.length < count) {
    at = found.next(at)!;
    all.push(at.toISOString().replace(":00.000Z", "Z"));
    strictEqual(found.last(at)!.getTime(), at.getTime(), "a slot is the last one at its time");
    strictEqual(found.last(new Date(at.getTime() + 1))!.getTime(), at.getTime());
  }
  return all;
}

Deno.test("a time that is skipped comes at the end of the gap, once", () => {
  // 2026-03-29 01:00Z: 02:00 in Berlin is 03:00.
  deepStrictEqual(slots("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 4), [
    "2026-03-28T01:30Z",
    "2026-03-29T01:00Z",
    "2026-03-30T00:30Z",
    "2026-03-31T00:30Z",
  ]);
  // 2026-03-08 07:00Z: 02:00 in New York is 03:00.
  deepStrictEqual(slots("30 2 * * *", "America/New_York", "2026-03-06T12:00:00Z", 3), [
    "2026-03-07T07:30Z",
    "2026-03-08T07:00Z",
    "2026-03-09T06:30Z",
  ]);
});

Deno.test("a time that is there twice comes at the first of the two, once", () => {
  // 2026-10-25 01:00Z: 03:00 in Berlin is 02:00.
  deepStrictEqual(slots("30 2 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z", 3), [
    "2026-10-24T00:30Z",
    "2026-10-25T00:30Z",
    "2026-10-26T01:30Z",
  ]);
  // 2026-11-01 06:00Z: 02:00 in New York is 01:00.
  deepStrictEqual(slots("30 1 * * *", "America/New_York", "2026-10-30T12:00:00Z", 3), [
    "2026-10-31T05:30Z",
    "2026-11-01T05:30Z",
    "2026-11-02T06:30Z",
  ]);
  // Of a list of hours each comes once as well.
  deepStrictEqual(slots("0 2,14 * * *", "Europe/Berlin", "2026-10-24T12:30:00Z", 3), [
    "2026-10-25T00:00Z",
    "2026-10-25T13:00Z",
    "2026-10-26T01:00Z",
  ]);
});

Deno.test("times before and after a change are those of the clock on the wall", () => {
  deepStrictEqual(slots("0 6 * * 1", "Europe/Berlin", "2026-03-20T00:00:00Z", 2), [
    "2026-03-23T05:00Z",
    "2026-03-30T04:00Z",
  ]);
  deepStrictEqual(slots("0 6 * * 1", "America/New_York", "2026-10-24T00:00:00Z", 2), [
    "2026-10-26T10:00Z",
    "2026-11-02T11:00Z",
  ]);
  deepStrictEqual(slots("0 0 1 * *", "Asia/Seoul", "2026-01-15T00:00:00Z", 2), [
    "2026-01-31T15:00Z",
    "2026-02-28T15:00Z",
  ]);
});

Deno.test("what comes every hour goes on through the change, an hour apart", () => {
  const hours = (zone: string, after: string) => slots("30 * * * *", zone, after, 4);
  deepStrictEqual(hours("Europe/Berlin", "2026-03-28T23:00:00Z"), [
    "2026-03-28T23:30Z",
    "2026-03-29T00:30Z",
    "2026-03-29T01:30Z",
    "2026-03-29T02:30Z",
  ]);
  deepStrictEqual(hours("Europe/Berlin", "2026-10-24T23:00:00Z"), [
    "2026-10-24T23:30Z",
    "2026-10-25T00:30Z",
    "2026-10-25T01:30Z",
    "2026-10-25T02:30Z",
  ]);
  deepStrictEqual(hours("America/New_York", "2026-03-08T05:00:00Z"), [
    "2026-03-08T05:30Z",
    "2026-03-08T06:30Z",
    "2026-03-08T07:30Z",
    "2026-03-08T08:30Z",
  ]);
  deepStrictEqual(hours("America/New_York", "2026-11-01T04:00:00Z"), [
    "2026-11-01T04:30Z",
    "2026-11-01T05:30Z",
    "2026-11-01T06:30Z",
    "2026-11-01T07:30Z",
  ]);
});

Deno.test("other texts are no expressions, and a day that never comes is none", () => {
  const wrong = [
    "",
    "6",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* * * * 8",
    "0 0 31 2 *",
    "soon",
  ];
  for (const text of [...wrong, "@reboot"]) strictEqual(parseCron(text, "UTC"), undefined, text);
  for (const text of ["@daily", "*/5 * * * *", "0 6 * * MON-FRI", "0 0 29 2 *"]) {
    strictEqual(typeof parseCron(text, "UTC")?.next(new Date(0))?.getTime(), "number", text);
  }
});
