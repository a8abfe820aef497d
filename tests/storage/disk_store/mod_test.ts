import assert from "node:assert/strict";
import { join } from "node:path";
import { createDiskStore } from "../../../storage/disk_store/mod.ts";
import { type FileSystem, systemFiles } from "../../../storage/disk/file_system.ts";
import { bodyOf, noise, PUT, read, testStore } from "../../contracts/store_contract.ts";
import { standstill, until } from "../../waiting.ts";
import { createDiskFixture } from "./fixture.ts";
import { faultyFiles } from "../disk/faulty_files.ts";

testStore("disk", createDiskFixture);

/** A file system that tells every call, with names instead of paths. */
function toldFiles(told: string[]): FileSystem {
  const name = (path: string) => path.split("/").at(-1);
  return {
    ...systemFiles,
    async open(path, mode) {
      told.push(`open ${name(path)} ${Object.keys(mode).join(" ")}`);
      const file = await systemFiles.open(path, mode);
      return {
        ...file,
        async read(into) {
          const count = await file.read(into);
          told.push(`read ${count} of ${into.length}`);
          return count;
        },
        write(from) {
          told.push(`write ${from.length}`);
          return file.write(from);
        },
        async syncData() {
          await file.syncData();
          told.push("sync the data");
        },
        close() {
          told.push("close");
          file.close();
        },
      };
    },
    rename(from, to) {
      told.push(`rename ${name(from)} to ${name(to)}`);
      return systemFiles.rename(from, to);
    },
    remove(path) {
      told.push(`remove ${name(path)}`);
      return systemFiles.remove(path);
    },
    syncDirectory(path) {
      told.push(`sync the directory ${name(path)}`);
      return systemFiles.syncDirectory(path);
    },
  };
}

// What SIGKILL cannot show: pages outlive the process, and only a power cut would lose them.
Deno.test("a file has its name after its bytes are on the disk, and before put resolves", async () => {
  const told: string[] = [];
  await using fixture = await createDiskFixture({ files: toldFiles(told) });
  await fixture.store.put("run-1", bodyOf(["abc", "de"]), PUT);
  const steps = [
    "open run-1.1.part write createNew",
    "write 3",
    "write 2",
    "write 253", // the trailer
    "sync the data",
    "close",
    "rename run-1.1.part to run-1.2",
    "sync the directory files",
  ];
  assert.deepEqual(told, steps);

  told.length = 0;
  await fixture.store.put("run-1", bodyOf(["abc", "de"]), PUT);
  const again = steps.map((step) => step.replace("1.2", "1.4").replace("1.1", "1.3"));
  // What is replaced goes last.
  assert.deepEqual(told, [...again, "remove run-1.2"]);

  told.length = 0;
  await fixture.store.delete("run-1");
  assert.deepEqual(told, ["remove run-1.4", "sync the directory files"]);
});

Deno.test("nothing is read before it is pulled, and a range reads nothing else", async () => {
  const told: string[] = [];
  await using fixture = await createDiskFixture({ files: toldFiles(told) });
  await fixture.store.put("file", bodyOf([noise(600_000)]), PUT);
  told.length = 0;
  const reader = (await fixture.store.get("file"))!.body.getReader();
  await standstill(() => told.length);
  assert.deepEqual(told, ["open file.2 read"]);
  await reader.read();
  await standstill(() => told.length);
  assert.deepEqual(told, ["open file.2 read", "read 262144 of 262144"]);
  await reader.read();
  await reader.read();
  assert.deepEqual(told.slice(2), ["read 262144 of 262144", "read 75712 of 75712", "close"]);
  assert.equal((await reader.read()).done, true);

  told.length = 0;
  await read(fixture.store, "file", { first: 300_000, last: 300_009 });
  assert.deepEqual(told, ["open file.2 read", "read 10 of 10", "close"]);
  told.length = 0;
  await fixture.store.head("file");
  assert.deepEqual(told, []);
});

Deno.test("a file is for its owner alone, and so is the directory", async () => {
  await using fixture = await createDiskFixture();
  await fixture.store.put("file", bodyOf(["abc"]), PUT);
  const [entry] = Deno.readDirSync(fixture.dir);
  assert.equal(Deno.statSync(join(fixture.dir, entry!.name)).mode! & 0o777, 0o600);
  assert.equal(Deno.statSync(fixture.dir).mode! & 0o777, 0o700);
});

Deno.test("the bytes of an object are the first bytes of its file", async () => {
  await using fixture = await createDiskFixture();
  await fixture.store.put("file", bodyOf(["abc"]), PUT);
  const text = Deno.readTextFileSync(join(fixture.dir, "file.2"));
  assert(text.startsWith('abc{"key":"file","size":3,"sha256":"ba7816bf'), text);
  assert(text.endsWith("spillway"), text);
});

Deno.test("writes that are short are finished", async () => {
  const files = faultyFiles({ maxWriteBytes: 1_000 });
  await using fixture = await createDiskFixture({ files });
  const bytes = noise(100_500);
  await fixture.store.put("file", bodyOf([bytes]), PUT);
  assert(files.calls.write > 100, `${files.calls.write} writes`);
  assert.deepEqual(await read(fixture.store, "file"), bytes);
});

Deno.test("a file that is cut while it is read is an error, not a shorter file", async () => {
  await using fixture = await createDiskFixture();
  await fixture.store.put("file", bodyOf([noise(600_000)]), PUT);
  const before = await fixture.held();
  const { body } = (await fixture.store.get("file"))!;
  Deno.truncateSync(join(fixture.dir, "file.2"), 599_999);
  await assert.rejects(new Response(body).bytes(), /1 bytes are gone/);
  assert.equal((await fixture.held()).descriptors, before.descriptors);
});

for (
  const [what, replace] of [
    ["was cut", (path: string) => Deno.truncateSync(path, 599_999)],
    ["is another one", (path: string) => {
      const bytes = Deno.readFileSync(path);
      Deno.writeFileSync(`${path}.x`, bytes);
      Deno.renameSync(`${path}.x`, path);
    }],
    ["is a link to itself", (path: string) => {
      Deno.renameSync(path, `${path}.x`);
      Deno.symlinkSync(`${path}.x`, path);
    }],
    ["is a directory", (path: string) => {
      Deno.removeSync(path);
      Deno.mkdirSync(path);
    }],
  ] as const
) {
  Deno.test(`a file that ${what} behind our back is not there`, async () => {
    await using fixture = await createDiskFixture();
    await fixture.store.put("file", bodyOf([noise(600_000)]), PUT);
    replace(join(fixture.dir, "file.2"));
    const held = await fixture.held();
    assert.equal(await fixture.store.range("file", { first: 0, last: 9 }), undefined);
    assert.equal(await fixture.store.head("file"), undefined);
    assert.equal(fixture.noticed.length, 1);
    const { names, descriptors, reserved } = await fixture.held();
    assert.deepEqual(names, held.names.filter((name) => name !== "file.N"));
    assert.deepEqual([descriptors, reserved], [0, 0]);
  });
}

Deno.test("a file that was removed behind our back is not there, and takes no room", async () => {
  await using fixture = await createDiskFixture();
  const before = await fixture.held();
  await fixture.store.put("file", bodyOf(["abc"]), PUT);
  Deno.removeSync(join(fixture.dir, "file.2"));
  assert.equal(await fixture.store.get("file"), undefined);
  assert.equal(await fixture.store.head("file"), undefined);
  assert.deepEqual(await fixture.held(), before);
});

Deno.test("a reader that is let in while its file is replaced gets the new one", async () => {
  const gate = Promise.withResolvers<void>();
  let opening = () => {};
  const files: FileSystem = {
    ...systemFiles,
    async open(path, mode) {
      if (mode.read) {
        opening();
        await gate.promise;
      }
      return await systemFiles.open(path, mode);
    },
  };
  await using fixture = await createDiskFixture({ files });
  await fixture.store.put("file", bodyOf(["old"]), PUT);
  const begun = new Promise<void>((resolve) => opening = resolve);
  const reading = read(fixture.store, "file");
  await begun;
  await fixture.store.put("file", bodyOf(["new"]), PUT);
  gate.resolve();
  assert.equal(new TextDecoder().decode(await reading), "new");
});

Deno.test("a put that was named first and is through last does not replace the later one", async () => {
  const gate = Promise.withResolvers<void>();
  let syncs = 0;
  const files: FileSystem = {
    ...systemFiles,
    async syncDirectory(path) {
      if (++syncs === 1) await gate.promise;
      await systemFiles.syncDirectory(path);
    },
  };
  await using fixture = await createDiskFixture({ files });
  const first = fixture.store.put("file", bodyOf(["the first"]), PUT);
  await until(() => syncs > 0);
  const last = await fixture.store.put("file", bodyOf(["the last!"]), PUT);
  const held = await fixture.held();
  assert.deepEqual(held.names, ["file.N", "file.N"]);
  gate.resolve();
  await first;
  assert.deepEqual(await fixture.store.head("file"), last);
  assert.equal(new TextDecoder().decode(await read(fixture.store, "file")), "the last!");
  assert.deepEqual((await fixture.held()).names, ["file.N"]);
  const again = await fixture.reopen();
  assert.deepEqual(await again.store.head("file"), last);
});

Deno.test("a cancel waits for the read that is under way, and the descriptor with it", async () => {
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  const told: string[] = [];
  const inner = toldFiles(told);
  const files: FileSystem = {
    ...inner,
    async open(path, mode) {
      const file = await inner.open(path, mode);
      return {
        ...file,
        async read(into) {
          reads++;
          await gate.promise;
          return await file.read(into);
        },
      };
    },
  };
  await using fixture = await createDiskFixture({ files });
  await fixture.store.put("file", bodyOf(["abc"]), PUT);
  told.length = 0;
  const reader = (await fixture.store.get("file"))!.body.getReader();
  const reading = reader.read();
  await until(() => reads > 0);
  const cancelled = reader.cancel();
  assert.deepEqual(await reading, { done: true, value: undefined });
  assert.deepEqual(told, ["open file.2 read"]);
  gate.resolve();
  await cancelled;
  assert.deepEqual(told, ["open file.2 read", "read 3 of 3", "close"]);
});

Deno.test("without room to ask for, the disk is the limit", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const store = await createDiskStore({ dir });
    const before = Date.now();
    const put = await store.put("file", bodyOf(["abc"]), {
      ...PUT,
      expiresAt: new Date(before + 86_400_000),
    });
    const createdAt = put.createdAt.getTime();
    assert(before <= createdAt && createdAt <= Date.now(), put.createdAt.toISOString());
    assert.equal((await read(store, "file"))?.length, 3);
    const again = await createDiskStore({ dir });
    assert.deepEqual(await again.head("file"), put);
    await again.delete("file");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
