/** A download whose client leaves and comes back, at any byte, while disks refuse and fail. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ResumableDownload, TAIL_BYTES } from "../../runs/resumable_download.ts";
import { createResumptions } from "../../runs/resumptions.ts";
import { createDiskFixture, type DiskStoreFixture } from "../storage/disk_store/fixture.ts";
import { FakeClock, FakeSpool, settle } from "../storage/spool/fake_spool.ts";
import { inTime } from "../waiting.ts";

type Chunk = Uint8Array<ArrayBuffer>;

const WINDOW = 120_000;

const MIB = 1024 * 1024;

/** A file that tells each of its bytes from those around it. */
function fileOf(size: number): Chunk {
  return Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8)) % 251);
}

/** A run that gives a file in chunks, as fast as it is asked, and knows whether it was cancelled. */
function runOf(file: Chunk, chunk: number, end?: Error) {
  let at = 0;
  const run = { cancelled: false, given: () => at };
  const body = new ReadableStream<Chunk>({
    pull(controller) {
      if (at < file.length) controller.enqueue(file.slice(at, at + chunk));
      at = Math.min(at + chunk, file.length);
      if (at < file.length) return;
      if (end) controller.error(end);
      else controller.close();
    },
    cancel: () => void (run.cancelled = true),
  }, { highWaterMark: 0 });
  return { ...run, run, body };
}

/** A download, and all that it could hold. */
function setup(disk: DiskStoreFixture, file: Chunk, chunk: number, end?: Error) {
  const spool = new FakeSpool();
  const clock = new FakeClock();
  const { body, run, given } = runOf(file, chunk, end);
  let overs = 0;
  const download = new ResumableDownload(
    body,
    {
      spool,
      store: disk.store,
      reserve: (bytes, tenant) => disk.quota.reserve(bytes, tenant, "file"),
      clock,
    },
    { id: "a", key: "k", window: WINDOW, mediaType: "text/csv", filename: "a.csv" },
    () => overs++,
  );
  const reader = download.readable.getReader();
  reader.closed.catch(() => {});
  return {
    spool,
    clock,
    run,
    given,
    download,
    reader,
    /** Reads so many chunks, or fewer where there are no more; how many bytes that were. */
    async read(chunks: number): Promise<number> {
      let bytes = 0;
      for (let count = 0; count < chunks; count++) {
        const { done, value } = await reader.read();
        if (done) break;
        bytes += value.length;
      }
      return bytes;
    },
    /** Lets its window pass, and expects that nothing is left. */
    async assertFreed(): Promise<void> {
      await inTime(
        (async () => {
          while ((await disk.held()).reserved > 0 || spool.open > 0) await clock.pass(WINDOW);
        })(),
        "all is given back",
      );
      assert.deepEqual(spool.misuse, []);
      assert.deepEqual([spool.stored, spool.reserved, clock.timers], [0, 0, 0]);
      assert.deepEqual((await disk.held()).names, []);
      assert.equal(overs, 1);
    },
  };
}

async function bytesOf(stream: ReadableStream<Chunk>): Promise<Chunk> {
  return await new Response(stream).bytes();
}

/** The file for a client that comes back, when it is there. */
async function resumed({ download, clock }: ReturnType<typeof setup>) {
  const coming = download.resume(WINDOW / 2);
  coming.catch(() => {});
  const file = await coming;
  await clock.pass(0);
  assert.ok(file && file !== "later");
  return file;
}

Deno.test("a client that leaves anywhere gets the rest from anywhere on that it may have lost", async () => {
  await using disk = await createDiskFixture();
  await fc.assert(fc.asyncProperty(
    fc.record({
      size: fc.integer({ min: 1, max: 400 }),
      chunk: fc.integer({ min: 1, max: 60 }),
      reads: fc.integer({ min: 1, max: 10 }),
      from: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      breaks: fc.integer({ min: 0, max: 3 }),
    }),
    async ({ size, chunk, reads, from, breaks }) => {
      const file = fileOf(size);
      const one = setup(disk, file, chunk);
      const bytes = await one.read(reads);
      if (bytes < size) await one.reader.cancel();
      else await one.read(1);
      // What came in one piece is not kept.
      if (bytes === size && chunk >= size) return await one.assertFreed();
      const { size: whole, first, read } = await resumed(one);
      assert.deepEqual([whole, first], [size, 0]);
      const offset = Math.floor(from * size);
      for (let count = 0; count < breaks; count++) {
        const rest = await read({ first: offset, last: size - 1 });
        const part = rest!.getReader();
        await part.read();
        await part.cancel();
      }
      const rest = await bytesOf((await read({ first: offset, last: size - 1 }))!);
      assert.deepEqual(rest, file.subarray(offset));
      assert.deepEqual(await one.download.delivered("digest"), { state: "complete" });
      assert.equal(one.run.cancelled, false);
      await one.assertFreed();
    },
  ));
});

Deno.test("a disk that refuses or fails at any call costs what can be resumed, and nothing else", async () => {
  await using disk = await createDiskFixture();
  await fc.assert(fc.asyncProperty(
    fc.record({
      chunk: fc.integer({ min: 1, max: 60 }),
      reads: fc.integer({ min: 1, max: 10 }),
      at: fc.integer({ min: 0, max: 12 }),
      refuses: fc.boolean(),
    }),
    async ({ chunk, reads, at, refuses }) => {
      const file = fileOf(400);
      const one = setup(disk, file, chunk);
      let calls = 0;
      one.spool.fault = () => {
        if (calls++ !== at) return undefined;
        if (!refuses) return { error: new Error("EIO") };
        one.spool.quota = 0;
      };
      const bytes = await one.read(reads);
      assert.equal(bytes, Math.min(400, chunk * reads));
      await one.reader.cancel();
      const file1 = await one.download.resume(WINDOW / 2);
      if (file1 && file1 !== "later") {
        const rest = await bytesOf((await file1.read({ first: 0, last: 399 }))!);
        assert.deepEqual(rest, file);
      } else assert.equal(one.run.cancelled, bytes < 400);
      await one.assertFreed();
    },
  ));
});

Deno.test("of what was sent, the last 20 MiB are kept", async () => {
  await using disk = await createDiskFixture();
  const file = fileOf(50 * MIB);
  const one = setup(disk, file, 256 * 1024);
  await one.read(180);
  await settle();
  assert.ok(one.spool.stored >= TAIL_BYTES, `${one.spool.stored}`);
  assert.ok(one.spool.stored <= TAIL_BYTES + 9 * MIB, `${one.spool.stored}`);
  await one.reader.cancel();
  const { size, first, read } = await resumed(one);
  assert.equal(size, file.length);
  assert.ok(first > 0 && first <= 45 * MIB - TAIL_BYTES);
  assert.deepEqual(await bytesOf((await read({ first, last: size - 1 }))!), file.subarray(first));
  await one.assertFreed();
});

Deno.test("a client that comes back while the rest is made is asked to come later, and has its window anew", async () => {
  await using disk = await createDiskFixture();
  const file = fileOf(100);
  const one = setup(disk, file, 10);
  await one.read(2);
  const going = Promise.withResolvers<void>();
  one.spool.delay = (call) => call === "read" ? going.promise : Promise.resolve();
  await one.reader.cancel();
  for (let count = 0; count < 3; count++) {
    const later = one.download.resume(1_000);
    await one.clock.pass(WINDOW - 1);
    assert.equal(await later, "later");
  }
  going.resolve();
  const { read } = await resumed(one);
  assert.deepEqual(await bytesOf((await read({ first: 20, last: 99 }))!), file.subarray(20));
  await one.assertFreed();
});

Deno.test("a run whose client does not come back in time is cancelled, also while it goes on", async () => {
  await using disk = await createDiskFixture();
  const one = setup(disk, fileOf(100), 10);
  await one.read(2);
  const going = Promise.withResolvers<void>();
  one.spool.delay = (call) => call === "read" ? going.promise : Promise.resolve();
  await one.reader.cancel();
  await one.clock.pass(WINDOW);
  assert.deepEqual(await one.download.delivered(undefined), { state: "cancelled" });
  assert.equal(one.run.cancelled, true);
  assert.equal(await one.download.resume(1_000), undefined);
  going.resolve();
  await one.assertFreed();
});

Deno.test("a run that breaks breaks its download, whoever has it", async () => {
  await using disk = await createDiskFixture();
  const end = new Error("The source broke");
  const read = setup(disk, fileOf(100), 10, end);
  await assert.rejects(() => read.read(100), end);
  assert.deepEqual(await read.download.delivered(undefined), { state: "failed", error: end });
  await read.assertFreed();
  const left = setup(disk, fileOf(100), 10, end);
  await left.read(2);
  await left.reader.cancel();
  assert.deepEqual(await left.download.delivered(undefined), { state: "failed", error: end });
  assert.equal(await left.download.resume(1_000), undefined);
  await left.assertFreed();
});

Deno.test("of downloads that wait, the oldest end where there are too many; those of the process before are gone", async () => {
  await using disk = await createDiskFixture();
  const spool = new FakeSpool();
  const clock = new FakeClock();
  const reserve = (bytes: number) => disk.quota.reserve(bytes, undefined, "file");
  await disk.store.put("rest-old", ReadableStream.from([new Uint8Array(3)]), {
    metadata: { mediaType: "text/csv", filename: "a.csv" },
    expiresAt: new Date(Date.now() + 1e9),
  });
  const { store } = disk;
  const resumptions = await createResumptions({ spool, store, reserve, clock, maxWaiting: 2 });
  assert.deepEqual((await disk.held()).names, []);
  for (const id of ["a", "b", "c", "d"]) {
    const { body } = runOf(fileOf(100), 10);
    const of = { id, key: id, window: WINDOW, mediaType: "text/csv", filename: "a.csv" };
    const reader = resumptions.open(body, of).readable.getReader();
    await reader.read();
    // The first is being read.
    if (id === "a") continue;
    await reader.cancel();
    await (await resumptions.find(id, id, 0))!.resume(WINDOW);
  }
  const found = await Promise.all(["a", "b", "c", "d"].map((id) => resumptions.find(id, id, 0)));
  assert.deepEqual(found.map((one) => one !== undefined), [true, false, false, true]);
  resumptions.close();
});
