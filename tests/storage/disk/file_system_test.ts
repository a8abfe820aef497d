/** The real file system does what storage relies on. */

import assert from "node:assert/strict";
import { systemFiles } from "../../../storage/disk/file_system.ts";
import { inDirectory, putFile } from "./fixture.ts";
import { mountSmallDisk, NEEDS_SMALL_DISK, NO_SMALL_DISK, SMALL_DISK_BYTES } from "./small_disk.ts";

Deno.test(
  "a file is made once, written, read from an offset and told of",
  inDirectory(async (dir) => {
    const path = `${dir}/file`;
    const before = Date.now();
    await putFile(systemFiles, path, [1, 2, 3, 4, 5]);
    await assert.rejects(
      systemFiles.open(path, { write: true, createNew: true }),
      Deno.errors.AlreadyExists,
    );
    const file = await systemFiles.open(path, { read: true });
    const into = new Uint8Array(10);
    await file.seek(2);
    assert.equal(await file.read(into), 3);
    assert.deepEqual([...into.subarray(0, 3)], [3, 4, 5]);
    assert.equal(await file.read(into), null);
    await Deno.rename(path, `${path}.old`);
    await putFile(systemFiles, path, [1, 2, 3, 4, 5]);
    const open = await file.stat();
    const old = await systemFiles.stat(`${path}.old`);
    assert.deepEqual([open.inode, open.device, open.size], [old.inode, old.device, 5]);
    assert.notEqual(open.inode, (await systemFiles.stat(path)).inode);
    file.close();
    file.close();

    const info = await systemFiles.stat(path);
    assert.deepEqual([info.size, info.isFile, info.isDirectory], [5, true, false]);
    assert.ok(Math.abs(info.modified.getTime() - before) < 60_000);
    const { dev, ino, uid, gid } = await Deno.stat(path);
    assert.deepEqual([info.device, info.inode, info.owner, info.group], [dev, ino, uid, gid]);
  }),
);

Deno.test({
  name: "what is made is for its owner alone",
  ignore: Deno.build.os === "windows",
  fn: inDirectory(async (dir) => {
    await systemFiles.makeDirectory(`${dir}/a/b`);
    await systemFiles.makeDirectory(`${dir}/a/b`);
    await putFile(systemFiles, `${dir}/file`, []);
    const temporary = await systemFiles.makeTempFile({ dir, prefix: "part-" });
    assert.ok(temporary.startsWith(`${dir}/part-`), temporary);
    const mode = async (path: string) => (await systemFiles.stat(path)).mode;
    assert.equal(await mode(`${dir}/a`), 0o700);
    assert.equal(await mode(`${dir}/a/b`), 0o700);
    assert.equal(await mode(`${dir}/file`), 0o600);
    assert.equal(await mode(temporary), 0o600);
  }),
});

Deno.test(
  "names are listed, changed, followed, removed and brought to the disk",
  inDirectory(async (dir) => {
    await putFile(systemFiles, `${dir}/one`, [1]);
    await putFile(systemFiles, `${dir}/two`, [2, 2]);
    await systemFiles.rename(`${dir}/one`, `${dir}/two`);
    await Deno.symlink(`${dir}/two`, `${dir}/link`);
    await systemFiles.syncDirectory(dir);
    assert.deepEqual((await systemFiles.list(dir)).sort(), ["link", "two"]);
    assert.equal((await systemFiles.stat(`${dir}/link`)).size, 1);
    assert.equal((await systemFiles.statName(`${dir}/link`)).isFile, false);
    assert.equal((await systemFiles.statName(`${dir}/two`)).isFile, true);
    assert.equal(await systemFiles.realPath(`${dir}/link`), `${await Deno.realPath(dir)}/two`);
    await systemFiles.remove(`${dir}/link`);
    assert.deepEqual(await systemFiles.list(dir), ["two"]);
    await systemFiles.makeDirectory(`${dir}/full/inner`);
    await assert.rejects(systemFiles.remove(`${dir}/full`));
    await systemFiles.remove(`${dir}/full/inner`);
    await systemFiles.remove(`${dir}/full`);
    await assert.rejects(systemFiles.stat(`${dir}/full`), Deno.errors.NotFound);
  }),
);

Deno.test(
  "a lock is one holder's until its file is closed",
  inDirectory(async (dir) => {
    await putFile(systemFiles, `${dir}/lock`, []);
    const open = () => systemFiles.open(`${dir}/lock`, { read: true, write: true });
    const [first, second] = [await open(), await open()];
    assert.equal(await first.tryLock(), true);
    assert.equal(await second.tryLock(), false);
    first.close();
    assert.equal(await second.tryLock(), true);
    second.close();
  }),
);

Deno.test({
  name: `the room of a disk is exact${NEEDS_SMALL_DISK}`,
  ignore: NO_SMALL_DISK,
  fn: async () => {
    await using disk = await mountSmallDisk("nr_inodes=16");
    const empty = { type: 0x01021994, totalBytes: SMALL_DISK_BYTES, totalFiles: 16 };
    assert.deepEqual(await systemFiles.room(disk.path), {
      ...empty,
      freeBytes: SMALL_DISK_BYTES,
      freeFiles: 15,
    });
    await putFile(systemFiles, `${disk.path}/file`, [1]);
    assert.deepEqual(await systemFiles.room(disk.path), {
      ...empty,
      freeBytes: SMALL_DISK_BYTES - 4096,
      freeFiles: 14,
    });
  },
});
