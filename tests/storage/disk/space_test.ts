/** The space of a disk: read seldom, counted in between, and short until it has recovered. */

import assert from "node:assert/strict";
import type { FileSystemRoom } from "../../../storage/disk/file_system.ts";
import { createDiskSpace } from "../../../storage/disk/space.ts";

/** A disk of 10,000 bytes, all of them free, and its space; 800 bytes must be left. */
function setup() {
  const disk = { free: 10_000, files: 5_000, totalFiles: 10_000, reads: 0, now: 1_000 };
  let gate: Promise<void> | undefined;
  const room = async (): Promise<FileSystemRoom> => {
    disk.reads++;
    await gate;
    return {
      type: 0,
      totalBytes: 10_000,
      freeBytes: disk.free,
      totalFiles: disk.totalFiles,
      freeFiles: disk.files,
    };
  };
  const space = createDiskSpace({ minFreeBytes: 800, room, now: () => disk.now });
  return {
    disk,
    space,
    /** Reads the disk as it is now. */
    reread: () => {
      disk.now += 1_000;
      return space.refresh();
    },
    /** Has the next readings wait for what this returns. */
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = undefined;
        resolve();
      };
    },
  };
}

Deno.test("a disk is read once in a quarter of a second, whoever asks", async () => {
  const { disk, space } = setup();
  await Promise.all([space.refresh(), space.refresh()]);
  assert.equal(disk.reads, 1);
  disk.now += 250;
  await space.refresh();
  assert.equal(disk.reads, 1);
  disk.now += 1;
  await space.refresh();
  assert.equal(disk.reads, 2);
});

Deno.test("bytes fit as long as the least space stays free once all that is reserved is written", async () => {
  const { disk, space, reread } = setup();
  await reread();
  assert.equal(space.fits(9_200, 0), true);
  assert.equal(space.fits(1_200, 8_000), true);
  // What we write ourselves changes nothing, whether the disk is read again or not.
  space.wrote(5_000);
  assert.equal(space.fits(1_200, 8_000), true);
  disk.free -= 5_000;
  await reread();
  assert.equal(space.fits(1_200, 8_000), true);
  assert.deepEqual([space.writtenBytes, space.peakBytes], [5_000, 5_000]);
  space.freed(5_000);
  assert.deepEqual([space.writtenBytes, space.peakBytes], [0, 5_000]);
});

Deno.test("a disk that others have filled takes nothing until it has recovered by an eighth", async () => {
  const { disk, space, reread } = setup();
  disk.free = 850;
  await reread();
  assert.equal(space.fits(51, 0), false);
  assert.equal(space.missing(51, 0), 900 - 850);
  disk.free = 899;
  await reread();
  assert.equal(space.fits(1, 0), false, "it has recovered by less");
  disk.free = 900;
  await reread();
  assert.equal(space.fits(100, 0), true);
});

Deno.test("a request that is too large for a disk with room to spare does not make it short", async () => {
  const { space, reread } = setup();
  await reread();
  assert.equal(space.fits(9_201, 0), false);
  assert.equal(space.missing(9_201, 0), 1);
  assert.equal(space.fits(9_200, 0), true);
});

Deno.test("a disk with too few files left takes nothing, and bytes that are given back are no help", async () => {
  const { disk, space, reread } = setup();
  disk.files = 99; // less than a hundredth
  await reread();
  assert.equal(space.fits(1, 0), false);
  assert.equal(space.missing(1, 0), undefined);
  disk.files = 100;
  await reread();
  assert.equal(space.fits(1, 0), true);
  // btrfs counts none.
  disk.totalFiles = disk.files = 0;
  await reread();
  assert.equal(space.fits(1, 0), true);
});

Deno.test("a write that failed has the disk read again, and held for short until it has recovered", async () => {
  const { disk, space, reread } = setup();
  await reread();
  disk.free = 880;
  space.invalidate();
  await space.refresh();
  assert.equal(disk.reads, 2);
  assert.equal(space.fits(1, 0), false, "it would fit, and the disk has not recovered");
  disk.free = 900;
  await reread();
  assert.equal(space.fits(1, 0), true);
});

Deno.test("a reading that was under way when a write failed does not count", async () => {
  const { disk, space, hold } = setup();
  const release = hold();
  const reading = space.refresh();
  space.invalidate();
  release();
  await reading;
  assert.equal(disk.reads, 2);
});

Deno.test("a file that is freed while the disk is read counts as free at most once", async () => {
  const { disk, space, hold, reread } = setup();
  space.wrote(4_000);
  disk.free -= 4_000;
  await reread();
  const release = hold();
  const reading = reread();
  // The reading sees it freed.
  space.freed(4_000);
  disk.free += 4_000;
  release();
  await reading;
  assert.equal(space.fits(9_200, 0), true);
  assert.equal(space.fits(9_201, 0), false);
});

Deno.test("an error of a reading is its reader's, and the next one reads anew", async () => {
  let broken = true;
  const space = createDiskSpace({
    minFreeBytes: 0,
    room: () =>
      broken ? Promise.reject(new Error("EIO")) : Promise.resolve({
        type: 0,
        totalBytes: 1,
        freeBytes: 1,
        totalFiles: 0,
        freeFiles: 0,
      }),
    now: () => 1_000,
  });
  await assert.rejects(space.refresh(), /EIO/);
  broken = false;
  await space.refresh();
  assert.equal(space.fits(1, 0), true);
});
