/** Reservations never exceed what may be reserved, what a tenant may hold, and what the disk has. */

import assert from "node:assert/strict";
import type { FileSystemRoom } from "../../../storage/disk/file_system.ts";
import {
  createQuota,
  type QuotaOptions,
  type Refusal,
  type Reservation,
} from "../../../storage/disk/quota.ts";

/** A disk and a clock that the test sets. */
class Disk {
  free = 1_000_000;
  files = { total: 0, free: 0 };
  readings = 0;
  time = 0;
  /** Awaited within each reading. */
  delay: () => Promise<void> = () => Promise.resolve();
  readonly refusals: Refusal[] = [];

  /** A quota on it. */
  quota(options: Partial<QuotaOptions> = {}) {
    return createQuota({
      maxBytes: 1_000,
      minFreeBytes: 0,
      room: async () => {
        this.readings++;
        const room: FileSystemRoom = {
          type: 0xef53,
          totalBytes: 1_000_000,
          freeBytes: this.free,
          totalFiles: this.files.total,
          freeFiles: this.files.free,
        };
        await this.delay();
        return room;
      },
      now: () => this.time,
      onRefused: (refusal) => this.refusals.push(refusal),
      ...options,
    });
  }
}

/** A reservation that must be had. */
async function reserve(
  quota: ReturnType<typeof createQuota>,
  bytes: number,
  tenant?: string,
): Promise<Reservation> {
  const reservation = await quota.reserve(bytes, tenant);
  assert.ok(typeof reservation !== "string", `refused: ${reservation}`);
  assert.equal(reservation.bytes, bytes);
  return reservation;
}

Deno.test("the sum of reservations reaches max_bytes and never exceeds it", async () => {
  const disk = new Disk();
  const quota = disk.quota();
  const first = await reserve(quota, 600);
  const second = await reserve(quota, 400);
  assert.equal(quota.reservedBytes, 1_000);
  assert.equal(await quota.reserve(1), "quota");
  assert.equal(await first.grow(1), "quota");
  first.release();
  first.release();
  assert.deepEqual([quota.reservedBytes, first.bytes], [400, 0]);
  assert.equal(await quota.reserve(601), "quota");
  assert.equal(await second.grow(600), undefined);
  assert.deepEqual([quota.reservedBytes, second.bytes], [1_000, 1_000]);
  second.release();
  assert.equal(quota.reservedBytes, 0);
  assert.deepEqual(quota.refused, { quota: 3, tenant: 0, disk: 0, failing: 0 });
  assert.deepEqual(disk.refusals, [
    { reason: "quota", bytes: 1 },
    { reason: "quota", bytes: 1 },
    { reason: "quota", bytes: 601 },
  ]);
});

Deno.test("bytes are given back one by one, and no more than were taken", async () => {
  const quota = new Disk().quota();
  const reservation = await reserve(quota, 100);
  reservation.shrink(30);
  reservation.shrink(0);
  assert.deepEqual([reservation.bytes, quota.reservedBytes], [70, 70]);
  for (const bytes of [71, -1, 0.5, NaN, Infinity]) {
    assert.throws(() => reservation.shrink(bytes), {
      name: "RangeError",
      message: `Cannot give ${bytes} bytes back of 70`,
    });
  }
  reservation.shrink(70);
  assert.equal(quota.reservedBytes, 0);
  assert.equal(await reservation.grow(5), undefined);
  assert.equal(reservation.bytes, 5);
});

Deno.test("a number that is none is a mistake of the caller, not a refusal", async () => {
  const quota = new Disk().quota();
  const reservation = await reserve(quota, 0);
  for (const bytes of [-1, 0.5, NaN, Infinity]) {
    const mistake = { name: "RangeError", message: `Cannot reserve ${bytes} bytes` };
    await assert.rejects(quota.reserve(bytes), mistake);
    await assert.rejects(reservation.grow(bytes), mistake);
  }
  assert.deepEqual(quota.refused, { quota: 0, tenant: 0, disk: 0, failing: 0 });
});

Deno.test("a released reservation takes nothing and gives nothing back", async () => {
  const quota = new Disk().quota();
  const reservation = await reserve(quota, 100);
  reservation.release();
  assert.equal(await reservation.grow(1), "quota");
  reservation.shrink(100);
  assert.deepEqual([reservation.bytes, quota.reservedBytes], [0, 0]);
  assert.equal(quota.refused.quota, 0);
});

Deno.test("one that is released while the disk is asked keeps nothing", async () => {
  const disk = new Disk();
  const quota = disk.quota();
  const reservation = await reserve(quota, 100);
  disk.time = 1_000;
  const asked = Promise.withResolvers<void>();
  disk.delay = () => asked.promise;
  const growing = reservation.grow(50);
  reservation.release();
  asked.resolve();
  assert.equal(await growing, "quota");
  assert.deepEqual([reservation.bytes, quota.reservedBytes], [0, 0]);
});

Deno.test("one that is released in the moment it has grown keeps nothing", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const quota = new Disk().quota();
    const reservation = await reserve(quota, 100);
    const growing = reservation.grow(50);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    reservation.release();
    await growing;
    assert.deepEqual([reservation.bytes, quota.reservedBytes], [0, 0], `after ${turns} turns`);
  }
});

Deno.test("a tenant holds its share at most, and nobody else's", async () => {
  const disk = new Disk();
  const quota = disk.quota({ tenantShare: 0.25 });
  const held = await reserve(quota, 200, "a");
  assert.equal(await held.grow(51), "tenant");
  assert.equal(await quota.reserve(51, "a"), "tenant");
  const rest = await reserve(quota, 50, "a");
  await reserve(quota, 250, "b");
  const unowned = await reserve(quota, 500);
  assert.equal(await quota.reserve(1, "c"), "quota");
  unowned.release();
  held.shrink(10);
  rest.release();
  assert.equal(await held.grow(61), "tenant");
  assert.equal(await held.grow(60), undefined);
  assert.deepEqual(disk.refusals, [
    { reason: "tenant", bytes: 51, tenant: "a" },
    { reason: "tenant", bytes: 51, tenant: "a" },
    { reason: "quota", bytes: 1, tenant: "c" },
    { reason: "tenant", bytes: 61, tenant: "a" },
  ]);
});

Deno.test("min_free is left, whatever is reserved and not written yet", async () => {
  const disk = new Disk();
  disk.free = 900;
  const quota = disk.quota({ minFreeBytes: 400 });
  const first = await reserve(quota, 500);
  assert.equal(await quota.reserve(1), "disk");

  // All of it written: the disk has 400 left, and none of the 500 is looked for twice.
  quota.space.wrote(500);
  disk.free = 400;
  disk.time = 1_000;
  assert.equal(await quota.reserve(1), "disk");

  // Read, freed and given back: there is room for 500 again.
  quota.space.freed(500);
  disk.free = 900;
  first.release();
  disk.time = 2_000;
  await reserve(quota, 500);
});

Deno.test("what we write and free ourselves is known without asking the disk", async () => {
  const disk = new Disk();
  disk.free = 900;
  const quota = disk.quota({ minFreeBytes: 400 });
  for (let run = 0; run < 100; run++) {
    const reservation = await reserve(quota, 500);
    quota.space.wrote(500);
    disk.free -= 500;
    assert.equal(await quota.reserve(1), "disk");
    quota.space.freed(500);
    disk.free += 500;
    reservation.release();
  }
  assert.equal(disk.readings, 1);
});

Deno.test("what others write is seen 250 ms later", async () => {
  const disk = new Disk();
  const quota = disk.quota({ minFreeBytes: 400 });
  await reserve(quota, 1);
  disk.free = 400;
  disk.time = 250;
  await reserve(quota, 1);
  disk.time = 251;
  assert.equal(await quota.reserve(1), "disk");
  assert.equal(disk.readings, 2);
});

Deno.test("a disk that was short takes bytes again an eighth of min_free above it", async () => {
  const disk = new Disk();
  const quota = disk.quota({ minFreeBytes: 800 });
  disk.free = 850;
  const held = await reserve(quota, 40);
  assert.equal(await quota.reserve(11), "disk");
  assert.equal(await quota.reserve(10), "disk"); // it would have fitted before
  held.release();
  assert.equal(await quota.reserve(10), "disk"); // 850 are free

  disk.free = 899;
  disk.time = 1_000;
  assert.equal(await quota.reserve(1), "disk");
  disk.free = 900;
  disk.time = 2_000;
  await reserve(quota, 100);
  assert.equal(await quota.reserve(1), "disk");
});

Deno.test("a request too large for the disk does not keep small ones out", async () => {
  const disk = new Disk();
  disk.free = 1_700;
  const quota = disk.quota({ minFreeBytes: 800 });
  assert.equal(await quota.reserve(901), "disk");
  await reserve(quota, 100);
});

Deno.test("files must be left: a hundredth of all, or 1,000", async () => {
  const disk = new Disk();
  const quota = disk.quota();
  const rooms = [
    { total: 0, free: 0, answer: undefined }, // btrfs counts none
    { total: 1_000_000, free: 1_000, answer: undefined },
    { total: 1_000_000, free: 999, answer: "disk" },
    { total: 64, free: 1, answer: undefined },
    { total: 64, free: 0, answer: "disk" },
    { total: 201, free: 2, answer: "disk" },
    { total: 201, free: 3, answer: undefined },
  ];
  for (const { answer, ...files } of rooms) {
    disk.time += 1_000;
    disk.files = files;
    const reservation = await quota.reserve(1);
    if (answer === undefined) {
      assert.ok(typeof reservation !== "string", `${files.free} of ${files.total}: ${reservation}`);
    } else assert.equal(reservation, answer, `${files.free} of ${files.total}`);
  }
});

Deno.test("after a failed write everybody is refused for a second", async () => {
  const disk = new Disk();
  const quota = disk.quota();
  const held = await reserve(quota, 10);
  quota.writeFailed();
  for (const time of [0, 500, 999]) {
    disk.time = time;
    assert.equal(await quota.reserve(1), "failing");
    assert.equal(await held.grow(1), "failing");
  }
  assert.equal(disk.readings, 1); // a disk that fails is left alone
  disk.time = 1_000;
  assert.equal(await held.grow(1), undefined);
  assert.equal(disk.readings, 2);
});

Deno.test("after the second, the disk must have recovered", async () => {
  const disk = new Disk();
  const quota = disk.quota({ minFreeBytes: 800 });
  await reserve(quota, 10);
  quota.writeFailed();
  disk.free = 909;
  disk.time = 1_000;
  assert.equal(await quota.reserve(1), "disk");
  disk.free = 910;
  disk.time = 2_000;
  await reserve(quota, 1);
});

/** A disk that is full by now, a write to which failed while it was read; `asked` ends that reading. */
function readWhileWriteFailed() {
  const disk = new Disk();
  const quota = disk.quota();
  const asked = Promise.withResolvers<void>();
  disk.delay = () => asked.promise;
  const early = quota.reserve(1);
  quota.writeFailed();
  disk.time = 2_000;
  disk.free = 0;
  return { disk, quota, asked, early };
}

Deno.test("a reading that began before a write failed is not believed", async () => {
  const { disk, quota, asked, early } = readWhileWriteFailed();
  disk.delay = () => Promise.resolve();
  assert.equal(await quota.reserve(1), "disk");
  asked.resolve(); // says that 1,000,000 bytes were free
  assert.equal(await early, "disk");
  assert.equal(await quota.reserve(1), "disk");
  assert.deepEqual([quota.reservedBytes, disk.readings], [0, 2]);
});

Deno.test("where it was the only one, the disk is read again", async () => {
  const { disk, asked, early } = readWhileWriteFailed();
  asked.resolve(); // says that 1,000,000 bytes were free
  assert.equal(await early, "disk");
  assert.equal(disk.readings, 2);
});

Deno.test("a disk that takes long to answer is asked once all the same", async () => {
  const disk = new Disk();
  disk.delay = () => {
    disk.time += 10_000;
    return Promise.resolve();
  };
  await reserve(disk.quota(), 1);
  assert.equal(disk.readings, 1);
});

Deno.test("a disk that cannot be asked is failing, until it can", async () => {
  const disk = new Disk();
  const broken = new Error("Input/output error (os error 5)");
  disk.delay = () => Promise.reject(broken);
  const quota = disk.quota();
  assert.deepEqual(await Promise.all([quota.reserve(1), quota.reserve(2, "a")]), [
    "failing",
    "failing",
  ]);
  assert.deepEqual(disk.refusals, [
    { reason: "failing", cause: broken, bytes: 1 },
    { reason: "failing", cause: broken, bytes: 2, tenant: "a" },
  ]);
  disk.delay = () => Promise.resolve();
  disk.time = 999;
  assert.equal(await quota.reserve(1), "failing");
  disk.time = 1_000;
  await reserve(quota, 1);
  assert.deepEqual([quota.reservedBytes, disk.readings], [1, 2]);
});

Deno.test("many at once share one reading and are granted what fits, in order", async () => {
  const disk = new Disk();
  disk.free = 500;
  const quota = disk.quota({ minFreeBytes: 100 });
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => quota.reserve(7)),
  );
  assert.equal(disk.readings, 1);
  const granted = answers.map((answer) => typeof answer !== "string");
  assert.deepEqual(granted, Array.from({ length: 100 }, (_, index) => index < 57)); // 399 of 400
  assert.equal(quota.reservedBytes, 399);
});

Deno.test("bytes freed while the disk is read are not counted twice", async () => {
  const disk = new Disk();
  disk.free = 500;
  const quota = disk.quota({ maxBytes: 10_000 });
  await reserve(quota, 500);
  quota.space.wrote(500);
  disk.free = 500; // freed by the time it is read: the answer has the 500 in it already
  disk.time = 1_000;
  const asked = Promise.withResolvers<void>();
  disk.delay = () => asked.promise;
  const waiting = quota.reserve(1);
  quota.space.freed(500);
  asked.resolve();
  assert.equal(await waiting, "disk"); // 500 are free, and 500 are reserved
});

Deno.test("the peak of what is written is the highest of late, and asking does not change it", () => {
  const disk = new Disk();
  const { space } = disk.quota();
  space.wrote(70);
  space.freed(30);
  space.wrote(20);
  assert.deepEqual([space.writtenBytes, space.peakBytes, space.peakBytes], [60, 70, 70]);
  disk.time += 120_000;
  assert.equal(space.peakBytes, 60);
});

Deno.test("whole files may hold their part and no more; the rest is for what spills", async () => {
  const disk = new Disk();
  const quota = disk.quota({ fileShare: 0.75 });
  const file = await quota.reserve(700, undefined, "file") as Reservation;
  assert.equal(await file.grow(51), "quota");
  assert.equal(await file.grow(50), undefined);
  assert.equal(await quota.reserve(1, undefined, "file"), "quota");
  const spill = await reserve(quota, 250);
  assert.equal(await quota.reserve(1), "quota");
  file.release();
  assert.equal(await spill.grow(750), undefined, "what spills may have all of it");
  spill.release();
  assert.equal(await quota.reserve(751, undefined, "file"), "quota");
  assert.equal(quota.reservedBytes, 0);
});

Deno.test("before bytes are refused, others are asked for what is missing, one after the other", async () => {
  const disk = new Disk();
  const asked: number[] = [];
  const others: Reservation[] = [];
  const quota = disk.quota({
    minFreeBytes: 500,
    reclaim: async (bytes) => {
      asked.push(bytes);
      await Promise.resolve();
      const other = others.pop();
      other?.release();
      return other !== undefined;
    },
  });
  for (let other = 0; other < 4; other++) others.push(await reserve(quota, 250));
  // The first needs two of them, as one is not enough; the second finds what the first did not need.
  const [first, second] = await Promise.all([quota.reserve(300), quota.reserve(150)]);
  assert.deepEqual([typeof first, typeof second], ["object", "object"]);
  assert.deepEqual(asked, [300, 50]);
  assert.deepEqual([quota.reservedBytes, others.length], [950, 2]);
  assert.deepEqual(quota.refused, { quota: 0, tenant: 0, disk: 0, failing: 0 });

  // Others have written, so that 480 bytes would be left, of 500, and the disk has to recover to 563.
  disk.free = 1_430;
  disk.time = 1_000;
  asked.length = 0;
  assert.equal(typeof await quota.reserve(0), "object");
  assert.deepEqual(asked, [83]);

  // Nobody has anything to give back any more.
  others.length = 0;
  assert.equal(await quota.reserve(900), "quota");
  assert.deepEqual(quota.refused, { quota: 1, tenant: 0, disk: 0, failing: 0 });
});

Deno.test("others are not asked where what they have is no help", async () => {
  const disk = new Disk();
  const asked: number[] = [];
  const quota = disk.quota({
    tenantShare: 0.5,
    fileShare: 0.5,
    reclaim: (bytes) => {
      asked.push(bytes);
      return Promise.resolve(true);
    },
  });
  assert.equal(await quota.reserve(1_001), "quota");
  assert.equal(await quota.reserve(501, undefined, "file"), "quota");
  assert.equal(await quota.reserve(501, "a"), "tenant");
  quota.writeFailed();
  assert.equal(await quota.reserve(1), "failing");
  disk.files = { total: 10_000, free: 5 };
  disk.time = 2_000;
  assert.equal(await quota.reserve(1), "disk");
  assert.deepEqual(asked, []);
});

Deno.test("for a copy of what is sent anyway nothing goes, and none hears that it found no room", async () => {
  const disk = new Disk();
  const asked: number[] = [];
  const quota = disk.quota({
    reclaim: (bytes) => {
      asked.push(bytes);
      return Promise.resolve(false);
    },
  });
  const copy = await quota.reserve(400, undefined, "copy");
  assert.ok(typeof copy !== "string");
  await reserve(quota, 500);
  assert.equal(await quota.reserve(200, undefined, "copy"), "quota");
  assert.equal(await copy.grow(200), "quota");
  assert.deepEqual([asked, disk.refusals], [[], []]);
  assert.deepEqual(quota.refused, { quota: 0, tenant: 0, disk: 0, failing: 0 });
  assert.equal(await quota.reserve(200), "quota");
  assert.deepEqual(asked, [100]);
  copy.release();
  assert.equal(quota.reservedBytes, 500);
});
