/** Where paths are mounted, and what kinds of file systems are called. */

import assert from "node:assert/strict";
import type { FileInfo, FileSystem } from "../../../storage/disk/file_system.ts";
import { systemFiles } from "../../../storage/disk/file_system.ts";
import { fileSystemName, isMemory, mountPoint } from "../../../storage/disk/mounts.ts";
import { mountSmallDisk, NEEDS_SMALL_DISK, NO_SMALL_DISK } from "./small_disk.ts";

/** A tree of directories by their devices; looking at `/secret` is not allowed. */
function tree(devices: Readonly<Record<string, number>>, links: Record<string, string> = {}) {
  return {
    ...systemFiles,
    realPath: (path: string) =>
      path in links || path in devices
        ? Promise.resolve(links[path] ?? path)
        : Promise.reject(new Deno.errors.NotFound(path)),
    stat: (path: string) =>
      path === "/secret"
        ? Promise.reject(new Deno.errors.NotCapable(path))
        : Promise.resolve({ device: devices[path] } as FileInfo),
  } satisfies FileSystem;
}

Deno.test("kinds have the names that people know", () => {
  const names = [
    [0x01021994, "tmpfs", true],
    [0x858458f6, "ramfs", true],
    [0x958458f6, "hugetlbfs", true],
    [0xef53, "ext4", false],
    [0x58465342, "xfs", false],
    [0x9123683e, "btrfs", false],
    [0x794c7630, "overlay", false],
    [0x6969, "nfs", false],
    [0x12345, "a file system of type 0x12345", false],
  ] as const;
  for (const [type, name, memory] of names) {
    assert.equal(fileSystemName(type), name);
    assert.equal(isMemory(type), memory, name);
  }
});

Deno.test("the mount is the highest directory on the same device", async () => {
  const files = tree(
    {
      "/": 1,
      "/var": 1,
      "/var/lib": 2,
      "/var/lib/spillway": 2,
      "/secret": 3,
      "/secret/a": 3,
      "/secret/a/b": 3,
    },
    { "/link": "/var/lib/spillway" },
  );
  assert.equal(await mountPoint(files, "/var/lib/spillway"), "/var/lib");
  assert.equal(await mountPoint(files, "/var/lib"), "/var/lib");
  assert.equal(await mountPoint(files, "/var"), "/");
  assert.equal(await mountPoint(files, "/"), "/");
  assert.equal(await mountPoint(files, "/link"), "/var/lib");
  assert.equal(await mountPoint(files, "/var/lib/none/at/all"), "/var/lib");
  assert.equal(await mountPoint(files, "/secret/a/b"), "/secret/a");
});

Deno.test("a file system that tells nothing is mounted at the root", async () => {
  const silent = { ...systemFiles, realPath: () => Promise.reject(new Error("no")) };
  assert.equal(await mountPoint(silent, "/a/b"), "/");
});

Deno.test({
  name: "the kernel's own mounts are found",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assert.equal(await mountPoint(systemFiles, "/proc/self/fd"), "/proc");
    assert.equal(await mountPoint(systemFiles, "/proc/none"), "/proc");
  },
});

Deno.test({
  name: `a disk in a directory is found from below and through a link${NEEDS_SMALL_DISK}`,
  ignore: NO_SMALL_DISK,
  fn: async () => {
    await using disk = await mountSmallDisk();
    await Deno.mkdir(`${disk.path}/a/b`, { recursive: true });
    const link = await Deno.makeTempDir();
    try {
      await Deno.symlink(`${disk.path}/a`, `${link}/link`);
      assert.equal(await mountPoint(systemFiles, `${disk.path}/a/b`), disk.path);
      assert.equal(await mountPoint(systemFiles, `${link}/link/b`), disk.path);
      assert.equal(fileSystemName((await systemFiles.room(disk.path)).type), "tmpfs");
    } finally {
      await Deno.remove(link, { recursive: true });
    }
  },
});
