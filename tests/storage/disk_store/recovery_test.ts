import assert from "node:assert/strict";
import { join } from "node:path";
import type { Recovery } from "../../../storage/disk_store/recovery.ts";
import { DiskError } from "../../../storage/disk/error.ts";
import { bodyOf, noise, PUT, read } from "../../contracts/store_contract.ts";
import { createDiskFixture, type DiskStoreFixture } from "./fixture.ts";
import { faultyFiles } from "../disk/faulty_files.ts";

const NOTHING: Recovery = {
  objects: 0,
  bytes: 0,
  uncounted: 0,
  unfinished: [],
  expired: [],
  damaged: [],
  refused: [],
};

/** Puts a file, and gives the name and the bytes that it has on the disk. */
async function put(fixture: DiskStoreFixture, key: string, content: string) {
  const names = () => [...Deno.readDirSync(fixture.dir)].map(({ name }) => name);
  const before = names();
  await fixture.store.put(key, bodyOf([content]), PUT);
  const [name] = names().filter((one) => !before.includes(one));
  return { name: name!, bytes: Deno.readFileSync(join(fixture.dir, name!)) };
}

Deno.test("a new store finds nothing", async () => {
  await using fixture = await createDiskFixture();
  assert.deepEqual(fixture.store.recovery, NOTHING);
});

Deno.test("what was put is there after a restart, with its facts", async () => {
  await using fixture = await createDiskFixture();
  const { store } = fixture;
  const objects = [
    await store.put("a", bodyOf(["abc"]), PUT),
    await store.put("b", bodyOf([]), PUT),
    await store.put("c", bodyOf([noise(600_000)]), PUT),
  ];
  const held = await fixture.held();
  const again = await fixture.reopen();
  assert.deepEqual(again.store.recovery, { ...NOTHING, objects: 3, bytes: held.written });
  for (const object of objects) {
    assert.deepEqual(await again.store.head(object.key), object);
    assert.deepEqual(await read(again.store, object.key), await read(store, object.key));
  }
  assert.deepEqual(await again.held(), held);
});

Deno.test("what was not finished is removed, and what is not ours is left alone", async () => {
  await using fixture = await createDiskFixture();
  await fixture.store.put("a", bodyOf(["abc"]), PUT);
  const others = ["README", "a", ".2", "a.2.part~", "a.x", "A.2", "a.2.2", "a.-2", "lost+found"];
  for (const name of others) Deno.writeTextFileSync(join(fixture.dir, name), "x");
  for (const name of ["a.1.part", "b.17.part"]) {
    Deno.writeTextFileSync(join(fixture.dir, name), "x");
  }
  const { store, dir } = await fixture.reopen();
  assert.deepEqual([...store.recovery.unfinished].sort(), ["a.1.part", "b.17.part"]);
  assert.equal(store.recovery.objects, 1);
  // Its number is above all that were there.
  await store.put("a", bodyOf(["new"]), PUT);
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  assert.deepEqual(names, [...others, "a.19"].sort());
});

const DAMAGES: readonly [what: string, damage: (bytes: Uint8Array) => Uint8Array][] = [
  ["empty", () => new Uint8Array()],
  ["without its last byte", (bytes) => bytes.subarray(0, -1)],
  ["without its trailer", (bytes) => bytes.subarray(0, 3)],
  ["without its first byte", (bytes) => bytes.subarray(1)],
  ["with a byte at its end", (bytes) => new Uint8Array([...bytes, 0])],
  ["with a byte at its start", (bytes) => new Uint8Array([0, ...bytes])],
  ["with another byte in its trailer", (bytes) => bytes.with(20, 0)],
  ["of zeros", (bytes) => new Uint8Array(bytes.length)],
];
for (const [what, damage] of DAMAGES) {
  Deno.test(`a file that is found ${what} is removed, and said`, async () => {
    await using fixture = await createDiskFixture();
    const { name, bytes } = await put(fixture, "a", "abc");
    await fixture.store.put("b", bodyOf(["whole"]), PUT);
    Deno.writeFileSync(join(fixture.dir, name), damage(bytes));
    const { store, held } = await fixture.reopen();
    assert.deepEqual(store.recovery.damaged, ["a.2"]);
    assert.equal(store.recovery.objects, 1);
    assert.equal(await store.get("a"), undefined);
    assert.equal((await read(store, "b"))?.length, 5);
    assert.deepEqual((await held()).names, ["b.N"]);
  });
}

Deno.test("a file under the name of another is damaged", async () => {
  await using fixture = await createDiskFixture();
  const { name } = await put(fixture, "a", "abc");
  Deno.renameSync(join(fixture.dir, name), join(fixture.dir, "b.2"));
  const { store } = await fixture.reopen();
  assert.deepEqual(store.recovery.damaged, ["b.2"]);
  assert.equal(await store.get("b"), undefined);
});

Deno.test("of two files of one key the later one is kept, in whatever order they are found", async () => {
  await using fixture = await createDiskFixture();
  // More keys than one, so that some directory order has the newer file first.
  const olds = [];
  for (let index = 0; index < 8; index++) olds.push(await put(fixture, `key-${index}`, "old"));
  for (let index = 0; index < 8; index++) await put(fixture, `key-${index}`, "new");
  // As where the process died before it removed what it had replaced.
  for (const { name, bytes } of olds) Deno.writeFileSync(join(fixture.dir, name), bytes);
  const { store, held } = await fixture.reopen();
  assert.deepEqual([...store.recovery.unfinished].sort(), olds.map(({ name }) => name).sort());
  for (let index = 0; index < 8; index++) {
    assert.equal(new TextDecoder().decode(await read(store, `key-${index}`)), "new");
  }
  assert.deepEqual(await held(), await fixture.held());
});

Deno.test("what has expired is removed, and what it had replaced does not come back", async () => {
  await using fixture = await createDiskFixture();
  const { store, dir } = fixture;
  const later = new Date(PUT.expiresAt.getTime() + 1);
  await store.put("file", bodyOf(["old"]), { ...PUT, expiresAt: later });
  const old = Deno.readFileSync(join(dir, "file.2"));
  await store.put("file", bodyOf(["new"]), PUT);
  Deno.writeFileSync(join(dir, "file.2"), old);
  const next = await fixture.reopen({ now: PUT.expiresAt });
  assert.deepEqual(next.store.recovery, {
    ...NOTHING,
    expired: ["file.4"],
    unfinished: ["file.2"],
  });
  assert.deepEqual((await next.held()).names, []);
});

Deno.test("a file that the disk will not read stays where it is", async () => {
  await using fixture = await createDiskFixture();
  await fixture.store.put("file", bodyOf(["abc"]), PUT);
  for (const call of ["statName", "open", "statOpen", "seek", "read"] as const) {
    const files = faultyFiles({ faults: [{ call, at: 1, code: "EIO" }] });
    const { store, held } = await fixture.reopen({ files });
    assert.deepEqual(store.recovery.refused.map(({ name }) => name), ["file.2"], call);
    assert.match(String(store.recovery.refused[0]?.error), /os error 5/);
    assert.equal(await store.get("file"), undefined);
    assert.deepEqual((await held()).names, ["file.N"]);
    assert.equal((await held()).descriptors, 0);
  }
  const { store } = await fixture.reopen();
  assert.equal((await read(store, "file"))?.length, 3);
});

Deno.test("a file that was changed while no process had it is never sent, nor kept", async () => {
  await using fixture = await createDiskFixture();
  const { name, bytes } = await put(fixture, "a", "a,b\r\n1,2\r\n");
  // Its length and its trailer are right.
  Deno.writeFileSync(join(fixture.dir, name), bytes.with(5, "9".charCodeAt(0)));
  const { store, held, noticed } = await fixture.reopen();
  assert.equal(store.recovery.objects, 1);
  assert.equal(await store.range("a", { first: 0, last: 2 }), undefined);
  assert.equal(await store.get("a"), undefined);
  assert.deepEqual(noticed, [`trust a stored file: ${join(fixture.dir, name)} has other bytes`]);
  assert.deepEqual(await held(), { names: [], descriptors: 0, reserved: 0, written: 0 });
});

Deno.test("a file that was found is read whole once, before it is first sent", async () => {
  await using fixture = await createDiskFixture();
  await fixture.store.put("a", bodyOf([noise(600_000)]), PUT);
  const files = faultyFiles();
  const { store } = await fixture.reopen({ files });
  const before = files.calls.read;
  const [one, other] = await Promise.all([store.get("a"), store.get("a")]);
  assert.equal(files.calls.read - before, 3, "600,000 bytes are three reads");
  await Promise.all([one!.body.cancel(), other!.body.cancel()]);
  await (await store.get("a"))!.body.cancel();
  assert.equal(files.calls.read - before, 3);
  assert.deepEqual(files.openFiles, []);

  // One that was put is known, and not read before it is sent.
  await store.put("b", bodyOf([noise(600_000)]), PUT);
  await (await store.get("b"))!.body.cancel();
  assert.equal(files.calls.read - before, 3);
});

Deno.test("a proof that the disk fails is an error, and begun anew the next time", async () => {
  await using fixture = await createDiskFixture();
  await fixture.store.put("a", bodyOf([noise(600_000)]), PUT);
  const files = faultyFiles();
  const { store } = await fixture.reopen({ files });
  files.setFaults([{ call: "read", at: 2, code: "EIO" }]);
  await assert.rejects(store.get("a"), DiskError);
  assert.deepEqual(files.openFiles, []);
  assert.deepEqual(await read(store, "a"), noise(600_000));
});

Deno.test("a link in the place of a file is removed, whenever it was put there, and not followed", async () => {
  await using fixture = await createDiskFixture();
  const { name, bytes } = await put(fixture, "a", "abc");
  const elsewhere = await Deno.makeTempFile();
  try {
    const path = join(fixture.dir, name);
    for (const when of ["before", "after"] as const) {
      // What it leads to would pass for the file.
      Deno.writeFileSync(elsewhere, bytes);
      const link = () => {
        Deno.removeSync(path);
        Deno.symlinkSync(elsewhere, path);
      };
      if (when === "before") link();
      const { store, held } = await fixture.reopen();
      if (when === "after") link();
      assert.deepEqual(store.recovery.damaged, when === "before" ? [name] : []);
      assert.equal(await store.get("a"), undefined);
      assert.deepEqual((await held()).names, []);
      assert.deepEqual(Deno.readFileSync(elsewhere), bytes);
      Deno.writeFileSync(path, bytes);
    }
  } finally {
    await Deno.remove(elsewhere);
  }
});

Deno.test("a directory that cannot be made or listed is an error of the disk", async () => {
  await using fixture = await createDiskFixture();
  for (const call of ["makeDirectory", "list"] as const) {
    const files = faultyFiles({ faults: [{ call, at: 1, code: "EROFS" }] });
    await assert.rejects(fixture.reopen({ files }), (error) => {
      assert(error instanceof DiskError);
      assert.equal(error.code, "EROFS");
      return true;
    });
  }
});
