/** The spool keeps every byte while it is wanted, none after, and says what went wrong. */

import assert from "node:assert/strict";
import { DiskError } from "../../../storage/disk/error.ts";
import { type FileSystem, type OpenFile, systemFiles } from "../../../storage/disk/file_system.ts";
import type { Reservation } from "../../../storage/disk/quota.ts";
import type { SpoolIssue } from "../../../storage/spool/mod.ts";
import { faultyFiles, platformError } from "../disk/faulty_files.ts";
import { inDirectory } from "../disk/fixture.ts";
import { MiB, openDescriptors, openTestSpool, pattern, readAll } from "./spools.ts";

/** The file system, with files that behave otherwise. */
function altered(alter: (file: OpenFile) => Partial<OpenFile>): FileSystem {
  return {
    ...systemFiles,
    open: async (path, mode) => {
      const file = await systemFiles.open(path, mode);
      return { ...file, ...alter(file) };
    },
  };
}

Deno.test(
  "bytes come back in order, through writes and reads that are short",
  inDirectory(async (dir) => {
    const files = altered((file) => ({
      read: (into) => file.read(into.subarray(0, 5)),
      write: (from) => file.write(from.subarray(0, 7)),
    }));
    await using spool = await openTestSpool(dir, { files });
    const segment = await spool.createSegment();
    assert.equal(await segment.read(10), null);
    await segment.write(pattern(1_000));
    assert.equal(segment.written, 1_000);
    assert.deepEqual(await segment.read(3), pattern(3));
    await segment.write(new Uint8Array(0));
    await segment.write(pattern(20, 1_000));
    assert.deepEqual(await readAll(segment, 9), pattern(1_017, 3));
    assert.equal(await segment.read(10), null);
    await segment.write(pattern(2, 1_020));
    assert.deepEqual(await segment.read(10), pattern(2, 1_020));
    segment.close();
  }),
);

Deno.test(
  "one end is written while the other is read",
  inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir);
    const segment = await spool.createSegment();
    const writing = (async () => {
      for (let at = 0; at < MiB; at += 4096) await segment.write(pattern(4096, at));
    })();
    const read: Uint8Array<ArrayBuffer>[] = [];
    for (let length = 0; length < MiB;) {
      const chunk = await segment.read(10_000);
      if (chunk) {
        read.push(chunk);
        length += chunk.length;
      } else await new Promise((resolve) => setTimeout(resolve));
    }
    await writing;
    assert.deepEqual(new Uint8Array(await new Blob(read).arrayBuffer()), pattern(MiB));
    segment.close();
  }),
);

Deno.test({
  name: "a segment has no name, two descriptors, and is gone once it is closed",
  ignore: Deno.build.os !== "linux",
  fn: inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir);
    const before = await openDescriptors(dir);
    assert.deepEqual(before, [`${dir}/spillway.lock`]);
    const segments = await Promise.all(Array.from({ length: 10 }, () => spool.createSegment()));
    assert.deepEqual(await systemFiles.list(spool.directory), []);
    const opened = (await openDescriptors(dir)).filter((link) => !before.includes(link));
    assert.equal(opened.length, 20);
    for (const link of opened) {
      assert.match(link, /\/spillway-\d+-[0-9a-f]{8}\/segment-\w+ \(deleted\)$/);
    }
    for (const segment of segments) {
      segment.close();
      segment.close();
    }
    assert.deepEqual(await openDescriptors(dir), before);
  }),
});

Deno.test(
  "a segment that was closed takes and gives nothing",
  inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir);
    const segment = await spool.createSegment();
    await segment.write(pattern(10));
    segment.close();
    const closed = { message: "Cannot use a segment that was closed" };
    await assert.rejects(segment.write(pattern(1)), closed);
    await assert.rejects(segment.read(1), closed);
    assert.equal((await spool.stats()).bytes, 0);
    assert.equal(typeof await spool.reserve(1), "object"); // the disk has not failed
  }),
);

Deno.test(
  "one that is closed in the middle of a write counts none of its bytes",
  inDirectory(async (dir) => {
    const started = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const files = altered((file) => ({
      write: async (from) => {
        const count = await file.write(from);
        started.resolve();
        await goOn.promise;
        return count;
      },
    }));
    await using spool = await openTestSpool(dir, { files });
    const segment = await spool.createSegment();
    const writing = segment.write(pattern(10));
    await started.promise;
    segment.close();
    goOn.resolve();
    await assert.rejects(writing, { message: "Cannot use a segment that was closed" });
    assert.equal((await spool.stats()).bytes, 0);
  }),
);

Deno.test(
  "one that is closed in the middle of a write that fails is closed, and the disk not blamed",
  inDirectory(async (dir) => {
    const goOn = Promise.withResolvers<void>();
    const files = altered(() => ({
      write: async () => {
        await goOn.promise;
        throw new Deno.errors.BadResource("Bad resource ID");
      },
    }));
    await using spool = await openTestSpool(dir, { files });
    const segment = await spool.createSegment();
    const writing = segment.write(pattern(10));
    segment.close();
    goOn.resolve();
    await assert.rejects(writing, { message: "Cannot use a segment that was closed" });
    assert.equal(typeof await spool.reserve(1), "object");
  }),
);

Deno.test(
  "the numbers: what is written, its peak, what is reserved, what was refused",
  inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir, { tenantShare: 0.5 });
    const reservation = await spool.reserve(1_000, "a") as Reservation;
    const one = await spool.createSegment();
    const two = await spool.createSegment();
    await one.write(pattern(400));
    await two.write(pattern(300));
    spool.files.wrote(100); // of a whole file
    one.close();
    assert.equal(await spool.reserve(MiB), "quota");
    assert.equal(await spool.reserve(MiB / 2, "a"), "tenant");
    const { freeBytes, ...stats } = await spool.stats();
    assert.deepEqual(stats, {
      bytes: 400,
      peakBytes: 800,
      reservedBytes: 1_000,
      refused: { quota: 1, tenant: 1, disk: 0, failing: 0 },
    });
    assert.ok(freeBytes > 0);
    two.close();
    spool.files.freed(100);
    reservation.release();
    const { bytes, peakBytes, reservedBytes } = await spool.stats();
    assert.deepEqual({ bytes, peakBytes, reservedBytes }, {
      bytes: 0,
      peakBytes: 800,
      reservedBytes: 0,
    });
  }),
);

Deno.test(
  "a disk that fills up in the middle of a write tells how much got there, which can be read",
  inDirectory(async (dir) => {
    const issues: SpoolIssue[] = [];
    const files = faultyFiles({ faults: [{ call: "write", at: 2, code: "ENOSPC", written: 30 }] });
    let time = 0;
    await using spool = await openTestSpool(dir, {
      files,
      onIssue: (issue) => issues.push(issue),
      now: () => time,
    });
    const reservation = await spool.reserve(5_000) as Reservation;
    const segment = await spool.createSegment();
    await segment.write(pattern(100));
    const error = await segment.write(pattern(100, 100)).catch((error) => error);
    assert.ok(error instanceof DiskError);
    const { code, mount, reservedBytes, written } = error;
    assert.deepEqual({ code, mount, reservedBytes, written }, {
      code: "ENOSPC",
      mount: spool.mount,
      reservedBytes: 5_000,
      written: 30,
    });
    assert.match(
      error.message,
      /^Cannot write to the spool: no space is left on the disk \(ENOSPC\); mounted at \/.*, \d+ bytes free, 5000 reserved$/,
    );
    assert.equal(segment.written, 130);
    assert.equal((await spool.stats()).bytes, 130);

    // The disk works again: writing goes on where it stopped, and others may reserve a second later.
    await segment.write(pattern(70, 130));
    assert.deepEqual(await readAll(segment), pattern(200));
    assert.equal(await spool.reserve(1), "failing");
    time = 1_000;
    assert.equal(typeof await spool.reserve(1), "object");

    const { freeBytes, freeFiles, ...disk } = issues[0]!.disk;
    assert.ok(freeBytes === error.freeBytes && freeFiles >= 0);
    assert.deepEqual(disk, {
      directory: spool.directory,
      mount: spool.mount,
      fileSystem: disk.fileSystem,
      bytes: 130,
      reservedBytes: 5_000,
      maxBytes: MiB,
      minFreeBytes: 0,
    });
    assert.deepEqual(
      issues.map(({ disk: _disk, ...issue }) => issue),
      [
        { kind: "failed", action: "write to the spool", error, unreported: 0 },
        { kind: "refused", reason: "failing", bytes: 1, unreported: 0 },
      ],
    );
    segment.close();
    reservation.release();
  }),
);

Deno.test(
  "issues of one kind are reported once a second, with how many were not",
  inDirectory(async (dir) => {
    const told: string[] = [];
    let time = 0;
    await using spool = await openTestSpool(dir, {
      tenantShare: 0.5,
      now: () => time,
      onIssue: (issue) =>
        told.push(
          `${time} ${issue.kind === "refused" ? issue.reason : issue.action} ${issue.unreported}`,
        ),
    });
    for (time of [0, 1, 999]) {
      assert.equal(await spool.reserve(2 * MiB), "quota");
      assert.equal(await spool.reserve(MiB, "a"), "tenant");
    }
    for (time of [1_000, 1_999, 2_001]) assert.equal(await spool.reserve(2 * MiB), "quota");
    await spool.files.failed("put a file", platformError("EIO"));
    await spool.files.failed("put a file", platformError("EIO"));
    assert.deepEqual(told, [
      "0 quota 0",
      "0 tenant 0",
      "1000 quota 2",
      "2001 quota 1",
      "2001 put a file 0",
    ]);
    assert.deepEqual((await spool.stats()).refused, { quota: 6, tenant: 3, disk: 0, failing: 0 });
  }),
);

Deno.test(
  "a spool is short from a refusal on, until bytes are had or half a minute has gone by",
  inDirectory(async (dir) => {
    let time = 0;
    await using spool = await openTestSpool(dir, { tenantShare: 0.5, now: () => time });
    assert.equal(await spool.reserve(MiB, "a"), "tenant");
    assert.equal(spool.isShort(), false, "others have room");
    assert.equal(await spool.reserve(2 * MiB), "quota");
    assert.equal(spool.isShort(), true);
    const reservation = await spool.files.reserve(1) as Reservation;
    assert.equal(spool.isShort(), false);
    assert.equal(await reservation.grow(2 * MiB), "quota");
    time = 29_999;
    assert.equal(spool.isShort(), true);
    time = 30_000;
    assert.equal(spool.isShort(), false);
    reservation.release();
  }),
);

Deno.test(
  "a whole file's failure is told like a segment's",
  inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir);
    const cause = platformError("EDQUOT");
    const error = await spool.files.failed("put a file", cause, 12);
    assert.ok(error instanceof DiskError);
    assert.deepEqual([error.code, error.written, error.cause], ["EDQUOT", 12, cause]);
    assert.match(error.message, /^Cannot put a file: the disk quota is used up \(EDQUOT\);/);
    assert.equal(await spool.reserve(1), "failing");
    const mistake = new TypeError("not the disk's");
    assert.equal(await spool.files.failed("put a file", mistake), mistake);
  }),
);

const DAMAGE: readonly (readonly [string, string, (file: OpenFile) => Partial<OpenFile>])[] = [
  ["has other bytes", "The file has other bytes than were written", (file) => ({
    read: async (into) => {
      const count = await file.read(into);
      if (count) into[count >> 1]! ^= 1;
      return count;
    },
  })],
  ["ends too early", "The file ends too early", () => ({ read: () => Promise.resolve(null) })],
];

for (const [name, message, alter] of DAMAGE) {
  Deno.test(
    `a file that ${name} when it is read is never taken for the one that was written`,
    inDirectory(async (dir) => {
      await using spool = await openTestSpool(dir, { files: altered(alter) });
      const segment = await spool.createSegment();
      await segment.write(pattern(1_000));
      const error = await segment.read(1_000).catch((error) => error);
      assert.ok(error instanceof DiskError);
      assert.match(error.message, /^Cannot read from the spool: the disk is broken \(EIO\);/);
      assert.deepEqual([error.code, (error.cause as Error).message], ["EIO", message]);
      // Reading says nothing of what can be written.
      assert.equal(typeof await spool.reserve(1), "object");
      segment.close();
    }),
  );
}

Deno.test(
  "damage is found too where reading ends before a write that failed",
  inDirectory(async (dir) => {
    let writes = 0;
    const files = altered((file) => ({
      ...DAMAGE[0]![2](file),
      write: (from) => {
        if (++writes === 1) return file.write(from);
        if (writes === 2) return file.write(from.subarray(0, 10));
        return Promise.reject(platformError("ENOSPC"));
      },
    }));
    await using spool = await openTestSpool(dir, { files });
    const segment = await spool.createSegment();
    await segment.write(pattern(100));
    await assert.rejects(segment.write(pattern(50)), DiskError);
    assert.equal(segment.written, 110);
    await assert.rejects(segment.read(100), { code: "EIO" });
    segment.close();
  }),
);

Deno.test(
  "a disk that takes no byte and says nothing is broken, not waited for",
  inDirectory(async (dir) => {
    const files = altered(() => ({ write: () => Promise.resolve(0) }));
    await using spool = await openTestSpool(dir, { files });
    const segment = await spool.createSegment();
    await assert.rejects(segment.write(pattern(1)), { name: "DiskError", code: "EIO", written: 0 });
    segment.close();
  }),
);

Deno.test(
  "what was left in the directory goes with the spool",
  inDirectory(async (dir) => {
    const spool = await openTestSpool(dir);
    await Deno.mkdir(`${spool.directory}/a/b`, { recursive: true });
    await Deno.writeTextFile(`${spool.directory}/a/b/file`, "left");
    await spool[Symbol.asyncDispose]();
    assert.deepEqual(await systemFiles.list(dir), ["spillway.lock"]);
  }),
);
