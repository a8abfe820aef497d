/** A real disk of 8 MiB, filled to the last byte. */

import assert from "node:assert/strict";
import { DiskError } from "../../../storage/disk/error.ts";
import { systemFiles } from "../../../storage/disk/file_system.ts";
import type { Reservation } from "../../../storage/disk/quota.ts";
import type { Segment } from "../../../storage/spool/mod.ts";
import {
  mountSmallDisk,
  NEEDS_SMALL_DISK,
  NO_SMALL_DISK,
  SMALL_DISK_BYTES,
} from "../disk/small_disk.ts";
import { MiB, openTestSpool, pattern, readAll } from "./spools.ts";

/** Bytes that the disk gives at once. */
const PAGE_BYTES = 4096;

/** Tests on a disk of its own. */
function test(name: string, work: (dir: string) => Promise<void>): void {
  Deno.test({
    name: `${name}${NEEDS_SMALL_DISK}`,
    ignore: NO_SMALL_DISK,
    fn: async () => {
      await using disk = await mountSmallDisk();
      await work(disk.path);
    },
  });
}

const freeBytes = async (dir: string) => (await systemFiles.room(dir)).freeBytes;

test("a disk is filled exactly, read back, and freed", async (dir) => {
  await using spool = await openTestSpool(dir, { maxBytes: SMALL_DISK_BYTES });
  const reservation = await spool.reserve(SMALL_DISK_BYTES) as Reservation;
  const segment = await spool.createSegment();
  for (let at = 0; at < SMALL_DISK_BYTES; at += MiB) await segment.write(pattern(MiB, at));
  assert.equal(await freeBytes(dir), 0);
  assert.equal(await spool.reserve(1), "quota");

  const error = await segment.write(pattern(1)).catch((error) => error);
  assert.ok(error instanceof DiskError);
  assert.equal(
    error.message,
    "Cannot write to the spool: no space is left on the disk (ENOSPC); " +
      `mounted at ${dir}, 0 bytes free, 8388608 reserved`,
  );
  assert.equal(error.written, 0);

  assert.deepEqual(await readAll(segment), pattern(SMALL_DISK_BYTES));
  segment.close();
  reservation.release();
  assert.equal(await freeBytes(dir), SMALL_DISK_BYTES);
});

test("ENOSPC at every byte near an edge: what got there is told, and read back", async (dir) => {
  const fill = await Deno.open(`${dir}/fill`, { write: true, create: true });
  await fill.write(new Uint8Array(SMALL_DISK_BYTES - 2 * PAGE_BYTES));
  fill.close();
  await using spool = await openTestSpool(dir);
  const near = (edge: number) => Array.from({ length: 97 }, (_, index) => edge - 48 + index);
  const places = [...near(48), ...near(PAGE_BYTES), ...near(2 * PAGE_BYTES - 49)];
  for (const place of places) {
    const segment = await spool.createSegment();
    await segment.write(pattern(place));
    const error = await segment.write(pattern(2 * PAGE_BYTES, place)).catch((error) => error);
    assert.deepEqual(
      [place, error?.code, error?.written],
      [place, ...(place === 0 ? [undefined, undefined] : ["ENOSPC", 2 * PAGE_BYTES - place])],
    );
    assert.equal(segment.written, 2 * PAGE_BYTES);
    assert.deepEqual(await readAll(segment, 3_000), pattern(2 * PAGE_BYTES));
    segment.close();
  }
  assert.equal((await spool.stats()).bytes, 0);
  assert.equal(await freeBytes(dir), 2 * PAGE_BYTES);
});

test("min_free is never taken, and everything else is", async (dir) => {
  const minFreeBytes = 3 * MiB;
  // A clock that stands still, so that the disk is read once: a reading beside writes errs to the safe side.
  await using spool = await openTestSpool(dir, { maxBytes: 6 * MiB, minFreeBytes, now: () => 0 });
  const step = 64 * 1024;
  const opened: { segment: Segment; reservation: Reservation }[] = [];
  const one = async () => { // a run that spills until it may not
    const segment = await spool.createSegment();
    const reservation = await spool.reserve(step);
    if (typeof reservation === "string") {
      segment.close();
      return reservation;
    }
    opened.push({ segment, reservation });
    for (;;) {
      await segment.write(pattern(step));
      assert.ok(await freeBytes(dir) >= minFreeBytes);
      const reason = await reservation.grow(step);
      if (reason !== undefined) return reason;
    }
  };
  assert.deepEqual(await Promise.all([one(), one(), one(), one(), one()]), Array(5).fill("disk"));
  assert.equal(await freeBytes(dir), minFreeBytes);
  const { reservedBytes, bytes } = await spool.stats();
  assert.deepEqual({ reservedBytes, bytes }, { reservedBytes: 5 * MiB, bytes: 5 * MiB });

  for (const { segment, reservation } of opened) {
    segment.close();
    reservation.release();
  }
  assert.equal(await freeBytes(dir), SMALL_DISK_BYTES);
  assert.equal(await one(), "disk"); // 5 MiB for one alone, once the disk has recovered
  assert.equal(await freeBytes(dir), minFreeBytes);
  const last = opened.at(-1)!;
  last.segment.close();
  last.reservation.release();
});

test("somebody else fills the disk: nothing is granted, until they are gone", async (dir) => {
  let time = 0;
  await using spool = await openTestSpool(dir, { minFreeBytes: 2 * MiB, now: () => time });
  await Deno.writeFile(`${dir}/other`, new Uint8Array(6 * MiB));
  time = 1_000;
  assert.equal(await spool.reserve(1), "disk");
  await Deno.truncate(`${dir}/other`, 6 * MiB - 256 * 1024 + PAGE_BYTES);
  time = 2_000;
  assert.equal(await spool.reserve(1), "disk"); // 2 MiB and nearly an eighth
  await Deno.truncate(`${dir}/other`, 6 * MiB - 256 * 1024);
  time = 3_000;
  assert.equal(typeof await spool.reserve(1), "object");
  await Deno.remove(`${dir}/other`);
});
