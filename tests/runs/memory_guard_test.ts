import assert from "node:assert/strict";
import { Admission, AdmissionError } from "../../runs/admission.ts";
import { createMemoryGuard } from "../../runs/memory_guard.ts";
import { createMemoryReading, type SystemMemory } from "../../runs/memory_reading.ts";
import { FakeClock } from "../storage/spool/fake_spool.ts";

const MIB = 1024 * 1024;

/** A guard of 1000 MiB, of which a test says how many are taken. */
function setup() {
  const clock = new FakeClock();
  const changes: boolean[] = [];
  const memory = { used: 100, readings: 0 };
  const guard = createMemoryGuard(
    () => {
      memory.readings++;
      return { used: memory.used * MIB, limit: 1000 * MIB };
    },
    (short) => void changes.push(short),
    clock,
  );
  return {
    guard,
    clock,
    changes,
    memory,
    /** Says what is taken from now on, and lets time go by until it is known. */
    async take(used: number) {
      memory.used = used;
      await clock.pass(5_000);
    },
  };
}

Deno.test("no run begins from 85 % of the memory on, until less than 75 % are taken", async () => {
  const { guard, take, changes } = setup();
  const seen: boolean[] = [];
  for (const used of [849, 850, 849, 750, 749, 849, 900]) {
    await take(used);
    seen.push(guard.short);
  }
  assert.deepEqual(seen, [false, true, true, true, false, false, true]);
  assert.deepEqual(changes, [true, false, true]);
});

Deno.test("runs that have just begun count before a reading shows them", async () => {
  const { guard, take } = setup();
  await take(810);
  let begun = 0;
  for (; !guard.short; begun++) guard.begin();
  assert.equal(begun, 5, "8 MiB each");
  await take(740);
  assert.equal(guard.short, false);
});

Deno.test("runs that have ended count no more, however many there were in a moment", async () => {
  const { guard, take } = setup();
  await take(810);
  const admission = new Admission(2, undefined, guard);
  for (let run = 0; run < 1000; run++) admission.acquire().release();
  assert.equal(guard.short, false);
});

Deno.test("a burst of requests costs one reading", () => {
  const { guard, memory } = setup();
  for (let request = 0; request < 100; request++) assert.equal(guard.short, false);
  assert.equal(memory.readings, 1);
});

Deno.test("admission refuses for memory and counts it, and lets in again", async () => {
  const { guard, take } = setup();
  const admission = new Admission(2, undefined, guard);
  await take(900);
  assert.throws(
    () => admission.acquire(),
    (error) => error instanceof AdmissionError && error.reason === "memory",
  );
  assert.deepEqual(admission.refused, { full: 0, draining: 0, memory: 1 });
  assert.equal(admission.taken, 0);
  await take(100);
  admission.acquire();
  admission.acquire();
  assert.throws(
    () => admission.acquire(),
    (error) => error instanceof AdmissionError && error.reason === "full",
  );
  assert.deepEqual(admission.refused, { full: 1, draining: 0, memory: 1 });
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
