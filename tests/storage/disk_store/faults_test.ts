import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DiskError } from "../../../storage/disk/error.ts";
import { bodyOf, chunksOf, noise, PUT, read } from "../../contracts/store_contract.ts";
import { createDiskFixture, type DiskStoreFixture } from "./fixture.ts";
import { type Fault, type FaultyFiles, faultyFiles } from "../disk/faulty_files.ts";

/** What a call meets, but for its place. */
type Kind = Omit<Fault, "at">;

/** The disk's errors and one that is not, once, from then on, and after a write that is short. */
const KINDS: readonly Kind[] = [
  ...(["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EMFILE"] as const).flatMap((code) => [
    { code },
    { code, onwards: true },
    { code, written: 100 },
  ]),
  { code: "short" },
  { code: "short", onwards: true },
];

const OLD = noise(100_000, 1);
const NEW = noise(90_000, 2);
const OTHER = noise(50_000, 3);

/** A store on a file system that fails, with a file in it that nothing may touch. */
interface FaultyFixture extends DiskStoreFixture {
  readonly files: FaultyFiles;
}

async function createFaulty(): Promise<FaultyFixture> {
  const files = faultyFiles();
  const fixture = await createDiskFixture({ files });
  await fixture.store.put("other", bodyOf([OTHER]), PUT);
  return { ...fixture, files };
}

function isSame(bytes: Uint8Array | undefined, expected: Uint8Array): boolean {
  return bytes !== undefined && Buffer.compare(bytes, expected) === 0;
}

/** Bytes of all files in the store's directory. */
function bytesIn(dir: string): number {
  return [...Deno.readDirSync(dir)]
    .reduce((sum, { name }) => sum + Deno.statSync(`${dir}/${name}`).size, 0);
}

/** Resolves to whether the work came through, or failed as a fault of its kind must show. */
async function comesThrough(work: () => Promise<unknown>, { code }: Kind): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (code === "EMFILE") {
      assert.match(String(error), /os error 24/);
    } else {
      assert(error instanceof DiskError, `${error}`);
      assert.equal(error.code, code); // which is never "short": that is no error
    }
    return false;
  }
}

/** A piece of work that is tried with a fault at each of its calls. */
interface Work {
  /** Makes the store ready, without a fault. */
  prepare?(fixture: FaultyFixture): Promise<unknown>;
  /** Does the work. */
  run(fixture: FaultyFixture): Promise<unknown>;
  /** Looks, without a fault, at what there is when it came through or failed. */
  check(fixture: FaultyFixture, through: boolean, kind: Kind): Promise<void>;
}

/**
 * Tries a piece of work with each kind of fault at its first call, its second, … until it meets none.
 * Whatever happens, no descriptor stays open, what is on the disk is reserved, and when the disk works
 * again everything can be put back as it was.
 */
async function atEveryCall({ prepare, run, check }: Work): Promise<void> {
  let failures = 0;
  for (const kind of KINDS) {
    await using fixture = await createFaulty();
    const { store, files, quota, dir } = fixture;
    const before = await fixture.held();
    for (let at = 1;; at++) {
      const where = `${JSON.stringify(kind)} at call ${at}`;
      assert(at < 50, `${where}: it never comes through`);
      await prepare?.(fixture);
      const failed = files.failed;
      files.setFaults([{ ...kind, at }]);
      const through = await comesThrough(() => run(fixture), kind);
      files.setFaults([]);
      const met = files.failed > failed;

      assert.deepEqual(files.openFiles, [], where);
      assert(bytesIn(dir) <= quota.reservedBytes, `${where}: bytes that nobody reserved`);
      assert(isSame(await read(store, "other"), OTHER), `${where}: another file was touched`);
      await check(fixture, through, kind);

      // A failing disk keeps names that should go; they go when it works again.
      await store.expire(fixture.clock.now);
      const { recovery, ...again } = (await fixture.reopen()).store;
      assert.deepEqual(recovery.damaged, [], where);
      assert.deepEqual(recovery.unfinished, [], where);
      for (const key of ["file", "other"]) {
        assert.deepEqual(await again.head(key), await store.head(key), where);
      }
      await store.delete("file");
      assert.deepEqual(await fixture.held(), before, where);

      if (!through) failures++;
      if (!met) {
        assert(through, `${where}: it fails without a fault`);
        break;
      }
    }
  }
  assert(failures > 30, `only ${failures} faults made it fail`);
}

const put = (bytes: Uint8Array) => ({ store }: FaultyFixture) =>
  store.put("file", bodyOf(chunksOf(bytes, 30_000)), PUT);

Deno.test("a put that fails at any call leaves nothing", async () => {
  await atEveryCall({
    run: put(NEW),
    async check({ store, dir, quota }, through, kind) {
      const got = await read(store, "file");
      assert(through ? isSame(got, NEW) : got === undefined);
      if (through || kind.onwards) return;
      assert.equal([...Deno.readDirSync(dir)].length, 1);
      assert.equal(quota.reservedBytes, 13 * 4096); // the other file
    },
  });
});

Deno.test("a put that fails at any call leaves the file that it would have replaced", async () => {
  await atEveryCall({
    prepare: put(OLD),
    run: put(NEW),
    async check({ store }, through) {
      assert(isSame(await read(store, "file"), through ? NEW : OLD));
    },
  });
});

Deno.test("the body of a put that fails is cancelled with the error", async () => {
  await using fixture = await createFaulty();
  for (const call of ["open", "write", "syncData", "rename", "syncDirectory"] as const) {
    fixture.files.setFaults([{ call, at: 1, code: "ENOSPC" }]);
    const body = bodyOf(chunksOf(NEW, 30_000));
    const error = await fixture.store.put("file", body, PUT).catch((error) => error);
    assert(error instanceof DiskError);
    assert.match(error.message, /^Cannot store "file": no space is left on the disk \(ENOSPC\)/);
    // One that was read to its end cannot be cancelled any more.
    const read = call !== "open" && call !== "write";
    assert.equal(body.cancelledWith, read ? undefined : error, call);
  }
});

for (const range of [undefined, { first: 10_000, last: 99_000 }]) {
  Deno.test(`a file is read whole or not at all, ${range ? "a range" : "all of it"}`, async () => {
    const expected = range ? OLD.subarray(10_000, 99_001) : OLD;
    let got: Uint8Array | undefined;
    await atEveryCall({
      prepare: put(OLD),
      async run({ store }) {
        got = undefined;
        got = await read(store, "file", range);
      },
      async check({ store }, through) {
        if (through) assert(isSame(got, expected));
        assert(
          isSame(await read(store, "file"), OLD),
          "the disk works again, and the file is gone",
        );
      },
    });
  });
}

Deno.test("a file is deleted, or stays", async () => {
  await atEveryCall({
    prepare: put(OLD),
    run: ({ store }) => store.delete("file"),
    async check({ store }, through) {
      const got = await read(store, "file");
      assert(got === undefined || (!through && isSame(got, OLD)));
    },
  });
});

Deno.test("a file that cannot be removed does not keep others from expiring", async () => {
  await using fixture = await createFaulty();
  const { store, files, quota, clock } = fixture;
  const expiresAt = new Date(clock.now.getTime() + 1);
  for (const key of ["a", "b", "c"]) await store.put(key, bodyOf([OLD]), { ...PUT, expiresAt });
  files.setFaults([{ call: "remove", at: 2, code: "EIO" }]);
  await assert.rejects(store.expire(expiresAt), DiskError);
  assert.equal(quota.reservedBytes, (13 + 25) * 4096); // the other file, and the one that stays
  assert.equal(await store.expire(expiresAt), 100_000);
  assert.equal(quota.reservedBytes, 13 * 4096);
});

Deno.test("an open that fails at any call finds all of it the next time", async () => {
  await using fixture = await createFaulty();
  await put(OLD)(fixture);
  const kinds = KINDS.filter(({ code }) => code !== "short");
  let kept = 0;
  for (const kind of kinds) {
    for (let at = 1;; at++) {
      const files = faultyFiles({ faults: [{ ...kind, at }] });
      const opened = await comesThrough(async () => {
        const { store, quota, held } = await fixture.reopen({ files });
        kept += store.recovery.objects;
        assert.equal(store.recovery.objects + store.recovery.refused.length, 2);
        const blocks = (await store.head("file") ? 25 : 0) + (await store.head("other") ? 13 : 0);
        assert.equal(quota.reservedBytes, blocks * 4096);
        assert.equal((await held()).descriptors, 0);
      }, kind);
      assert.deepEqual(files.openFiles, []);
      if (files.failed === 0) {
        assert(opened);
        break;
      }
    }
    const { store } = await fixture.reopen();
    assert(isSame(await read(store, "file"), OLD));
    assert(isSame(await read(store, "other"), OTHER));
  }
  assert(kept > kinds.length);
});
