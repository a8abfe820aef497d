/** When the runs of schedules begin, with a ledger and a clock of their own. */

import assert from "node:assert/strict";
import type { Ledger } from "../../../runs/ledger/ledger.ts";
import { createMemoryLedger } from "../../../runs/ledger/memory.ts";
import {
  createScheduler,
  type Schedule,
  type SchedulerOptions,
} from "../../../runs/schedules/scheduler.ts";
import { parseCron } from "../../../table/cron.ts";
import { FakeClock } from "../../storage/spool/fake_spool.ts";

const HOUR = 3_600_000;

/** When a {@linkcode FakeClock} begins. */
const ZERO = 1_000;

function schedule(name: string, cron: string, zone = "UTC"): Schedule {
  return { name, pattern: `${cron} ${zone}`, slots: parseCron(cron, zone)! };
}

/** A scheduler that begins at a time, and what it has run. */
function start(ledger: Ledger, begin: string, options: Partial<SchedulerOptions> = {}) {
  const clock = new FakeClock();
  const ran: string[] = [];
  const errors: string[] = [];
  const now = () => new Date(Date.parse(begin) + clock.now() - ZERO);
  const scheduler = createScheduler({
    ledger,
    run(name, slot) {
      ran.push(`${name} ${slot.toISOString().slice(0, 16)} at ${now().toISOString().slice(0, 16)}`);
      return Promise.resolve();
    },
    onError: (error, name) => errors.push(`${name}: ${error}`),
    now,
    clock,
    ...options,
  });
  return { scheduler, clock, ran, errors, now };
}

Deno.test("each slot runs at its time, and a schedule that is new runs none of before", async () => {
  await using ledger = createMemoryLedger("one");
  const { scheduler, clock, ran } = start(ledger, "2026-01-01T05:30:00Z");
  await using _ = scheduler;
  scheduler.configure([schedule("a", "0 6 * * *"), schedule("b", "0 */12 * * *", "Europe/Berlin")]);
  await clock.pass(49 * HOUR);
  assert.deepEqual(ran, [
    "a 2026-01-01T06:00 at 2026-01-01T06:00",
    "b 2026-01-01T11:00 at 2026-01-01T11:00",
    "b 2026-01-01T23:00 at 2026-01-01T23:00",
    "a 2026-01-02T06:00 at 2026-01-02T06:00",
    "b 2026-01-02T11:00 at 2026-01-02T11:00",
    "b 2026-01-02T23:00 at 2026-01-02T23:00",
    "a 2026-01-03T06:00 at 2026-01-03T06:00",
  ]);
});

Deno.test("of slots that were missed the last one runs, once, after the start", async () => {
  await using ledger = createMemoryLedger("one");
  const at = async (begin: string, hours: number) => {
    const { scheduler, clock, ran } = start(ledger, begin);
    scheduler.configure([schedule("a", "0 6 * * *")]);
    await clock.pass(hours * HOUR);
    await scheduler[Symbol.asyncDispose]();
    return ran;
  };
  assert.deepEqual(await at("2026-01-01T10:00:00Z", 1), []);
  assert.deepEqual(await at("2026-01-04T12:00:00Z", 1), ["a 2026-01-04T06:00 at 2026-01-04T12:00"]);
  assert.deepEqual(await at("2026-01-04T13:00:00Z", 18), [
    "a 2026-01-05T06:00 at 2026-01-05T06:00",
  ]);
});

Deno.test("another pattern begins anew, and a schedule that is taken out runs no more", async () => {
  await using ledger = createMemoryLedger("one");
  const { scheduler, clock, ran } = start(ledger, "2026-01-05T05:00:00Z");
  await using _ = scheduler;
  scheduler.configure([schedule("a", "0 6 * * 1"), schedule("b", "0 6 * * *")]);
  await clock.pass(27 * HOUR);
  // At 08:00 on Tuesday: the slot of 06:00 was none of its.
  scheduler.configure([schedule("a", "0 6 * * *")]);
  await clock.pass(23 * HOUR);
  assert.deepEqual(ran, [
    "a 2026-01-05T06:00 at 2026-01-05T06:00",
    "b 2026-01-05T06:00 at 2026-01-05T06:00",
    "b 2026-01-06T06:00 at 2026-01-06T06:00",
    "a 2026-01-07T06:00 at 2026-01-07T06:00",
  ]);
});

Deno.test("what fails is tried again until its next slot, and holds up no other schedule", async () => {
  await using ledger = createMemoryLedger("one");
  const asked: string[] = [];
  let failures = 2;
  const { scheduler, clock, errors, now } = start(ledger, "2026-01-01T05:59:00Z", {
    run(name) {
      asked.push(`${name} ${now().toISOString().slice(11, 19)}`);
      if (name === "a" && failures-- > 0) return Promise.reject(new Error("full"));
      return Promise.resolve();
    },
  });
  await using _ = scheduler;
  scheduler.configure([schedule("a", "0 6 * * *"), schedule("b", "0 6 * * *")]);
  await clock.pass(HOUR);
  assert.deepEqual(asked, ["a 06:00:00", "b 06:00:00", "a 06:00:15", "a 06:00:30"]);
  assert.deepEqual(errors, ["a: Error: full", "a: Error: full"]);
});

Deno.test("a slot whose run began when the server ended is asked for again, as the same one", async () => {
  await using memory = createMemoryLedger("one");
  const ledger: Ledger = { ...memory, taken: () => Promise.reject(new Error("gone")) };
  const first = start(ledger, "2026-01-01T05:59:00Z");
  first.scheduler.configure([schedule("a", "0 6 * * *")]);
  await first.clock.pass(70_000);
  await first.scheduler[Symbol.asyncDispose]();
  const second = start(memory, "2026-01-01T06:30:00Z");
  second.scheduler.configure([schedule("a", "0 6 * * *")]);
  await second.clock.pass(HOUR);
  await second.scheduler[Symbol.asyncDispose]();
  assert.deepEqual([...first.ran, ...second.ran], [
    "a 2026-01-01T06:00 at 2026-01-01T06:00",
    "a 2026-01-01T06:00 at 2026-01-01T06:30",
  ]);
});

Deno.test("a clock that is set forward is noticed within a minute", async () => {
  await using ledger = createMemoryLedger("one");
  const clock = new FakeClock();
  let ahead = 0;
  const now = () => new Date(Date.parse("2026-01-01T00:00:00Z") + clock.now() - ZERO + ahead);
  const { scheduler, ran } = start(ledger, "2026-01-01T00:00:00Z", {
    clock,
    now,
    run(name) {
      ran.push(name);
      return Promise.resolve();
    },
  });
  await using _ = scheduler;
  scheduler.configure([schedule("a", "0 6 * * *")]);
  await clock.pass(10 * 60_000);
  ahead = 7 * HOUR;
  await clock.pass(60_000);
  assert.deepEqual(ran, ["a"]);
});
