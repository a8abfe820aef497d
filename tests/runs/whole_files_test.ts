/** Whole files that are kept, replaced, evicted and expired, over a store in a directory of its own. */

import assert from "node:assert/strict";
import type { TableTask } from "../../runs/protocol.ts";
import type { StartRun } from "../../runs/run.ts";
import { createWholeFiles, type MakeOptions, type WholeFiles } from "../../runs/whole_files.ts";
import type { StoredObject } from "../../storage/store.ts";
import { createDiskFixture, type DiskStoreFixture } from "../storage/disk_store/fixture.ts";
import { fakeTask } from "./fixture.ts";

const KIB = 1024;

/** Milliseconds for which files are kept. */
const KEEP = 600_000;

/** Whole files whose runs give 100 KiB, of the byte and in the time that the test sets. */
async function setup(disk?: DiskStoreFixture) {
  disk ??= await createDiskFixture();
  const { store, quota, clock } = disk;
  const calls = { runs: 0, expire: 0 };
  const made = { byte: 1, milliseconds: 0, truncated: [] as string[] };
  const startRun: StartRun = (id) => {
    calls.runs++;
    const body = new ReadableStream({
      pull(controller) {
        clock.now = new Date(clock.now.getTime() + made.milliseconds);
        controller.enqueue(new Uint8Array(100 * KIB).fill(made.byte));
        controller.close();
      },
    });
    return Promise.resolve({ id, body, truncated: made.truncated });
  };
  const wholeFiles = await createWholeFiles({
    store: {
      ...store,
      expire: (now) => {
        calls.expire++;
        return store.expire(now);
      },
    },
    reserve: (bytes) => quota.reserve(bytes, undefined, "file"),
    keep: KEEP,
    now: () => clock.now,
  });
  let ids = 0;
  const options = (key: string): MakeOptions => ({
    startRun,
    id: `run-${ids++}`,
    key,
    mediaType: "text/csv",
    filename: "a.csv",
    signal: new AbortController().signal,
  });
  return {
    wholeFiles,
    calls,
    made,
    pass: (milliseconds: number) => {
      clock.now = new Date(clock.now.getTime() + milliseconds);
    },
    /** Makes the file of a task and reads it. */
    make: (name: string) =>
      wholeFiles.make(fakeTask(name), options(name), async (object) => {
        await readAll(wholeFiles, object);
        return object;
      }),
    options,
    /** What the next process has. */
    restart: async () => setup(await disk.reopen({ now: clock.now })),
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  };
}

async function readAll(wholeFiles: WholeFiles, object: StoredObject): Promise<number> {
  const file = await wholeFiles.read(object);
  return (await new Response(file!.body).bytes()).length;
}

Deno.test("a file is made without looking for others that have expired", async () => {
  await using files = await setup();
  for (const name of ["a", "b", "a"]) await files.make(name);
  assert.deepEqual(files.calls, { runs: 3, expire: 0 });
  await files.wholeFiles.expire();
  assert.equal(files.calls.expire, 1);
});

Deno.test("a file is found for as long as it is kept, and not a millisecond longer", async () => {
  await using files = await setup();
  const { etag } = await files.make("a");
  files.pass(KEEP - 1);
  assert.equal(files.wholeFiles.find("a")?.object.etag, etag);
  files.pass(1);
  assert.equal(files.wholeFiles.find("a"), undefined);
});

Deno.test("a file that takes longer to make than it is kept is kept as long as any", async () => {
  await using files = await setup();
  files.made.milliseconds = 10 * KEEP;
  await files.make("a");
  files.pass(KEEP - 1);
  assert.ok(files.wholeFiles.find("a"));
});

Deno.test("the files that were read least recently are evicted, and are not found any more", async () => {
  await using files = await setup();
  const { wholeFiles } = files;
  for (const name of ["a", "b", "c"]) await files.make(name);
  const a = wholeFiles.find("a")!;
  assert.equal(await readAll(wholeFiles, a.object), 100 * KIB);
  assert.equal(await wholeFiles.evict(150 * KIB), true);
  const found = ["a", "b", "c"].map((name) => wholeFiles.find(name) !== undefined);
  assert.deepEqual(found, [true, false, false]);
  assert.equal(await wholeFiles.evict(150 * KIB), false, "there is not so much");
  assert.ok(wholeFiles.find("a"));
});

Deno.test("a file that a client waits for is not evicted, and is whole for it", async () => {
  await using files = await setup();
  const { wholeFiles } = files;
  const bytes = await wholeFiles.make(fakeTask("a"), files.options("a"), async (object) => {
    assert.equal(await wholeFiles.evict(1), false);
    return await readAll(wholeFiles, object);
  });
  assert.equal(bytes, 100 * KIB);
  assert.equal(await wholeFiles.evict(1), true);
});

Deno.test("who may have a part of an evicted file of other bytes is not given a newer one for it", async () => {
  await using files = await setup();
  const { wholeFiles } = files;
  await files.make("a");
  assert.equal(wholeFiles.find("a")!.replacedOther, false);
  await wholeFiles.evict(1);
  await files.make("a");
  assert.equal(wholeFiles.find("a")!.replacedOther, false, "it has the same bytes");
  await wholeFiles.evict(1);
  files.made.byte = 2;
  await files.make("a");
  assert.equal(wholeFiles.find("a")!.replacedOther, true);
});

Deno.test("a kept file is found after a restart, for as long as it would have been, and is whole", async () => {
  await using files = await setup();
  const { key, etag } = await files.make("a");
  files.pass(KEEP - 1);
  const next = await files.restart();
  const found = next.wholeFiles.find("a")!;
  assert.deepEqual([found.object.key, found.object.etag, found.replacedOther], [key, etag, false]);
  assert.equal(await readAll(next.wholeFiles, found.object), 100 * KIB);
  assert.equal(next.wholeFiles.find("b"), undefined);
  next.pass(1);
  assert.equal(next.wholeFiles.find("a"), undefined);
});

Deno.test("a file that replaced another one is known for it after a restart", async () => {
  await using files = await setup();
  const replacedOther = async () => (await files.restart()).wholeFiles.find("a")!.replacedOther;
  await files.make("a");
  await files.make("a");
  assert.equal(await replacedOther(), false, "both have the same bytes");
  files.made.byte = 2;
  await files.make("a");
  assert.equal(await replacedOther(), true);
  await files.make("a");
  assert.equal(await replacedOther(), true, "some client may have a part of the first");
});

Deno.test("files that are kept for something else are not taken for a request's", async () => {
  const disk = await createDiskFixture();
  await using _files = await setup(disk);
  await disk.store.put("other", new Response("x").body!, {
    metadata: { mediaType: "text/csv", filename: "a.csv" },
    expiresAt: new Date(8.64e15),
  });
  const next = await _files.restart();
  assert.equal(next.wholeFiles.find("other"), undefined);
});

Deno.test("a file that may not hold all rows says so, and is not found by a process that cannot know", async () => {
  await using files = await setup();
  files.made.truncated = ["a"];
  const task = { ...fakeTask("a"), tables: [{ truncate: true } as TableTask] };
  const told = await files.wholeFiles.make(
    task,
    files.options("a"),
    (_, truncated) => Promise.resolve(truncated),
  );
  assert.deepEqual(told, ["a"]);
  assert.deepEqual(files.wholeFiles.find("a")!.truncated, ["a"]);
  assert.equal((await files.restart()).wholeFiles.find("a"), undefined);
});

Deno.test("equal requests that may join are one run, which ends when all that wait for it have left", async () => {
  await using files = await setup();
  const { wholeFiles, calls, options } = files;
  const ask = (key: string, signal = new AbortController().signal) =>
    wholeFiles.make(
      fakeTask(key),
      { ...options(key), signal, joins: true },
      async (object) => [object.key, await readAll(wholeFiles, object)] as const,
    );
  const stops = [new AbortController(), new AbortController()] as const;
  const leaving = stops.map(({ signal }) => ask("a", signal));
  const staying = [ask("a"), ask("a"), ask("b")];
  for (const stop of stops) stop.abort(new Error("left"));
  const ended = await Promise.allSettled([...leaving, ...staying]);
  assert.deepEqual(ended.map(({ status }) => status), [
    "rejected",
    "rejected",
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ]);
  const keys = (await Promise.all(staying)).map(([key]) => key);
  assert.equal(keys[0], keys[1]);
  assert.notEqual(keys[0], keys[2]);
  assert.equal(calls.runs, 2);

  const all = [new AbortController(), new AbortController()] as const;
  const asked = all.map(({ signal }) => ask("c", signal));
  for (const stop of all) stop.abort(new Error("left"));
  // Whether the run was ended or had ended, the next one is another.
  await Promise.allSettled(asked);
  await ask("c");
  assert.equal(calls.runs, 4);
  assert.equal(await wholeFiles.evict(1), true);
});
