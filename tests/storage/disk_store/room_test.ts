import assert from "node:assert/strict";
import { createDiskStore } from "../../../storage/disk_store/mod.ts";
import { systemFiles } from "../../../storage/disk/file_system.ts";
import type { Reservation } from "../../../storage/disk/quota.ts";
import { NoRoomError, type PutOptions } from "../../../storage/store.ts";
import { bodyOf, chunksOf, noise, PUT, read } from "../../contracts/store_contract.ts";
import { createDiskFixture, type DiskStoreFixture } from "./fixture.ts";
import { faultyFiles } from "../disk/faulty_files.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** A body of a length, in chunks of 64 KiB; what was pulled of it shows in `read`. */
function counted(length: number) {
  let pulled = 0;
  const body = bodyOf((function* () {
    for (const chunk of chunksOf(noise(length), 64 * KIB)) {
      pulled += chunk.length;
      yield chunk;
    }
  })());
  return {
    body,
    get pulled() {
      return pulled;
    },
  };
}

/** Takes room of the fixture's quota, which must have it. */
async function take({ quota }: DiskStoreFixture, bytes: number): Promise<Reservation> {
  const reservation = await quota.reserve(bytes);
  if (typeof reservation === "string") throw new Error(reservation);
  return reservation;
}

function refusedFor(reason: string): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof NoRoomError, String(error));
    assert.equal(error.reason, reason);
    assert.equal(error.message, `Cannot store "file": no room (${reason})`);
    return true;
  };
}

const SIZES: readonly [size: number, reserved: number][] = [
  [0, 4 * KIB],
  [3, 4 * KIB],
  [4 * KIB, 8 * KIB], // the trailer takes the second block
  [4 * MIB, 4 * MIB + 4 * KIB], // a whole step; the trailer needs another one
  [10 * MIB, 10 * MIB + 4 * KIB],
];
for (const [size, reserved] of SIZES) {
  Deno.test(`a kept file of ${size} bytes holds ${reserved}, until it goes`, async () => {
    await using fixture = await createDiskFixture();
    const { store, quota } = fixture;
    await store.put("one", counted(size).body, PUT);
    assert.equal(quota.reservedBytes, reserved);
    await store.put("two", counted(size).body, { ...PUT, size });
    assert.equal(quota.reservedBytes, 2 * reserved);
    const files = [...Deno.readDirSync(fixture.dir)];
    const onDisk = files.reduce((sum, { name }) => {
      const { size, blocks } = Deno.statSync(`${fixture.dir}/${name}`);
      assert(512 * blocks! <= reserved, `${blocks} blocks of the disk for ${reserved} bytes`);
      return sum + size;
    }, 0);
    assert.equal(quota.space.writtenBytes, onDisk);
    await store.delete("one");
    assert.equal(quota.reservedBytes, reserved);
    await store.expire(PUT.expiresAt);
    assert.equal(quota.reservedBytes, 0);
    assert.equal(quota.space.writtenBytes, 0);
  });
}

Deno.test("bytes are reserved before they are written", async () => {
  let written = 0;
  let writes = 0;
  const dir = await Deno.makeTempDir();
  await using fixture = await createDiskFixture();
  const { quota, room } = fixture;
  const store = await createDiskStore({
    dir,
    room,
    files: {
      ...systemFiles,
      async open(path, mode) {
        const file = await systemFiles.open(path, mode);
        return {
          ...file,
          async write(from) {
            writes++;
            assert(quota.reservedBytes >= written + from.length, `at ${written}`);
            assert(quota.reservedBytes <= written + from.length + 4 * MIB, `ahead at ${written}`);
            const count = await file.write(from.subarray(0, 50_000));
            written += count;
            return count;
          },
        };
      },
    },
  });
  await store.put("file", counted(9 * MIB).body, { ...PUT, expiresAt: new Date(8.64e15) });
  assert(writes > 180);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("without room nothing is opened, and nothing is read", async () => {
  const files = faultyFiles();
  await using fixture = await createDiskFixture({ files, maxBytes: MIB });
  const before = files.totalCalls;
  for (const options of [PUT, { ...PUT, size: MIB }]) {
    const source = counted(10);
    await assert.rejects(
      fixture.store.put("file", source.body, options),
      refusedFor("quota"),
    );
    assert(source.body.cancelledWith instanceof NoRoomError);
    assert.equal(source.pulled, 0);
  }
  assert.equal(files.totalCalls, before);
  assert.equal(fixture.quota.reservedBytes, 0);
  await fixture.store.put("file", counted(MIB - 8 * KIB).body, { ...PUT, size: MIB - 8 * KIB });
});

Deno.test("a file that outgrows its room is no file, and is read no further", async () => {
  await using fixture = await createDiskFixture({ maxBytes: 10 * MIB });
  const before = await fixture.held();
  const source = counted(20 * MIB);
  await assert.rejects(fixture.store.put("file", source.body, PUT), refusedFor("quota"));
  assert.equal(source.pulled, 8 * MIB + 64 * KIB);
  assert(source.body.cancelledWith instanceof NoRoomError);
  assert.deepEqual(await fixture.held(), before);
});

Deno.test("a tenant's files take its share alone, after a restart too", async () => {
  await using fixture = await createDiskFixture({ maxBytes: 20 * MIB, tenantShare: 0.5 });
  const of = (tenant: string): PutOptions => ({
    ...PUT,
    metadata: { ...PUT.metadata, tenant },
    size: 6 * MIB,
  });
  await fixture.store.put("kept", counted(6 * MIB).body, of("a"));
  for (const store of [fixture.store, (await fixture.reopen()).store]) {
    await assert.rejects(store.put("file", counted(6 * MIB).body, of("a")), refusedFor("tenant"));
    await store.put("other", counted(6 * MIB).body, of("b"));
    await store.delete("other");
  }
});

Deno.test("room that was taken for a file is used for it", async () => {
  await using fixture = await createDiskFixture({ maxBytes: 10 * MIB });
  const { store, quota } = fixture;
  const enough = await take(fixture, 9 * MIB);
  await store.put("file", counted(8 * MIB).body, { ...PUT, reservation: enough });
  assert.equal(quota.reservedBytes, 8 * MIB + 4 * KIB);
  await store.delete("file");
  assert.equal(quota.reservedBytes, 0);

  const little = await take(fixture, MIB);
  await store.put("file", counted(2 * MIB).body, { ...PUT, reservation: little });
  assert.equal(quota.reservedBytes, 2 * MIB + 4 * KIB);
  await store.expire(PUT.expiresAt);
  assert.equal(quota.reservedBytes, 0);
});

Deno.test("room that was taken for a file comes back where the file does not come", async () => {
  await using fixture = await createDiskFixture({ maxBytes: 10 * MIB });
  const { store, quota } = fixture;
  const failures: readonly (readonly [string, Partial<PutOptions>, ReadableStream<Uint8Array>])[] =
    [
      ["../x", {}, bodyOf(["x"])],
      ["x", { metadata: { mediaType: "x".repeat(3_000), filename: "" } }, bodyOf(["x"])],
      ["x", {}, bodyOf(["x"], new Error("broken"))],
      ["x", { size: 5 }, bodyOf(["x"])],
      ["x", {}, counted(20 * MIB).body],
    ];
  for (const [key, options, body] of failures) {
    const reservation = await take(fixture, MIB);
    await assert.rejects(store.put(key, body, { ...PUT, ...options, reservation }));
    assert.equal(reservation.bytes, 0);
    assert.equal(quota.reservedBytes, 0);
  }
});

Deno.test("a deleted file holds its room until its last reader has left", async () => {
  await using fixture = await createDiskFixture();
  const { store, quota } = fixture;
  await store.put("file", bodyOf([noise(600_000)]), PUT);
  const bodies = [(await store.get("file"))!.body, (await store.get("file"))!.body];
  await store.delete("file");
  const reserved = 147 * 4 * KIB; // 600,000 bytes and the trailer
  assert.equal(quota.reservedBytes, reserved);
  await bodies[0]!.cancel();
  assert.equal(quota.reservedBytes, reserved);
  assert.equal((await new Response(bodies[1]).bytes()).length, 600_000);
  assert.equal(quota.reservedBytes, 0);
  assert.equal(quota.space.writtenBytes, 0);
});

Deno.test("files that were there are counted, and those without room are asked for again", async () => {
  await using fixture = await createDiskFixture();
  for (const key of ["a", "b", "c"]) await fixture.store.put(key, counted(MIB).body, PUT);
  const all = 3 * (MIB + 4 * KIB);
  const same = await fixture.reopen();
  assert.equal(same.quota.reservedBytes, all);
  assert.equal(same.quota.space.writtenBytes, fixture.quota.space.writtenBytes);
  assert.equal(same.store.recovery.uncounted, 0);

  // The quota became smaller than what is kept: it is all there, and nothing new comes in.
  const small = await fixture.reopen({ maxBytes: 2 * (MIB + 4 * KIB) });
  assert.equal(small.store.recovery.objects, 3);
  assert.equal(small.store.recovery.uncounted, 1);
  assert.equal(small.quota.reservedBytes, 2 * (MIB + 4 * KIB));
  for (const key of ["a", "b", "c"]) assert.equal((await read(small.store, key))?.length, MIB);
  await small.store.expire(fixture.clock.now);
  assert.equal(small.quota.reservedBytes, 2 * (MIB + 4 * KIB));
  // The directory's order is the one they are counted in.
  const [first] = [...Deno.readDirSync(fixture.dir)].map(({ name }) => name[0]!);
  await small.store.delete(first!);
  assert.equal(small.quota.reservedBytes, MIB + 4 * KIB);
  await small.store.expire(fixture.clock.now);
  assert.equal(small.quota.reservedBytes, 2 * (MIB + 4 * KIB));
  for (const key of ["a", "b", "c"]) await small.store.delete(key);
  assert.equal(small.quota.reservedBytes, 0);
  assert.equal(small.quota.space.writtenBytes, 0);
});
