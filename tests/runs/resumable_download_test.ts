/** A download whose client leaves and comes back, at any byte, while disks refuse and fail. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type HeldFile, ResumableDownload, TAIL_BYTES } from "../../runs/resumable_download.ts";
import { createResumptions } from "../../runs/resumptions.ts";
import type { Delivery } from "../../storage/spool/spill_buffer.ts";
import { createDiskFixture, type DiskStoreFixture } from "../storage/disk_store/fixture.ts";
import { FakeClock, FakeSpool, settle, type SpoolCall } from "../storage/spool/fake_spool.ts";
import { inTime } from "../waiting.ts";

type Chunk = Uint8Array<ArrayBuffer>;

const WINDOW = 120_000;

const MIB = 1024 * 1024;

/** A file that tells each of its bytes from those around it. */
function fileOf(size: number): Chunk {
  const file = new Uint8Array(size);
  for (let index = 0; index < size; index++) file[index] = (index * 7 + (index >> 8)) % 251;
  return file;
}

/** How a run gives its file. */
interface RunOptions {
  readonly chunk: number;
  /** The error that it ends with. @default none */
  readonly error?: Error | undefined;
  /** Awaited before each chunk, and before the end. @default nothing */
  readonly pause?: () => Promise<void>;
}

/** A run that gives a file, and knows whether it was cancelled. */
function runOf(file: Chunk, { chunk, error, pause = () => Promise.resolve() }: RunOptions) {
  let at = 0;
  const run = { cancelled: false };
  const body = new ReadableStream<Chunk>({
    async pull(controller) {
      await pause();
      if (run.cancelled) return;
      if (at < file.length) controller.enqueue(file.slice(at, at + chunk));
      at = Math.min(at + chunk, file.length);
      if (at < file.length) return;
      if (error) controller.error(error);
      else controller.close();
    },
    cancel: () => void (run.cancelled = true),
  }, { highWaterMark: 0 });
  return { run, body };
}

/** A disk's store and its room, and how many files are on their way into the store or out of it. */
function watched(disk: DiskStoreFixture) {
  let changing = 0;
  const store = {
    ...disk.store,
    put: (...file: Parameters<typeof disk.store.put>) =>
      disk.store.put(...file).finally(() => changing--),
    delete(key: string) {
      changing++;
      return disk.store.delete(key).finally(() => changing--);
    },
  };
  /** Room is asked for right before a file is put. */
  async function reserve(bytes: number, tenant?: string) {
    changing++;
    const reservation = await disk.quota.reserve(bytes, tenant, "file");
    if (typeof reservation === "string") changing--;
    return reservation;
  }
  return { store, reserve, changing: () => changing };
}

/** A download, and all that it could hold. */
function setup(disk: DiskStoreFixture, file: Chunk, options: RunOptions) {
  const spool = new FakeSpool();
  const clock = new FakeClock();
  const { body, run } = runOf(file, options);
  let overs = 0;
  const { store, reserve, changing } = watched(disk);
  const download = new ResumableDownload(
    body,
    { tails: spool, store, reserve, clock },
    { id: "a", key: "k", window: WINDOW },
    () => overs++,
  );
  const reader = download.readable.getReader();
  reader.closed.catch(() => {});
  let delivery: Delivery | undefined;
  void download.delivered("digest").then((state) => delivery = state);
  return {
    spool,
    clock,
    run,
    download,
    reader,
    get delivery() {
      return delivery;
    },
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
    /** The file for a client that comes back with so many bytes; undefined where it is gone. */
    async resume(bytes: number): Promise<HeldFile | undefined> {
      if (!download.follows(bytes)) return undefined;
      const found = await inTime(download.resume(WINDOW), "the file");
      assert.notEqual(found, "later");
      return found as HeldFile | undefined;
    },
    /** Lets its window pass, and expects that nothing is left. */
    async assertFreed(): Promise<void> {
      const left = async () =>
        changing() + spool.open + spool.reserved + (await disk.held()).reserved + clock.timers;
      await inTime(
        (async () => {
          while (await left() > 0 || !delivery) await clock.pass(WINDOW);
        })(),
        "all is given back",
      );
      assert.deepEqual(spool.misuse, []);
      assert.deepEqual([spool.stored, spool.reserved, clock.timers], [0, 0, 0]);
      assert.deepEqual((await disk.held()).names, []);
      assert.equal(overs, 1);
      assert.equal(download.phase, "over");
    },
  };
}

async function bytesOf(stream: ReadableStream<Chunk> | undefined): Promise<Chunk> {
  return await new Response(stream!).bytes();
}

Deno.test("a client that leaves anywhere gets the rest from anywhere on that it may have lost", async () => {
  await using disk = await createDiskFixture();
  await fc.assert(fc.asyncProperty(
    fc.record({
      size: fc.integer({ min: 1, max: 400 }),
      chunk: fc.integer({ min: 1, max: 60 }),
      reads: fc.integer({ min: 1, max: 10 }),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      breaks: fc.integer({ min: 0, max: 3 }),
    }),
    async ({ size, chunk, reads, from, breaks }) => {
      const file = fileOf(size);
      const one = setup(disk, file, { chunk });
      const bytes = await one.read(reads);
      if (bytes < size) await one.reader.cancel();
      else await one.read(1);
      // What came in one piece is not kept.
      if (bytes === size && chunk >= size) {
        assert.equal(one.download.follows(0), false);
        return await one.assertFreed();
      }
      const offset = Math.floor(from * bytes);
      assert.equal(one.download.follows(bytes + 1), false, "no client has had so much");
      const held = (await one.resume(offset))!;
      assert.deepEqual([held.size, held.sha256], [size, "digest"]);
      if (bytes < size) assert.equal(one.delivery, undefined, "not all is handed over");
      if (offset === size) held.complete();
      else {
        for (let count = 0; count < breaks; count++) {
          const part = (await held.read({ first: offset, last: size - 1 }))!.getReader();
          await part.read();
          await part.cancel();
        }
        assert.deepEqual(
          await bytesOf(await held.read({ first: offset, last: size - 1 })),
          file.subarray(offset),
        );
      }
      await settle();
      assert.deepEqual(one.delivery, { state: "complete" });
      assert.equal(one.run.cancelled, false);
      await one.assertFreed();
    },
  ));
});

/** What may happen to a download at any moment. */
const STEPS = ["read", "read on", "leave", "come back", "window", "abort", "forget"] as const;

Deno.test("whatever happens in whatever order, no byte is wrong, and nothing is left", async () => {
  await using disk = await createDiskFixture();
  await fc.assert(fc.asyncProperty(
    fc.record({
      chunk: fc.integer({ min: 1, max: 60 }),
      steps: fc.array(fc.constantFrom(...STEPS), { maxLength: 12 }),
      /** How many turns each call to the disk, and each chunk of the source, takes. */
      turns: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
      fault: fc.option(fc.record({
        at: fc.nat({ max: 12 }),
        kind: fc.constantFrom("refused", "failed"),
      })),
      breaks: fc.boolean(),
    }),
    async ({ chunk, steps, turns, fault, breaks }) => {
      const file = fileOf(400);
      let pauses = 0;
      const pause = async () => {
        for (let left = turns[pauses++ % turns.length]!; left > 0; left--) await settle();
      };
      const error = new Error("The source broke");
      const one = setup(disk, file, { chunk, pause, error: breaks ? error : undefined });
      one.spool.delay = pause;
      let calls = 0;
      one.spool.fault = (_call: SpoolCall) => {
        if (!fault || calls++ !== fault.at) return undefined;
        if (fault.kind === "failed") return { error: new Error("EIO") };
        one.spool.quota = 0;
      };
      const got: number[] = [];
      const doing: Promise<unknown>[] = [];
      const begin = (work: Promise<unknown>) => {
        work.catch(() => {});
        doing.push(work);
      };
      for (const step of steps) {
        switch (step) {
          case "read":
          case "read on": {
            const reading = one.reader.read().then(({ value = [] }) => got.push(...value));
            reading.catch(() => {});
            if (step === "read") await reading.catch(() => {});
            break;
          }
          case "leave":
            begin(one.reader.cancel());
            break;
          case "come back":
            await settle();
            if (!one.download.follows(got.length)) break;
            begin(
              one.download.resume(WINDOW).then(async (held) => {
                const first = got.length;
                if (!held || held === "later") return;
                if (first === held.size) return held.complete();
                const body = await held.read({ first, last: held.size - 1 });
                if (body) assert.deepEqual(await bytesOf(body), file.subarray(first));
              }),
            );
            break;
          case "window":
            await one.clock.pass(WINDOW);
            break;
          case "abort":
            one.download.abort(new Error("cancelled"));
            break;
          case "forget":
            one.download.forget();
        }
      }
      begin(one.reader.cancel());
      const done = Promise.allSettled(doing);
      await one.assertFreed();
      for (const { status, reason } of await done as PromiseRejectedResult[]) {
        if (status === "rejected") assert.ok(!(reason instanceof assert.AssertionError), reason);
      }
      assert.deepEqual(got, [...file.subarray(0, got.length)]);
    },
  ));
});

Deno.test("of what was sent, the last 20 MiB are kept", async () => {
  await using disk = await createDiskFixture();
  const file = fileOf(50 * MIB);
  const one = setup(disk, file, { chunk: 256 * 1024 });
  const bytes = await one.read(180);
  await settle();
  assert.ok(one.spool.stored >= TAIL_BYTES, `${one.spool.stored}`);
  assert.ok(one.spool.stored <= TAIL_BYTES + 9 * MIB, `${one.spool.stored}`);
  assert.ok(one.spool.reserved <= TAIL_BYTES + 12.5 * MIB, `${one.spool.reserved}`);
  assert.ok(one.spool.open <= 4, `${one.spool.open} segments of two descriptors`);
  await one.reader.cancel();
  assert.equal(one.download.follows(bytes - TAIL_BYTES - 9 * MIB), false);
  const first = bytes - TAIL_BYTES;
  const held = (await one.resume(first))!;
  const rest = await bytesOf(await held.read({ first, last: file.length - 1 }));
  assert.deepEqual(rest, file.subarray(first));
  await one.assertFreed();
});

Deno.test("a client that comes back while the rest is made is asked to come later, and has its window anew", async () => {
  await using disk = await createDiskFixture();
  const file = fileOf(100);
  const one = setup(disk, file, { chunk: 10 });
  await one.read(2);
  const going = Promise.withResolvers<void>();
  one.spool.delay = (call) => call === "read" ? going.promise : Promise.resolve();
  await one.reader.cancel();
  for (let count = 0; count < 3; count++) {
    const later = one.download.resume(WINDOW);
    await one.clock.pass(WINDOW);
    assert.equal(await later, "later");
    await one.clock.pass(WINDOW - 1);
  }
  going.resolve();
  const held = (await one.resume(20))!;
  const rest = await bytesOf(await held.read({ first: 20, last: 99 }));
  assert.deepEqual(rest, file.subarray(20));
  await one.assertFreed();
});

Deno.test("a window does not end for a client that reads, and whoever reads is broken off where a run is cancelled", async () => {
  await using disk = await createDiskFixture();
  const file = fileOf(1_000_000);
  const one = setup(disk, file, { chunk: 100_000 });
  await one.read(2);
  await one.reader.cancel();
  const held = (await one.resume(0))!;
  const reader = (await held.read({ first: 0, last: 999_999 }))!.getReader();
  await reader.read();
  await one.clock.pass(10 * WINDOW);
  await reader.read();
  assert.equal(one.download.phase, "held");
  one.download.abort(new Error("cancelled"));
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  }, /cancelled/);
  assert.equal(one.delivery?.state, "failed");
  await one.assertFreed();
});

Deno.test("a run whose client does not come back in time is cancelled, also while it goes on", async () => {
  await using disk = await createDiskFixture();
  const one = setup(disk, fileOf(100), { chunk: 10 });
  await one.read(2);
  const going = Promise.withResolvers<void>();
  one.spool.delay = (call) => call === "read" ? going.promise : Promise.resolve();
  await one.reader.cancel();
  await one.clock.pass(WINDOW);
  assert.deepEqual(one.delivery, { state: "cancelled" });
  assert.equal(one.run.cancelled, true);
  assert.equal(one.download.follows(20), false);
  going.resolve();
  await one.assertFreed();
});

Deno.test("a run that breaks breaks its download, whoever has it", async () => {
  await using disk = await createDiskFixture();
  const error = new Error("The source broke");
  const read = setup(disk, fileOf(100), { chunk: 10, error });
  await assert.rejects(() => read.read(100), error);
  assert.deepEqual(read.delivery, { state: "failed", error });
  await read.assertFreed();
  const left = setup(disk, fileOf(100), { chunk: 10, error });
  await left.read(2);
  await left.reader.cancel();
  assert.equal(await left.resume(20), undefined);
  assert.deepEqual(left.delivery, { state: "failed", error });
  await left.assertFreed();
});

Deno.test("a client that leaves where the disk took nothing cancels its run", async () => {
  await using disk = await createDiskFixture();
  const one = setup(disk, fileOf(100), { chunk: 10 });
  one.spool.quota = 0;
  assert.equal(await one.read(2), 20);
  await settle();
  await one.reader.cancel();
  assert.deepEqual(one.delivery, { state: "cancelled" });
  assert.equal(one.run.cancelled, true);
  await one.assertFreed();
});

/** Several downloads of a server. */
async function setupSeveral(
  disk: DiskStoreFixture,
  bounds: { readonly maxWaiting?: number; readonly maxSpare?: number } = {},
) {
  const spool = new FakeSpool();
  const clock = new FakeClock();
  const { store, reserve, changing } = watched(disk);
  const resumptions = await createResumptions({ tails: spool, store, reserve, clock, ...bounds });
  return {
    spool,
    clock,
    resumptions,
    /** Opens one and reads two of its chunks; then it is left, sent, or read on. */
    async open(
      id: string,
      then: "leave" | "finish" | "read on" = "leave",
      { key = id, ...options }: { key?: string; tenant?: string; instead?: boolean } = {},
    ) {
      const { body, run } = runOf(fileOf(100), { chunk: 10 });
      const outlet = resumptions.open(body, { id, key, window: WINDOW, ...options });
      let delivery: Delivery | undefined;
      void outlet.delivered(undefined).then((state) => delivery = state);
      const reader = outlet.readable.getReader();
      reader.closed.catch(() => {});
      for (let count = 0; count < 2; count++) await reader.read();
      if (then === "leave") await reader.cancel();
      if (then === "finish") { while (!(await reader.read()).done); }
      await settle();
      return {
        run,
        reader,
        get delivery() {
          return delivery;
        },
      };
    },
    /** Which of these can be gone on with, by their ids. */
    async found(...ids: string[]): Promise<string> {
      const all = await Promise.all(
        ids.map(async (id) =>
          await resumptions.find({ key: id, id, bytes: 20 }, 0) === undefined ? "" : id
        ),
      );
      return all.join("");
    },
    async [Symbol.asyncDispose]() {
      resumptions.close();
      await inTime(
        (async () => {
          do await settle(); while (changing() > 0);
        })(),
        "no file changes",
      );
    },
  };
}

Deno.test("of downloads that wait, the oldest of who has most ends where there are too many", async () => {
  await using disk = await createDiskFixture();
  await using several = await setupSeveral(disk, { maxWaiting: 3 });
  await several.open("a", "read on", { tenant: "acme" });
  await several.open("b", "leave", { tenant: "globex" });
  for (const id of ["c", "d", "e"]) await several.open(id, "leave", { tenant: "acme" });
  assert.equal(await several.found("a", "b", "c", "d", "e"), "abde");
});

Deno.test("of files that were sent, a few are kept, which go first where others need room", async () => {
  await using disk = await createDiskFixture();
  await using several = await setupSeveral(disk, { maxSpare: 2 });
  for (const id of ["a", "b", "c"]) await several.open(id, "finish");
  const sending = await several.open("d", "read on");
  await several.open("e");
  assert.equal(await several.found("a", "b", "c", "d", "e"), "bcde");
  const left = [];
  while (several.resumptions.reclaim()) left.push(await several.found("b", "c", "d", "e"));
  assert.deepEqual(left, ["cde", "de", "e"]);
  while (!(await sending.reader.read()).done);
  await settle();
  assert.deepEqual(sending.delivery, { state: "complete" });
});

Deno.test("what a process before kept is gone", async () => {
  await using disk = await createDiskFixture();
  await disk.store.put("rest-old", ReadableStream.from([new Uint8Array(3)]), {
    metadata: { mediaType: "text/csv", filename: "a.csv" },
    expiresAt: new Date(Date.now() + 1e9),
  });
  await using _several = await setupSeveral(disk);
  assert.deepEqual((await disk.held()).names, []);
});

Deno.test("a client that names no run goes on with none but its own", async () => {
  await using disk = await createDiskFixture();
  const key = "k";
  const findWithout = (
    { resumptions }: Awaited<ReturnType<typeof setupSeveral>>,
    bytes = 20,
  ) => resumptions.find({ key, bytes }, 0);

  await using left = await setupSeveral(disk);
  await left.open("a", "leave", { key });
  assert.ok(await findWithout(left));
  assert.equal(await findWithout(left, 21), undefined, "no client has had so much");
  assert.equal(await findWithout(left, 0), undefined, "it may have nothing of this one");
  await left.open("b", "read on", { key });
  assert.equal(await findWithout(left), undefined, "it could mean either");

  await using sent = await setupSeveral(disk);
  await sent.open("a", "finish", { key });
  assert.ok(await findWithout(sent, 100));

  await using going = await setupSeveral(disk);
  const { reader } = await going.open("a", "read on", { key });
  const asking = going.resumptions.find({ key, bytes: 20 }, WINDOW);
  while (!(await reader.read()).done);
  assert.equal(await asking, undefined, "another client has it, to its end");

  await using leaving = await setupSeveral(disk);
  const late = await leaving.open("a", "read on", { key });
  const soon = leaving.resumptions.find({ key, bytes: 20 }, WINDOW);
  await late.reader.cancel();
  assert.ok(await soon, "the server hears of the break behind the client");

  await using instead = await setupSeveral(disk);
  await instead.open("a", "leave", { key, instead: true });
  assert.equal(await findWithout(instead), undefined, "its client has a part of another one");
  assert.ok(await instead.resumptions.find({ key, id: "a", bytes: 20 }, 0));

  await using gone = await setupSeveral(disk);
  await gone.open("a", "leave", { key });
  await gone.clock.pass(WINDOW);
  await gone.open("b", "leave", { key });
  assert.equal(await findWithout(gone), undefined, "it may have a part of the one that is gone");
  assert.ok(await gone.resumptions.find({ key, id: "b", bytes: 20 }, 0));
});

Deno.test("as a server ends, what waits ends, and what is sent has no one wait", async () => {
  await using disk = await createDiskFixture();
  await using several = await setupSeveral(disk);
  const [left, sending] = [await several.open("a"), await several.open("b", "read on")];
  several.resumptions.close();
  await settle();
  assert.equal(left.delivery?.state, "failed");
  assert.equal(sending.delivery, undefined);
  await sending.reader.cancel();
  await settle();
  assert.deepEqual(sending.delivery, { state: "cancelled" });
  assert.deepEqual([sending.run.cancelled, several.spool.open], [true, 0]);
});
