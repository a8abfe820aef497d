/** The spill buffer over a real spool whose Nth call of the file system fails, for every N. */

import assert from "node:assert/strict";
import { DiskError } from "../../../storage/disk/error.ts";
import { SpillBuffer } from "../../../storage/spool/spill_buffer.ts";
import { openSpool, type Spool } from "../../../storage/spool/mod.ts";
import { FakeClock, settle } from "./fake_spool.ts";
import { type Fault, type FaultyFiles, faultyFiles } from "../disk/faulty_files.ts";
import { mountSmallDisk, NEEDS_SMALL_DISK, NO_SMALL_DISK } from "../disk/small_disk.ts";

const CHUNKS = 24;
const CHUNK_BYTES = 1_000;

const MiB = 1024 * 1024;

/** The byte at a place of a file, other than at the same place of other chunks. */
function byteAt(offset: number): number {
  return (offset * 31 + (offset >> 8)) & 255;
}

const FILE = Uint8Array.from({ length: CHUNKS * CHUNK_BYTES }, (_, offset) => byteAt(offset));

/** A source of the file. */
function source(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset === FILE.length) return controller.close();
      controller.enqueue(FILE.slice(offset, offset += CHUNK_BYTES));
    },
  }, { highWaterMark: 0 });
}

/** A spool that knows whether the disk is at work. */
function observed(spool: Spool): { readonly spool: Spool; quiet(): Promise<void> } {
  let pending = 0;
  const counted = async <Result>(result: Promise<Result>): Promise<Result> => {
    pending++;
    try {
      return await result;
    } finally {
      pending--;
    }
  };
  return {
    spool: {
      async reserve(bytes, tenant) {
        const reservation = await counted(spool.reserve(bytes, tenant));
        if (typeof reservation === "string") return reservation;
        return {
          get bytes() {
            return reservation.bytes;
          },
          grow: (bytes) => counted(reservation.grow(bytes)),
          shrink: reservation.shrink,
          release: reservation.release,
        };
      },
      async createSegment() {
        const segment = await counted(spool.createSegment());
        return {
          get written() {
            return segment.written;
          },
          write: (bytes) => counted(segment.write(bytes)),
          read: (maxBytes) => counted(segment.read(maxBytes)),
          close: segment.close,
        };
      },
      [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose](),
    },
    async quiet() {
      do await settle(); while (pending > 0);
    },
  };
}

/** What came of a download. */
interface Outcome {
  /** The error that the reader met; absent where it got the whole file. */
  readonly error?: unknown;
  readonly spilled: boolean;
  readonly files: FaultyFiles;
}

/**
 * Downloads the file with a reader that stops for a while and then reads it all, over a disk with a
 * fault, and asserts that nothing is left.
 */
async function download(dir: string, fault: Fault, maxWriteBytes = Infinity): Promise<Outcome> {
  const files = faultyFiles({ maxWriteBytes });
  const clock = new FakeClock();
  const opened = await openSpool({
    dir,
    files,
    maxBytes: 1_000_000,
    minFreeBytes: 0,
    allowMemory: true,
    now: () => clock.now(),
  });
  const { spool, quiet } = observed(opened);
  const openBefore = files.openFiles.length;
  files.setFaults([fault]);
  const buffer = new SpillBuffer(source(), {
    spool,
    clock,
    memoryBytes: 3_000,
    segmentBytes: 6_000,
    reserveBytes: 4_000,
    stallTimeout: Infinity,
  });
  let ended = false;
  void buffer.sourceEnded.then(() => ended = true);
  // The reader stops. A disk that refuses is asked again, at the latest after thirty seconds.
  for (let second = 0; second < 60; second += 2) {
    await clock.pass(2_000);
    await quiet();
  }
  assert.ok(ended || fault.onwards, "the source still waits for its reader");
  const { spilled } = buffer;
  let bytes = 0;
  let error: unknown;
  try {
    for await (const chunk of buffer.readable) {
      assert.deepEqual(chunk, FILE.slice(bytes, bytes += chunk.length));
    }
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) assert.equal(bytes, FILE.length);
  else if (error instanceof assert.AssertionError) throw error;
  await buffer.released;
  assert.equal(clock.timers, 0);
  assert.equal(files.openFiles.length, openBefore);
  files.setFaults([]);
  const { bytes: stored, reservedBytes } = await opened.stats();
  assert.deepEqual({ stored, reservedBytes }, { stored: 0, reservedBytes: 0 });
  await spool[Symbol.asyncDispose]();
  assert.deepEqual(files.openFiles, []);
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["spillway.lock"]);
  return { spilled, files, ...(error === undefined ? {} : { error }) };
}

/** Makes the 1st, 2nd, 3rd … call fail until a download makes fewer calls. */
async function failAtEvery(fault: Omit<Fault, "at">, maxWriteBytes?: number): Promise<Outcome[]> {
  const dir = await Deno.makeTempDir();
  try {
    const outcomes: Outcome[] = [];
    for (let at = 1;; at++) {
      const outcome = await download(dir, { ...fault, at }, maxWriteBytes);
      if (outcome.files.failed === 0) {
        assert.equal(outcome.error, undefined);
        assert.equal(outcome.spilled, true);
        return outcomes;
      }
      outcomes.push(outcome);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

for (const code of ["ENOSPC", "EDQUOT", "EIO", "EMFILE"] as const) {
  Deno.test(`${code} at any call: the file is whole, unless its bytes cannot be read back`, async () => {
    const outcomes = await failAtEvery({ code });
    const errors = outcomes.filter(({ error }) => error !== undefined);
    for (const { error, files } of errors) {
      assert.ok(code === "EMFILE" || error instanceof DiskError, `${error}`);
      assert.ok(files.calls.read > 0, "it failed though nothing was read");
    }
    // Every segment is written in many calls, and read back in one of 6,000 bytes or two.
    assert.ok(outcomes.length > 40, `${outcomes.length} faults`);
    assert.ok(errors.length >= 3 && errors.length <= 10, `${errors.length} errors`);
  });

  Deno.test(`${code} from any call on: the file is whole, or its reader gets an error`, async () => {
    const outcomes = await failAtEvery({ code, onwards: true });
    assert.ok(outcomes.length > 40, `${outcomes.length} faults`);
    // While nothing was written yet the disk is not needed at all.
    const [first] = outcomes;
    assert.deepEqual([first!.error, first!.spilled], [undefined, false]);
  });
}

Deno.test("a disk that fills up in the middle of any write: the file is whole", async () => {
  for (const written of [1, 500, 999]) {
    const outcomes = await failAtEvery({ call: "write", code: "ENOSPC", written });
    assert.ok(outcomes.length >= 20, `${outcomes.length} faults`);
    for (const { error } of outcomes) assert.equal(error, undefined);
  }
});

Deno.test("any write may be short: the file is whole", async () => {
  for (const { error } of await failAtEvery({ call: "write", code: "short" })) {
    assert.equal(error, undefined);
  }
  const outcomes = await failAtEvery({ call: "write", code: "ENOSPC", written: 100 }, 300);
  assert.ok(outcomes.length >= 80, `${outcomes.length} faults`);
  for (const { error } of outcomes) assert.equal(error, undefined);
});

Deno.test({
  name: `a disk that others fill means backpressure, until they make room again${NEEDS_SMALL_DISK}`,
  ignore: NO_SMALL_DISK,
  async fn() {
    await using disk = await mountSmallDisk();
    const clock = new FakeClock();
    await using opened = await openSpool({
      dir: disk.path,
      maxBytes: 8 * MiB,
      minFreeBytes: 0,
      allowMemory: true,
      now: () => clock.now(),
    });
    const { spool, quiet } = observed(opened);
    const SIZE = 4.5 * MiB;
    const filler = `${disk.path}/filler`;
    const chunk = new Uint8Array(64 * 1024);
    let given = 0;
    let taken = 0;
    const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (given === SIZE) return controller.close();
        const start = given;
        controller.enqueue(chunk.map((_, index) => byteAt(start + index)));
        given += chunk.length;
      },
    }, { highWaterMark: 0 });
    const refusals: (Error | string)[] = [];
    const buffer = new SpillBuffer(source, {
      clock,
      reserveBytes: 3 * MiB,
      spool: {
        ...spool,
        createSegment() {
          // The room was there when it was reserved, and then somebody else was quicker.
          if (refusals.length === 0) Deno.writeFileSync(filler, new Uint8Array(6 * MiB));
          return spool.createSegment();
        },
      },
      onRefused: (why) => refusals.push(why),
    });
    // Where this test fails, the disk can be unmounted all the same.
    await using _ = { [Symbol.asyncDispose]: () => buffer.readable.cancel() };
    await clock.pass(10_000);
    await quiet();
    assert.ok(refusals[0] instanceof DiskError && refusals[0].code === "ENOSPC", `${refusals[0]}`);
    const onDisk = buffer.diskBytes;
    assert.ok(onDisk > MiB && onDisk <= 2 * MiB + chunk.length, `${onDisk} bytes on the disk`);
    assert.ok(given < onDisk + 2 * MiB, `${given} bytes given`);
    await Deno.remove(filler);
    for (let second = 0; second < 10; second++) {
      await clock.pass(1_000);
      await quiet();
    }
    await buffer.sourceEnded;
    for await (const chunk of buffer.readable) {
      for (const byte of chunk) if (byte !== byteAt(taken++)) assert.fail(`byte ${taken}`);
    }
    assert.equal(taken, SIZE);
    await clock.pass(60_000);
    const { bytes, reservedBytes, freeBytes } = await opened.stats();
    assert.deepEqual({ bytes, reservedBytes }, { bytes: 0, reservedBytes: 0 });
    assert.ok(freeBytes > 8 * MiB - 64 * 1024, `${freeBytes} bytes free`);
  },
});
