/** Which part of the memory is taken, and what admission makes of it. */

import assert from "node:assert/strict";
import { Admission } from "../../runs/admission.ts";
import { AdmissionError } from "../../runs/admission_error.ts";
import { createMemoryGuard } from "../../runs/memory_guard.ts";
import { createMemoryReading, type SystemMemory } from "../../runs/memory_reading.ts";
import { createPressure } from "../../runs/pressure.ts";
import { FakeClock } from "../storage/spool/fake_spool.ts";

const MIB = 1024 * 1024;

/** A guard of 1000 MiB, of which a test says how many are taken, and what is shed for it. */
function setup() {
  const clock = new FakeClock();
  const memory = { used: 100, readings: 0 };
  const guard = createMemoryGuard(() => {
    memory.readings++;
    return { used: memory.used * MIB, limit: 1000 * MIB };
  }, clock);
  const pressure = createPressure({
    memory: () => guard.used,
    descriptors: () => undefined,
    disk: () => false,
  });
  return {
    guard,
    pressure,
    memory,
    admission: new Admission(2, { memory: guard, pressure }),
    /** Says what is taken from now on, and lets time go by until it is known. */
    async take(used: number) {
      memory.used = used;
      await clock.pass(5_000);
    },
  };
}

Deno.test("no run begins from 85 % of the memory on, until less than 75 % are taken", async () => {
  const { pressure, take } = setup();
  const seen: boolean[] = [];
  for (const used of [849, 850, 849, 750, 749, 849, 900]) {
    await take(used);
    seen.push(pressure.steps.memory === 3);
  }
  assert.deepEqual(seen, [false, true, true, true, false, false, true]);
});

Deno.test("runs that have just begun count before a reading shows them", async () => {
  const { guard, pressure, take } = setup();
  await take(810);
  let begun = 0;
  for (; pressure.steps.memory < 3; begun++) guard.begin();
  assert.equal(begun, 5, "8 MiB each");
  await take(740);
  assert.equal(pressure.steps.memory, 2);
});

Deno.test("runs that have ended count no more, however many there were in a moment", async () => {
  const { admission, guard, take } = setup();
  await take(700);
  for (let run = 0; run < 1000; run++) (await admission.acquire()).release();
  assert.equal(guard.used, 0.7);
});

Deno.test("a burst of requests costs one reading", () => {
  const { guard, memory } = setup();
  for (let request = 0; request < 100; request++) assert.equal(guard.used, 0.1);
  assert.equal(memory.readings, 1);
});

Deno.test("admission refuses for memory and counts it, and lets in again", async () => {
  const { admission, take } = setup();
  const isRefused = (reason: string) => (error: unknown) =>
    error instanceof AdmissionError && error.reason === reason;
  await take(900);
  await assert.rejects(admission.acquire(), isRefused("memory"));
  assert.deepEqual([admission.refused.memory, admission.taken], [1, 0]);
  await take(100);
  await admission.acquire();
  await admission.acquire();
  await assert.rejects(admission.acquire(), isRefused("full"));
  assert.deepEqual([admission.refused.memory, admission.refused.full], [1, 1]);
});

/** A machine with 900 MiB left, whose files of cgroups may not be read. */
const MACHINE: SystemMemory = {
  readText: () => undefined,
  groupLimit: () => undefined,
  available: () => 900 * MIB,
  rss: () => 100 * MIB,
};

/** A machine whose files of cgroups may be read. */
const READABLE: SystemMemory = {
  ...MACHINE,
  readText: (path) =>
    ({
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": `${500 * MIB}`,
      "/sys/fs/cgroup/memory.current": `${300 * MIB}`,
    })[path],
};

Deno.test("what processes share is counted once", () => {
  const read = createMemoryReading(() => [70 * MIB, 90 * MIB, 0], undefined, MACHINE);
  assert.deepEqual(read(), { used: 180 * MIB, limit: 1080 * MIB });
});

Deno.test("the lowest limit counts: of the cgroup, of the machine, of the configuration", () => {
  const limits = (machine: SystemMemory, limit?: Parameters<typeof createMemoryReading>[1]) =>
    createMemoryReading(() => [], limit, machine)()?.limit;
  assert.equal(limits({ ...MACHINE, groupLimit: () => 512 * MIB }), 512 * MIB);
  assert.equal(limits({ ...MACHINE, groupLimit: () => 4096 * MIB }), 1000 * MIB);
  assert.equal(limits(READABLE), 500 * MIB);
  assert.equal(limits(READABLE, { bytes: 200 * MIB }), 200 * MIB);
  assert.equal(limits(READABLE, { bytes: 900 * MIB }), 500 * MIB);
  assert.equal(limits(READABLE, { percent: 50 }), 250 * MIB);
});

Deno.test("where nobody can tell the limit, nothing is known but what is configured", () => {
  const blind = { ...MACHINE, available: () => undefined };
  assert.equal(createMemoryReading(() => [], undefined, blind)(), undefined);
  assert.equal(createMemoryReading(() => [], { percent: 50 }, blind)(), undefined);
  assert.deepEqual(
    createMemoryReading(() => [], { bytes: 200 * MIB }, blind)(),
    { used: 100 * MIB, limit: 200 * MIB },
  );
});
