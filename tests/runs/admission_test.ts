/** Admission: who has a slot, who waits, who is refused and why, and memory in exchange for slots. */

import assert from "node:assert/strict";
import { Admission, type Slot, type SlotRequest } from "../../runs/admission.ts";
import { AdmissionError } from "../../runs/admission_error.ts";
import type { Pressure } from "../../runs/pressure.ts";
import { FakeClock, settle } from "../storage/spool/fake_spool.ts";

async function refused(acquired: Promise<Slot>): Promise<string> {
  try {
    await acquired;
  } catch (error) {
    assert.ok(error instanceof AdmissionError);
    return `${error.reason}: ${error.message}`;
  }
  return "not refused";
}

const NONE_REFUSED = {
  tenant: 0,
  address: 0,
  full: 0,
  timeout: 0,
  draining: 0,
  memory: 0,
  descriptors: 0,
  disk: 0,
};

Deno.test("slots are given until there are none, and again when one comes back", async () => {
  const admission = new Admission(2);
  assert.equal(admission.state, "ready");
  const one = await admission.acquire();
  await admission.acquire();
  assert.deepEqual([admission.taken, admission.state, admission.contended], [2, "full", true]);
  assert.equal(await refused(admission.acquire()), "full: Every slot is taken");
  one.release();
  one.release();
  assert.deepEqual([admission.taken, admission.state, admission.contended], [1, "ready", false]);
  await admission.acquire();
  assert.deepEqual(admission.refused, { ...NONE_REFUSED, full: 1 });
});

Deno.test("a run begins while a unit is free, however much it weighs", async () => {
  const admission = new Admission(3);
  const heavy = await admission.acquire({ weight: 1.5 });
  await admission.acquire({ weight: 1.5 });
  assert.deepEqual([admission.taken, admission.units, admission.contended], [2, 3, true]);
  heavy.release();
  assert.deepEqual([admission.units, admission.contended], [1.5, false]);
  await admission.acquire({ weight: 16 });
  assert.deepEqual([admission.taken, admission.units], [2, 17.5]);
  assert.equal(await refused(admission.acquire()), "full: Every slot is taken");
});

Deno.test("a run that begins is counted for the memory until it ends", async () => {
  let begun = 0;
  const admission = new Admission(1, { memory: { begin: () => (begun++, () => begun--) } });
  const slot = await admission.acquire();
  assert.equal(await refused(admission.acquire()), "full: Every slot is taken");
  assert.equal(begun, 1);
  slot.release();
  assert.equal(begun, 0);
});

Deno.test("a server that drains admits no run, and is drained when the last slot comes back", async () => {
  const admission = new Admission(3);
  const slots = [await admission.acquire(), await admission.acquire()];
  let drained = false;
  const draining = admission.drain().then(() => drained = true);
  assert.equal(admission.state, "draining");
  assert.equal(await refused(admission.acquire()), "draining: The server is stopping");
  slots[0]!.release();
  await settle();
  assert.equal(drained, false);
  slots[1]!.release();
  await draining;
  await new Admission(1).drain();
});

Deno.test("listeners are called each time that the last slot is taken, until they take that back", async () => {
  const admission = new Admission(2);
  let calls = 0;
  const stop = admission.onContended(() => calls++);
  await admission.acquire();
  assert.equal(calls, 0);
  const last = await admission.acquire();
  assert.equal(calls, 1);
  last.release();
  (await admission.acquire()).release();
  assert.equal(calls, 2);
  stop();
  await admission.acquire();
  assert.equal(calls, 2);
});

/** A server with one unit, which is taken, and a queue; what became of each that asked, by name. */
async function crowded(
  options: { readonly queue: number; readonly pressure?: Pressure["highest"] },
) {
  const clock = new FakeClock();
  const pressure = { highest: options.pressure ?? { step: 0, resource: "memory" } };
  const admission = new Admission(1, {
    queue: options.queue,
    queueTimeout: 5_000,
    clock,
    pressure: pressure as Pressure,
  });
  let last = await admission.acquire({ share: "first" });
  const outcomes: string[] = [];
  return {
    admission,
    clock,
    pressure,
    outcomes,
    async ask(name: string, request: SlotRequest = {}) {
      admission.acquire({ share: name[0]!, ...request }).then((slot) => {
        last = slot;
        outcomes.push(`${name} has a slot after ${slot.waited} ms`);
      }, (error) => outcomes.push(`${name}: ${error.reason ?? error.message}`));
      await settle();
    },
    /** Ends the run that has the slot. */
    async end() {
      last.release();
      await settle();
    },
  };
}

Deno.test("a run waits for a slot, and the time that it did is counted", async () => {
  const { admission, clock, outcomes, ask, end } = await crowded({ queue: 2 });
  assert.equal(admission.state, "ready", "another one could wait");
  await ask("a1");
  await ask("a2");
  assert.deepEqual([admission.taken, admission.waiting, admission.state], [1, 2, "full"]);
  await clock.pass(1_000);
  await end();
  await clock.pass(500);
  await end();
  assert.deepEqual(outcomes, ["a1 has a slot after 1000 ms", "a2 has a slot after 1500 ms"]);
  assert.deepEqual(admission.waited, { runs: 2, milliseconds: 2_500 });
  assert.deepEqual([admission.taken, admission.waiting, clock.timers], [1, 0, 0]);
});

Deno.test("two tenants get slots in turns, however many runs of one wait before the other's", async () => {
  const { outcomes, ask, end } = await crowded({ queue: 10 });
  for (const name of ["a1", "a2", "a3", "b1", "b2"]) await ask(name);
  for (let ends = 0; ends < 5; ends++) await end();
  assert.deepEqual(
    outcomes.map((outcome) => outcome.slice(0, 2)),
    ["a1", "b1", "a2", "b2", "a3"],
  );
});

Deno.test("a run that waited for too long is refused, and the next one waits on", async () => {
  const { admission, clock, outcomes, ask, end } = await crowded({ queue: 2 });
  await ask("a1");
  await clock.pass(1);
  await ask("a2");
  await clock.pass(4_998);
  assert.deepEqual(outcomes, []);
  await clock.pass(1);
  assert.deepEqual(outcomes, ["a1: timeout"]);
  assert.equal(admission.waiting, 1);
  await end();
  assert.deepEqual(outcomes, ["a1: timeout", "a2 has a slot after 4999 ms"]);
  assert.deepEqual(admission.refused, { ...NONE_REFUSED, timeout: 1 });
});

Deno.test("a run that would wait for too long is refused at once, but for the first of its tenant", async () => {
  const { admission, clock, outcomes, ask, end } = await crowded({ queue: 10 });
  await ask("a1");
  await clock.pass(1_000);
  await end();
  await clock.pass(1_000);
  await ask("a2");
  await ask("a3");
  assert.equal(admission.waiting, 2, "1.8 s are expected");
  await clock.pass(500);
  // One slot was freed in 2.5 s: 3.4 s are expected for a run that would be the third, of 5 s at most.
  await ask("a4");
  await ask("b1");
  await ask("b2");
  assert.deepEqual(outcomes.slice(1), ["a4: full", "b2: full"]);
  assert.equal(admission.waiting, 3);
});

Deno.test("a caller that leaves the queue is gone at once, and refused by none", async () => {
  const { admission, clock, outcomes, ask, end } = await crowded({ queue: 1 });
  const caller = new AbortController();
  await ask("a1", { signal: caller.signal, tenant: "a" });
  caller.abort(new Error("left"));
  assert.equal(admission.waiting, 0);
  await ask("b1");
  await end();
  assert.deepEqual(outcomes, ["a1: left", "b1 has a slot after 0 ms"]);
  await ask("c1", { signal: caller.signal });
  assert.deepEqual(outcomes.slice(2), ["c1: left"]);
  assert.deepEqual([admission.refused, clock.timers], [NONE_REFUSED, 0]);
});

Deno.test("a full queue refuses the newest of the tenant that has the most waiting", async () => {
  const { admission, outcomes, ask } = await crowded({ queue: 3 });
  for (const name of ["a1", "a2", "a3", "a4", "b1"]) await ask(name);
  assert.deepEqual(outcomes, ["a4: full", "a3: full"]);
  assert.equal(admission.waiting, 3);
});

Deno.test("a server that drains refuses what waits, and what runs goes on", async () => {
  const { admission, clock, outcomes, ask, end } = await crowded({ queue: 3 });
  await ask("a1");
  await ask("b1");
  const draining = admission.drain();
  await settle();
  assert.deepEqual(outcomes, ["a1: draining", "b1: draining"]);
  assert.deepEqual([admission.taken, admission.waiting, clock.timers], [1, 0, 0]);
  await end();
  await draining;
});

Deno.test("a tenant has so many units, those that wait included, and an address has", async () => {
  const admission = new Admission(2, { perTenant: 2, perAddress: 3, queue: 10 });
  const outcomes: string[] = [];
  const ask = (tenant: string, address: string, weight = 1) => {
    const acquired = admission.acquire({ share: tenant, tenant, address, weight });
    acquired.catch(({ reason }) => outcomes.push(`${tenant} at ${address}: ${reason}`));
    return acquired;
  };
  const first = await ask("a", "1", 1.5);
  await ask("a", "1");
  void ask("a", "2"); // a has 2.5
  void ask("b", "1"); // waits, so that address 1 has 3.5
  void ask("c", "1");
  await settle();
  assert.deepEqual(outcomes, ["a at 2: tenant", "c at 1: address"]);
  first.release();
  await settle();
  void ask("a", "2");
  void ask("c", "1");
  await settle();
  assert.equal(outcomes.length, 2, "a has one unit, address 1 has two");
  assert.deepEqual([admission.taken, admission.waiting], [2, 2]);
  assert.deepEqual(admission.refused, { ...NONE_REFUSED, tenant: 1, address: 1 });
});

Deno.test("at the first step no run waits, at the second no heavy one begins, at the third none does", async () => {
  const outcomes = async (step: number) => {
    const pressure = { highest: { step, resource: "descriptors" } } as Pressure;
    const admission = new Admission(1, { queue: 5, pressure });
    const all = [
      refused(admission.acquire({ weight: 1.5 })),
      refused(admission.acquire()),
    ];
    // Those that wait do so for good.
    return (await Promise.all(all.map((one) => Promise.race([one, settle().then(() => "waits")]))))
      .map((outcome) => outcome.split(":")[0]);
  };
  assert.deepEqual(await outcomes(0), ["not refused", "waits"]);
  assert.deepEqual(await outcomes(1), ["not refused", "descriptors"]);
  assert.deepEqual(await outcomes(2), ["descriptors", "not refused"]);
  assert.deepEqual(await outcomes(3), ["descriptors", "descriptors"]);
});

Deno.test("what waits when something gets short is refused once it would begin", async () => {
  const { admission, pressure, outcomes, ask, end } = await crowded({ queue: 5 });
  await ask("a1", { weight: 1.5 });
  await ask("b1");
  pressure.highest = { step: 2, resource: "memory" };
  await end();
  assert.deepEqual(outcomes, ["a1: memory", "b1 has a slot after 0 ms"]);
  assert.deepEqual(admission.refused, { ...NONE_REFUSED, memory: 1 });
});

Deno.test("a slot is exchanged for memory at once where there is some", async () => {
  const admission = new Admission(1, { endedBytes: 100 });
  const slot = await admission.acquire();
  assert.equal(slot.exchange(100), true);
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 100]);
  await admission.acquire();
  slot.release();
  slot.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [1, 0]);
});

Deno.test("without memory a run keeps its slot until others give theirs back, those that fit first", async () => {
  const admission = new Admission(4, { endedBytes: 100 });
  const [first, large, small, last] = await Promise.all(
    Array.from({ length: 4 }, () => admission.acquire()),
  );
  assert.equal(first!.exchange(90), true);
  assert.equal(large!.exchange(95), false);
  assert.equal(small!.exchange(10), true, "it fits beside the first");
  assert.equal(last!.exchange(20), false);
  assert.deepEqual([admission.taken, admission.endedBytes], [2, 100]);
  first!.release();
  assert.deepEqual(
    [admission.taken, admission.endedBytes],
    [1, 30],
    "large does not fit, last does",
  );
  small!.release();
  last!.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 95]);
  large!.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 0]);
});

Deno.test("a run that waits for memory and ends gives its slot back, and is given none", async () => {
  const admission = new Admission(2, { endedBytes: 10 });
  const [first, second] = [await admission.acquire(), await admission.acquire()];
  first.exchange(10);
  assert.equal(second.exchange(10), false);
  second.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 10]);
  first.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 0]);
});
