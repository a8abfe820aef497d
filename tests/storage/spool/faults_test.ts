/** Every call of a spool's life is made to fail once: the right error, the right bytes, nothing left. */

import assert from "node:assert/strict";
import { DiskError } from "../../../storage/disk/error.ts";
import { systemFiles } from "../../../storage/disk/file_system.ts";
import { type OpenedSpool, type Segment, SpoolError } from "../../../storage/spool/mod.ts";
import { type FaultCode, type FaultyFiles, faultyFiles } from "../disk/faulty_files.ts";
import { inDirectory } from "../disk/fixture.ts";
import { openTestSpool, pattern, readAll } from "./spools.ts";

/** How a life ended. */
type Outcome = "done" | "refused" | "spool error" | "closing" | FaultCode;

const DISK_CODES = ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS"] as const;

/** Opens a spool, works with it and closes it. */
async function live(dir: string, files: FaultyFiles): Promise<Outcome> {
  let spool: OpenedSpool;
  try {
    spool = await openTestSpool(dir, { files, now: () => 0 });
  } catch (error) {
    assert.ok(error instanceof SpoolError, `${error}`);
    return "spool error";
  }
  const outcome = await work(spool).catch((error) => {
    if (error instanceof DiskError) return error.code;
    assert.equal(error.code, "EMFILE", `${error}`);
    return "EMFILE" as const;
  });
  const { bytes, reservedBytes } = await spool.stats();
  assert.deepEqual({ bytes, reservedBytes }, { bytes: 0, reservedBytes: 0 });
  // One failure leaves no name behind, even while the spool goes on.
  if (files.failed <= 1) assert.deepEqual(await systemFiles.list(spool.directory), []);
  try {
    await spool[Symbol.asyncDispose]();
  } catch {
    return "closing";
  }
  return outcome;
}

/** Two segments of three writes each, read back at the end. */
async function work(spool: OpenedSpool): Promise<Outcome> {
  const reservation = await spool.reserve(3_000);
  if (typeof reservation === "string") return "refused";
  const segments: Segment[] = [];
  try {
    for (let count = 0; count < 2; count++) {
      const segment = await spool.createSegment();
      segments.push(segment);
      for (const at of [0, 500, 1_000]) await segment.write(pattern(500, at));
      assert.deepEqual(await segment.read(700), pattern(700));
      assert.deepEqual(await readAll(segment), pattern(800, 700));
    }
    return "done";
  } finally {
    for (const segment of segments) segment.close();
    reservation.release();
  }
}

/**
 * What comes of it when a call fails, call by call. Looking for the mount is left out: as many calls
 * as the path is deep, for a name in messages. As many look at the directory and those above it.
 */
const OUTCOMES = [
  // The directory is looked at, a file in it made and removed, the lock taken, what is left looked for.
  "realPath: spool error",
  "stat: spool error",
  "room: spool error",
  "makeTempFile: spool error",
  "stat: spool error",
  "remove: spool error",
  "stat of all above: spool error",
  "open: spool error",
  "tryLock: spool error",
  "list: spool error",
  // The directory of whole files, and ours.
  "statName: spool error",
  "makeDirectory: spool error",
  // The mount; then the reservation. A disk that cannot be asked is one that has no room.
  "realPath: done",
  "room: refused",
  // The first segment.
  "makeTempFile: CODE",
  "open: CODE",
  "open: CODE",
  "remove: CODE",
  "write: CODE",
  "write: CODE",
  "write: CODE",
  "read: CODE",
  "read: CODE",
  // The second one.
  "makeTempFile: CODE",
  "open: CODE",
  "open: CODE",
  "remove: CODE",
  "write: CODE",
  "write: CODE",
  "write: CODE",
  "read: CODE",
  "read: CODE",
  // Our directory, which is tried twice.
  "remove: done",
  "nothing: done",
];

for (const code of [...DISK_CODES, "EMFILE"] as const) {
  Deno.test(
    `${code} at any call`,
    inDirectory(async (parent) => {
      const outcomes: string[] = [];
      for (let at = 1;; at++) {
        const dir = `${parent}/${at}`;
        await Deno.mkdir(dir);
        const files = faultyFiles({ faults: [{ at, code }] });
        const outcome = await live(dir, files);
        assert.deepEqual(files.openFiles, [], `call ${at}`);
        // Only what cannot be removed stays: an empty file, which is swept the next time.
        const left = (await systemFiles.list(dir)).filter((name) => name !== "spillway.lock");
        if (left.length > 0) {
          assert.deepEqual([left.length, files.failedCalls], [1, ["remove"]], `call ${at}`);
          assert.match(left[0]!, /^spillway-probe-/);
        }
        assert.equal(await live(dir, faultyFiles()), "done");
        assert.deepEqual(await systemFiles.list(dir), ["spillway.lock"]);
        outcomes.push(`${files.failedCalls[0] ?? "nothing"}: ${outcome}`);
        if (files.failed === 0) break;
      }
      const told = outcomes.filter((line) => line !== "stat: done");
      const depth = `${parent}/1`.split("/").length;
      const expected = OUTCOMES.flatMap((line) =>
        line.startsWith("stat of all above")
          ? Array(depth).fill("stat: spool error")
          : [line.replace("CODE", code)]
      );
      assert.deepEqual(told, expected);
    }),
  );
}

Deno.test(
  "a short write at any write is finished",
  inDirectory(async (dir) => {
    for (let at = 1;; at++) {
      const files = faultyFiles({ faults: [{ call: "write", at, code: "short" }] });
      assert.equal(await live(dir, files), "done");
      assert.equal(files.calls.write, 6 + files.failed);
      if (files.failed === 0) break;
    }
  }),
);

Deno.test(
  "a disk that fails for good, from any call on, leaves no descriptor and no reservation",
  inDirectory(async (dir) => {
    for (const code of DISK_CODES) {
      for (let at = 1;; at++) {
        const files = faultyFiles({ faults: [{ at, code, onwards: true }] });
        const outcome = await live(dir, files);
        assert.deepEqual(files.openFiles, [], `${code} from call ${at} on`);
        if (files.failed === 0) break;
        assert.notEqual(outcome, "done");
      }
      assert.equal(await live(dir, faultyFiles()), "done");
      assert.deepEqual(await systemFiles.list(dir), ["spillway.lock"]);
    }
  }),
);
