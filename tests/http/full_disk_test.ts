/** A disk that is full, fills up or fails under a running server: slower, never wrong. */

import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { type FileSystem, systemFiles } from "../../storage/disk/file_system.ts";
import { until } from "../waiting.ts";
import { type Fault, type FaultCode, faultyFiles } from "../storage/disk/faulty_files.ts";
import {
  mountSmallDisk,
  NEEDS_SMALL_DISK,
  NO_SMALL_DISK,
  SMALL_DISK_BYTES,
} from "../storage/disk/small_disk.ts";
import {
  assertNothingHeld,
  digestOf,
  namedFiles,
  openFiles,
  scrape,
  startDownload,
} from "./downloads.ts";
import { isUnread, startServer, type TestServer } from "./fixture.ts";

const MIB = 1024 * 1024;

/** 50 MB: what the kernel does not take of it is more than the small disk holds. */
const LARGE = "/exports/pages.csv?rows=5000";

/** 1 MB, made before it is sent. */
const WHOLE = "/exports/pages.csv?rows=100&_delivery=whole";

/** A test on a disk of 8 MiB, which must be as free after it as before, but for whole files: they are kept. */
function diskTest(name: string, work: (disk: string) => Promise<void>): void {
  Deno.test({
    name: `${name}${NEEDS_SMALL_DISK}`,
    ignore: NO_SMALL_DISK,
    fn: async () => {
      // Unmounting fails while a file is open.
      await using disk = await mountSmallDisk();
      await work(disk.path);
      Deno.removeSync(`${disk.path}/spillway-files`, { recursive: true });
      assert.equal(freeBytes(disk.path), SMALL_DISK_BYTES);
    },
  });
}

function freeBytes(disk: string): number {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}

/** Has others take all that a disk has, at once: nothing else runs meanwhile. */
function fill(disk: string): void {
  using file = Deno.openSync(`${disk}/others`, { write: true, create: true });
  const bytes = new Uint8Array(freeBytes(disk));
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  assert.equal(freeBytes(disk), 0);
}

/** The system's files; the disk is filled before the given write, counted from 1. */
function fillingFiles(disk: string, at: number): { files: FileSystem; readonly filled: boolean } {
  let writes = 0;
  const files: FileSystem = {
    ...systemFiles,
    async open(path, mode) {
      const file = await systemFiles.open(path, mode);
      return {
        ...file,
        write(from) {
          if (++writes === at) fill(disk);
          return file.write(from);
        },
      };
    },
  };
  return {
    files,
    get filled() {
      return writes >= at;
    },
  };
}

/** Seconds of `Retry-After`: 30 to 60. */
const RETRY_AFTER = /^([3-5]\d|60)$/;

/** Starts a server that spools on a small disk. */
function startOn(disk: string, files: FileSystem = systemFiles): Promise<TestServer> {
  return startServer({
    limits: "{ concurrent: 1 }",
    spool: `{ dir: ${disk}, allow_memory: true, max_bytes: 8MiB, min_free: 0B, spill_after: 0ms }`,
    files,
  });
}

/** How often there was no room, by reason. */
async function refusals(server: TestServer): Promise<Record<string, number>> {
  const numbers = await scrape(server);
  const named = ["quota", "disk", "failing"].map((reason) =>
    [reason, numbers.get(`spool_refused_total{reason="${reason}"}`) ?? 0] as const
  );
  return Object.fromEntries(named);
}

/** Keeps what is logged of the spool while work is done. */
async function withLog(work: (records: readonly LogRecord[]) => Promise<void>): Promise<void> {
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { memory: (record) => records.push(record) },
    loggers: [
      { category: ["spillway", "spool"], sinks: ["memory"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
  try {
    await work(records);
  } finally {
    await reset();
  }
}

/** The state of the disk is in a line of the log. */
function assertTold(line: LogRecord | undefined, message: RegExp, disk: string): void {
  assert.ok(line, "there is a line");
  assert.equal(line.level, "warning");
  assert.match(line.message.join(""), message);
  const { properties } = line;
  assert.equal(properties.mount, disk);
  assert.equal(properties.file_system, "tmpfs");
  assert.equal(properties.max_bytes, SMALL_DISK_BYTES);
  for (const field of ["free_bytes", "free_files", "spool_bytes", "reserved_bytes"]) {
    assert.equal(typeof properties[field], "number", field);
  }
}

diskTest(
  "a quota that is too small slows a download down, and every byte arrives",
  async (disk) => {
    await withLog(async (records) => {
      await using server = await startOn(disk);
      const whole = await digestOf(server, LARGE);
      const download = await startDownload(server, LARGE);
      await until(async () => (await refusals(server)).quota! > 0);
      const numbers = await scrape(server);
      const bytes = numbers.get("spool_bytes")!;
      assert.ok(bytes > 4 * MIB && bytes <= SMALL_DISK_BYTES, `${bytes} bytes`);
      assert.ok(numbers.get("spool_reserved_bytes")! <= SMALL_DISK_BYTES);
      // Plain backpressure: the source waits, with its slot and its statement.
      assert.equal(server.engine.admission.taken, 1);
      assert.equal(isUnread(server.database), false);

      assert.equal(await download.finish(), whole);
      await until(() => server.reports.length === 2);
      assert.equal(server.reports[1]!.state, "complete");
      assert.equal(server.reports[1]!.spilled, true);
      await assertNothingHeld(server, disk);
      const line = records.find(({ properties }) => properties.reason === "quota");
      assertTold(line, /^No room: quota; \d+ bytes are free at \//, disk);
    });
  },
);

diskTest("a disk that others have filled takes nothing, and nothing breaks", async (disk) => {
  await withLog(async (records) => {
    await using server = await startOn(disk);
    const whole = await digestOf(server, LARGE);
    fill(disk);
    // A reading of the disk is kept for a moment.
    await until(async () => (await scrape(server)).get("spool_free_bytes") === 0);
    const download = await startDownload(server, LARGE);
    await until(async () => (await refusals(server)).disk! > 0);
    assert.equal((await scrape(server)).get('shedding_step{resource="disk"}'), 1);
    assertTold(records[0], /^No room: disk; 0 bytes are free at \//, disk);
    assert.equal(await download.finish(), whole);
    await until(() => server.reports.length === 2);
    assert.equal(server.reports[1]!.spilled, false);

    // Decided before the query runs.
    const refused = await fetch(`${server.origin}${WHOLE}`);
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get("retry-after")!, RETRY_AFTER);
    assert.equal(refused.headers.get("content-type"), "application/problem+json");
    assert.match((await refused.json()).detail, /short of disk .* without _delivery=whole$/);
    assert.equal(server.reports.length, 2);
    await Deno.remove(`${disk}/others`);
    await assertNothingHeld(server, disk);

    await until(async () => {
      const answer = await fetch(`${server.origin}${WHOLE}`);
      await answer.body!.cancel();
      return answer.status === 200;
    });
  });
});

diskTest(
  "others fill the disk before any write of a download: every byte arrives",
  async (disk) => {
    let whole: string | undefined;
    // A run has some fifty; towards the end of them they are much alike.
    for (const at of [1, 2, 3, 4, 5, 8, 13, 21, 34]) {
      await withLog(async (records) => {
        const filling = fillingFiles(disk, at);
        await using server = await startOn(disk, filling.files);
        whole ??= await digestOf(server, LARGE);
        const download = await startDownload(server, LARGE);
        await until(() => filling.filled);
        await until(() => records.some(({ properties }) => properties.action));
        const line = records.find(({ properties }) => properties.action);
        assertTold(line, /^Cannot write to the spool; 0 bytes are free at \//, disk);
        assert.match(String(line!.properties.error), /ENOSPC/);
        assert.equal(server.engine.admission.taken, 1);
        assert.equal(await download.finish(), whole, `filled before write ${at}`);
        await assertNothingHeld(server, disk, "others");
        await Deno.remove(`${disk}/others`);
      });
    }
  },
);

diskTest(
  "others fill the disk before any write of a whole file: 503, and nothing stays",
  async (disk) => {
    for (let at = 1;; at++) {
      const filling = fillingFiles(disk, at);
      await using server = await startOn(disk, filling.files);
      const answer = await fetch(`${server.origin}${WHOLE}`);
      const { length } = new Uint8Array(await answer.arrayBuffer());
      if (!filling.filled) {
        assert.equal(answer.status, 200);
        assert.ok(length > 900_000);
        assert.ok(at > 4, `${at} writes were filled before`);
        break;
      }
      // A last write may find room within the last page of the file.
      if (answer.status === 200) {
        assert.ok(length > 900_000);
      } else {
        assert.equal(answer.status, 503, `filled before write ${at}`);
        assert.match(answer.headers.get("retry-after")!, RETRY_AFTER);
        await assertNothingHeld(server, disk, "others");
      }
      await Deno.remove(`${disk}/others`);
    }
  },
);

diskTest("a whole file that is larger than the disk is a 503, and nothing stays", async (disk) => {
  await using server = await startOn(disk);
  const answer = await fetch(`${server.origin}${LARGE}&_delivery=whole`);
  assert.equal(answer.status, 503);
  assert.match(answer.headers.get("retry-after")!, RETRY_AFTER);
  await answer.body!.cancel();
  await assertNothingHeld(server, disk);
  assert.equal(freeBytes(disk), SMALL_DISK_BYTES);
  assert.ok((await scrape(server)).get("spool_bytes_peak")! <= SMALL_DISK_BYTES);
});

/** The digest of a file that nothing goes wrong with. */
async function wholeDigest(path: string): Promise<string> {
  await using server = await startServer();
  return await digestOf(server, path);
}

/** Fails one call of a spilled download; which one it was, and the file's digest where it came whole. */
async function failDownload(path: string, fault: Fault) {
  const files = faultyFiles();
  await using server = await startServer({
    limits: "{ concurrent: 1 }",
    spool: "{ dir: spool, min_free: 64MiB, spill_after: 0ms }",
    files,
  });
  const lock = files.openFiles.length;
  files.setFaults([fault]);
  const download = await startDownload(server, path);
  await until(() => files.failed > 0 || server.engine.admission.taken === 0);
  const digest = await download.finish().catch(() => undefined);
  await until(() => server.reports.length > 0 && files.openFiles.length === lock);
  const [call] = files.failedCalls;
  files.setFaults([]);
  await assertNothingHeld(server, `${server.folder}/spool`);
  return { call, digest };
}

Deno.test("the disk fails a call of a spilled download: the right bytes, or a broken transport", async () => {
  const path = "/exports/pages.csv?rows=1800";
  const codes: readonly FaultCode[] = ["ENOSPC", "EIO", "EDQUOT"];
  const whole = await wholeDigest(path);
  // What was spilled and cannot be read back is lost; nothing else is.
  for (const call of ["makeTempFile", "open", "write", "read"] as const) {
    const failed = await failDownload(path, { call, at: 1, code: "EIO" });
    assert.deepEqual(failed, { call, digest: call === "read" ? undefined : whole });
  }
  // Each of the first calls, of which each is another; later, writes and reads alternate.
  for (let at = 1, turn = 0;; at = at < 12 ? at + 1 : Math.ceil(at * 1.3), turn++) {
    const { call, digest } = await failDownload(path, { at, code: codes[turn % codes.length]! });
    if (digest === undefined) assert.equal(call, "read", `call ${at}`);
    else assert.equal(digest, whole, `${call} failed, call ${at}`);
    if (!call) break;
    assert.ok(at < 1000);
  }
});

/** Full size takes two minutes. */
const SOAK = Deno.env.get("SPILLWAY_SOAK") === "1";

const QUOTA = SOAK
  ? { runs: 50, concurrent: 50, rows: 10_000, maxBytes: "1GiB", limit: 1024 * MIB }
  // Of 30 MB the kernel takes up to 16, so that what five spill is more than the quota.
  : { runs: 50, concurrent: 12, rows: 3000, maxBytes: "64MiB", limit: 64 * MIB };

/** Bytes that a folder's files have, those that are open and have no name included. */
function bytesIn(folder: string): number {
  const files = new Map<string, number>();
  for (const path of [...openFiles(folder, "descriptors"), ...namedFiles(folder)]) {
    try {
      const { ino, size } = Deno.statSync(path);
      files.set(`${ino}`, size);
    } catch {
      // Gone since it was listed.
    }
  }
  return files.values().reduce((sum, size) => sum + size, 0);
}

Deno.test("fifty runs against a quota: what is on the disk never exceeds it", async () => {
  const { runs, concurrent, rows, maxBytes, limit } = QUOTA;
  await using server = await startServer({
    limits: `{ concurrent: ${concurrent} }`,
    spool: `{ dir: spool, max_bytes: ${maxBytes}, min_free: 64MiB, spill_after: 0ms, keep: 1s }`,
  });
  const spool = `${server.folder}/spool`;
  const path = `/exports/pages.csv?rows=${rows}`;
  const whole = await digestOf(server, path);
  let most = 0;
  let samples = 0;
  const sampling = setInterval(() => {
    samples++;
    most = Math.max(most, bytesIn(spool));
  }, 5);
  const statuses = new Map<number, number>();
  const count = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const finished = () => statuses.get(200) ?? 0;
  let refused = 0;
  const watching = (async () => {
    while (finished() < runs) {
      refused = (await refusals(server)).quota!;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await Promise.all(Array.from({ length: runs }, async (_, index) => {
      // Every fifth is made whole, in the same quota.
      const wanted = index % 5 === 0 ? `${path}&_delivery=whole` : path;
      for (;;) {
        const download = await startDownload(server, wanted);
        const { status } = download.response;
        if (status !== 200) {
          assert.equal(status, 503);
          count(status);
          await download.finish();
          // It comes again, as it is told to.
          await new Promise((resolve) => setTimeout(resolve, 200));
          continue;
        }
        // It stalls until the quota is short, for which it takes as many as may run at once: the last ones, and
        // those of them that are kept whole, may fit into it.
        const before = refused;
        await until(() => refused > before || finished() >= runs - concurrent);
        assert.equal(await download.finish(), whole);
        return count(status);
      }
    }));
  } finally {
    clearInterval(sampling);
  }
  assert.equal(finished(), runs);
  await watching;
  assert.ok(samples > 20, `${samples} samples`);
  assert.ok(most <= limit, `${most} bytes of ${limit}`);
  assert.ok(most > limit / 2, `${most} bytes are no test of ${limit}`);
  assert.ok(refused > 0, "the quota was reached");
  await until(async () => {
    await server.engine.wholeFiles!.expire();
    return namedFiles(spool).length === 0;
  });
  await assertNothingHeld(server, spool);
});
