/** What is shed as something gets short, and until when. */

import assert from "node:assert/strict";
import { createDescriptorGuard } from "../../runs/descriptor_guard.ts";
import { createPressure, type Resource, type Step } from "../../runs/pressure.ts";
import { FakeClock } from "../storage/spool/fake_spool.ts";

function setup() {
  const used: { memory: number | undefined; descriptors: number | undefined; disk: boolean } = {
    memory: 0,
    descriptors: 0,
    disk: false,
  };
  const changes: (readonly [Resource, Step])[] = [];
  const pressure = createPressure({
    memory: () => used.memory,
    descriptors: () => used.descriptors,
    disk: () => used.disk,
  }, (resource, step) => changes.push([resource, step]));
  return { used, changes, pressure };
}

Deno.test("a resource goes up step by step, and each step ends below where it began", () => {
  const { used, changes, pressure } = setup();
  const steps = [0.74, 0.75, 0.79, 0.80, 0.84, 0.85, 0.75, 0.74, 0.70, 0.69, 0.65, 0.64].map(
    (part) => {
      used.memory = part;
      return pressure.steps.memory;
    },
  );
  assert.deepEqual(steps, [0, 1, 1, 2, 2, 3, 3, 2, 2, 1, 1, 0]);
  assert.deepEqual(changes.map(([, step]) => step), [1, 2, 3, 2, 1, 0]);
});

Deno.test("steps are skipped where a resource is short all at once, and again when it is not", () => {
  const { used, changes, pressure } = setup();
  for (const part of [0.99, 0.1]) {
    used.descriptors = part;
    assert.equal(pressure.steps.descriptors, part === 0.99 ? 3 : 0);
  }
  assert.deepEqual(changes, [["descriptors", 3], ["descriptors", 0]]);
});

Deno.test("the highest step counts; a disk without room is the first one and no other", () => {
  const { used, pressure } = setup();
  assert.deepEqual(pressure.highest, { step: 0, resource: "memory" });
  used.disk = true;
  assert.deepEqual(pressure.highest, { step: 1, resource: "disk" });
  used.descriptors = 0.8;
  assert.deepEqual(pressure.highest, { step: 2, resource: "descriptors" });
  used.memory = 0.9;
  assert.deepEqual(pressure.highest, { step: 3, resource: "memory" });
  assert.deepEqual(pressure.steps, { memory: 3, descriptors: 2, disk: 1 });
});

Deno.test("what is not known is not short", () => {
  const { used, pressure } = setup();
  used.memory = used.descriptors = undefined;
  assert.deepEqual(pressure.steps, { memory: 0, descriptors: 0, disk: 0 });
});

Deno.test("descriptors are counted twice a second at most, and are those of 128 that are not free", async () => {
  const clock = new FakeClock();
  let free: number | undefined = 128;
  let counts = 0;
  const used = createDescriptorGuard(() => {
    counts++;
    return free;
  }, clock);
  assert.deepEqual([used(), used()], [0, 0]);
  assert.equal(counts, 1);
  free = 32;
  await clock.pass(500);
  assert.equal(used(), 0.75);
  free = undefined;
  await clock.pass(500);
  assert.equal(used(), undefined);
});
