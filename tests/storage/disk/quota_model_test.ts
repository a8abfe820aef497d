/** Whatever is asked of a quota, in whatever order the disk answers, it stays within its bounds. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { createQuota, type RefusalReason, type Reservation } from "../../../storage/disk/quota.ts";

const MAX_BYTES = 1_000;
const TENANT_SHARE = 0.5;
const MIN_FREE_BYTES = 400;
const MARGIN_BYTES = 50; // an eighth
const DISK_BYTES = 1_200;

/** What is known of a reservation besides what it says itself. */
interface Held {
  readonly reservation: Reservation;
  readonly tenant: string | undefined;
  written: number;
}

/** A disk, a quota on it, and what both must hold. */
class Model {
  time = 0;
  /** Bytes that others have written. */
  others = 0;
  readonly held: Held[] = [];
  readonly quota = createQuota({
    maxBytes: MAX_BYTES,
    minFreeBytes: MIN_FREE_BYTES,
    tenantShare: TENANT_SHARE,
    room: () => Promise.resolve(this.room()),
    now: () => this.time,
  });

  get written(): number {
    return this.held.reduce((sum, { written }) => sum + written, 0);
  }

  get free(): number {
    return DISK_BYTES - this.others - this.written;
  }

  room() {
    return { type: 0, totalBytes: DISK_BYTES, freeBytes: this.free, totalFiles: 0, freeFiles: 0 };
  }

  reserved(of: (held: Held) => boolean = () => true): number {
    return this.held.filter(of).reduce((sum, { reservation }) => sum + reservation.bytes, 0);
  }

  /** Free bytes once everything reserved is written. */
  get level(): number {
    return this.free + this.written - this.reserved();
  }

  /** What is always so. */
  check(): void {
    assert.equal(this.quota.reservedBytes, this.reserved());
    assert.ok(this.quota.reservedBytes <= MAX_BYTES);
    for (const { reservation } of this.held) assert.ok(reservation.bytes >= 0);
    for (const name of ["a", "b"]) {
      assert.ok(this.reserved(({ tenant }) => tenant === name) <= MAX_BYTES * TENANT_SHARE);
    }
    assert.equal(this.quota.space.writtenBytes, this.written);
  }

  /** Whether an answer is right, given what there was before. */
  judge(bytes: number, tenant: string | undefined, answer: RefusalReason | undefined): void {
    const total = this.reserved() + bytes > MAX_BYTES;
    const mine = tenant !== undefined &&
      this.reserved((held) => held.tenant === tenant) + bytes > MAX_BYTES * TENANT_SHARE;
    if (answer === undefined) assert.ok(!total && !mine && this.level - bytes >= MIN_FREE_BYTES);
    else if (answer === "quota") assert.ok(total);
    else if (answer === "tenant") assert.ok(mine);
    else if (answer === "disk") {
      // It does not fit, or the disk has not recovered from when something did not.
      const bound = Math.max(MIN_FREE_BYTES + bytes, MIN_FREE_BYTES + MARGIN_BYTES);
      assert.ok(this.level < bound, `${this.level} would have been enough for ${bytes}`);
    } else assert.fail(`nothing has failed, and yet: ${answer}`);
  }
}

/** One thing that may happen; `pick` chooses among the reservations. */
type Step =
  | { readonly kind: "reserve"; readonly bytes: number; readonly tenant: string | undefined }
  | { readonly kind: "grow" | "shrink" | "write" | "free"; pick: number; bytes: number }
  | { readonly kind: "release"; readonly pick: number }
  | { readonly kind: "others"; readonly bytes: number };

const bytes = fc.oneof(fc.nat(60), fc.nat(600));
const pick = fc.nat();
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("reserve" as const),
      bytes,
      tenant: fc.constantFrom(undefined, "a", "b"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("grow" as const, "shrink" as const, "write" as const, "free" as const),
      pick,
      bytes,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("release" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("others" as const), bytes }) },
);

async function run(model: Model, step: Step): Promise<void> {
  if (step.kind === "others") {
    model.others = Math.min(step.bytes, DISK_BYTES - model.written);
    model.time += 1_000; // what others do is seen at the next reading
    return;
  }
  if (step.kind === "reserve") {
    const answer = await model.quota.reserve(step.bytes, step.tenant);
    const refused = typeof answer === "string";
    model.judge(step.bytes, step.tenant, refused ? answer : undefined);
    if (!refused) model.held.push({ reservation: answer, tenant: step.tenant, written: 0 });
    return;
  }
  if (model.held.length === 0) return;
  const held = model.held[step.pick % model.held.length]!;
  const { reservation, tenant } = held;
  const free = (bytes: number) => {
    held.written -= bytes;
    model.quota.space.freed(bytes);
  };
  switch (step.kind) {
    case "grow": {
      const before = reservation.bytes;
      const answer = await reservation.grow(step.bytes);
      const after = reservation.bytes;
      if (answer === undefined) reservation.shrink(step.bytes); // to judge by what there was
      assert.equal(reservation.bytes, before);
      model.judge(step.bytes, tenant, answer);
      if (answer === undefined) assert.equal(await reservation.grow(step.bytes), undefined);
      assert.equal(reservation.bytes, after);
      return;
    }
    case "write": {
      const fits = Math.min(step.bytes, reservation.bytes - held.written, model.free);
      held.written += fits;
      model.quota.space.wrote(fits);
      return;
    }
    case "free":
      return free(Math.min(step.bytes, held.written));
    case "shrink":
      return reservation.shrink(Math.min(step.bytes, reservation.bytes - held.written));
    case "release":
      free(held.written);
      reservation.release();
      model.held.splice(model.held.indexOf(held), 1);
  }
}

/** Gives everything back, after which there must be room for as much as ever. */
async function end(model: Model): Promise<void> {
  for (const held of model.held.splice(0)) {
    model.quota.space.freed(held.written);
    held.reservation.release();
  }
  model.others = 0;
  model.time += 1_000;
  model.check();
  assert.equal(model.quota.reservedBytes, 0);
  const all = await model.quota.reserve(DISK_BYTES - MIN_FREE_BYTES);
  assert.ok(typeof all !== "string", `refused: ${all}`);
}

Deno.test("every answer is right, and every byte comes back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = new Model();
      for (const step of steps) {
        await run(model, step);
        model.check();
      }
      await end(model);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("as long as nobody else writes, min_free is left at every moment", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = new Model();
      for (const step of steps) {
        if (step.kind === "others") continue;
        await run(model, step);
        assert.ok(model.free >= MIN_FREE_BYTES, `${model.free} bytes are free`);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("calls that overlap stay within every bound, however the disk's answers interleave", async () => {
  const call = fc.record({
    bytes: fc.nat(300),
    tenant: fc.constantFrom(undefined, "a", "b"),
    more: fc.nat(300),
    less: fc.nat(),
    age: fc.constantFrom(0, 300),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(call, { minLength: 1, maxLength: 20 }),
      async (scheduler, calls) => {
        const model = new Model();
        const quota = createQuota({
          maxBytes: MAX_BYTES,
          minFreeBytes: MIN_FREE_BYTES,
          tenantShare: TENANT_SHARE,
          room: () => scheduler.schedule(Promise.resolve(model.room()), "room"),
          now: () => model.time,
        });
        const held = new Map<Reservation, string | undefined>();
        const check = () => {
          const sum = (of: (tenant: string | undefined) => boolean) =>
            [...held].reduce((sum, [{ bytes }, tenant]) => sum + (of(tenant) ? bytes : 0), 0);
          assert.ok(quota.reservedBytes >= sum(() => true)); // some are between taken and told
          assert.ok(quota.reservedBytes <= DISK_BYTES - MIN_FREE_BYTES);
          for (const name of ["a", "b"]) {
            assert.ok(sum((tenant) => tenant === name) <= MAX_BYTES * TENANT_SHARE);
          }
        };
        const work = calls.map(async ({ bytes, tenant, more, less, age }, index) => {
          const step = () => scheduler.schedule(Promise.resolve(), `call ${index}`);
          await step();
          model.time += age;
          const reservation = await quota.reserve(bytes, tenant);
          if (typeof reservation === "string") return;
          held.set(reservation, tenant);
          check();
          await step();
          const growing = reservation.grow(more);
          await step();
          reservation.shrink(less % (reservation.bytes + 1));
          check();
          if (less % 2 === 0) await growing;
          reservation.release();
          held.delete(reservation);
          check();
          await growing;
        });
        await scheduler.waitFor(Promise.all(work));
        assert.equal(quota.reservedBytes, 0);
      },
    ),
    { numRuns: 500 },
  );
});
