/** A directory that is not fit is refused with the reason; one that is, belongs to one process. */

import assert from "node:assert/strict";
import {
  type FileSystem,
  type FileSystemRoom,
  systemFiles,
} from "../../../storage/disk/file_system.ts";
import { openSpool, SpoolError, type SpoolOptions } from "../../../storage/spool/mod.ts";
import { faultyFiles } from "../disk/faulty_files.ts";
import { inDirectory } from "../disk/fixture.ts";
import { mountSmallDisk, NEEDS_SMALL_DISK, NO_SMALL_DISK } from "../disk/small_disk.ts";
import { MiB, openTestSpool, pattern, readAll } from "./spools.ts";

/** The message of the refusal to open a spool. */
async function refusal(options: SpoolOptions): Promise<string> {
  const spool = await openSpool(options).catch((error) => error);
  if (spool instanceof SpoolError) return spool.message;
  if (!(spool instanceof Error)) await spool[Symbol.asyncDispose]();
  assert.fail(`not refused: ${spool}`);
}

/** A file system of one disk, mounted at the root, of which something else is told. */
function told(
  room: Partial<FileSystemRoom>,
  { owner, us = 1000 }: { owner?: number; us?: number } = {},
): FileSystem {
  return {
    ...systemFiles,
    room: async (path) => ({ ...await systemFiles.room(path), type: 0xef53, ...room }),
    stat: async (path) => ({
      ...await systemFiles.stat(path),
      device: 1,
      ...(owner === undefined ? {} : { owner: path.includes("/spillway-probe-") ? us : owner }),
    }),
  };
}

const LIMITS = { maxBytes: MiB, minFreeBytes: 0, allowMemory: false };

Deno.test(
  "memory is refused unless it is allowed",
  inDirectory(async (parent) => {
    for (const [type, name] of [[0x01021994, "tmpfs"], [0x858458f6, "ramfs"]] as const) {
      const dir = `${parent}/${name}`;
      await Deno.mkdir(dir);
      const files = told({ type });
      assert.equal(
        await refusal({ dir, files, ...LIMITS }),
        `Cannot spool: ${dir} is on ${name}, mounted at /: memory, not disk; ` +
          "set allow_memory: true to use it all the same",
      );
      assert.deepEqual(await systemFiles.list(dir), []);
      await using _spool = await openSpool({ dir, files, ...LIMITS, allowMemory: true });
    }
  }),
);

Deno.test(
  "a directory that is missing, or is none, is refused",
  inDirectory(async (dir) => {
    const files = told({});
    const on = "is on ext4, mounted at /";
    assert.equal(
      await refusal({ dir: `${dir}/none`, files, ...LIMITS }),
      `Cannot spool: ${dir}/none ${on}: there is no such directory`,
    );
    await Deno.writeTextFile(`${dir}/file`, "");
    assert.equal(
      await refusal({ dir: `${dir}/file`, files, ...LIMITS }),
      `Cannot spool: ${dir}/file ${on}: it is not a directory`,
    );
    assert.equal(
      await refusal({ dir: `${dir}/file/below`, files, ...LIMITS }),
      `Cannot spool: ${dir}/file/below ${on}: it cannot be found ` +
        `(Not a directory (os error 20): realpath '${dir}/file/below')`,
    );
  }),
);

Deno.test(
  "a quota larger than the disk is refused, and a min_free that leaves nothing",
  inDirectory(async (dir) => {
    const files = told({ totalBytes: 5_000_000 });
    const limits = { allowMemory: false, dir, files };
    assert.equal(
      await refusal({ ...limits, maxBytes: 5_000_001, minFreeBytes: 0 }),
      `Cannot spool: ${dir} is on ext4, mounted at /: ` +
        "max_bytes is 5000001, more than the 5000000 bytes of the disk",
    );
    assert.equal(
      await refusal({ ...limits, maxBytes: 1, minFreeBytes: 5_000_000 }),
      `Cannot spool: ${dir} is on ext4, mounted at /: ` +
        "min_free is 5000000, and the disk has no more than 5000000 bytes",
    );
    await using _spool = await openSpool({
      ...limits,
      maxBytes: 5_000_000,
      minFreeBytes: 4_999_999,
    });
  }),
);

Deno.test(
  "a directory of somebody else is refused; root is not somebody else",
  inDirectory(async (dir) => {
    assert.equal(
      await refusal({ dir, files: told({}, { owner: 1001 }), ...LIMITS }),
      `Cannot spool: ${dir} is on ext4, mounted at /: ` +
        "it belongs to user 1001, and this is user 1000",
    );
    assert.deepEqual(await systemFiles.list(dir), []);
    for (const owner of [0, 1000]) {
      await using _spool = await openSpool({ dir, files: told({}, { owner }), ...LIMITS });
    }
  }),
);

/** Directories above one another, each of an owner, a group and a mode; all others are root's alone. */
function owned(
  dir: string,
  told: Readonly<Record<string, { owner?: number; group?: number; mode?: number }>>,
): FileSystem {
  const stat: FileSystem["stat"] = async (path) => ({
    ...await systemFiles.stat(path),
    device: 1,
    ...(path.includes("/spillway-probe-")
      ? { owner: 1000 }
      : { owner: 0, group: 0, mode: 0o755, ...told[path.slice(dir.length) || "/"] }),
  });
  return {
    ...systemFiles,
    stat,
    room: async (path) => ({ ...await systemFiles.room(path), type: 0xef53 }),
  };
}

Deno.test(
  "a directory that others may write to is refused, and so is one below such a directory",
  inDirectory(async (parent) => {
    const dir = `${parent}/above/spool`;
    await Deno.mkdir(dir, { recursive: true });
    const advice =
      "take that permission away, or set allow_shared: true where nobody else is on this system";
    const cases = [
      [{ "/above/spool": { mode: 0o777 } }, `anybody can write to it (mode 0777); ${advice}`],
      // Others could not remove what is ours, but take its lock.
      [{ "/above/spool": { mode: 0o1777 } }, `anybody can write to it (mode 1777); ${advice}`],
      [
        { "/above": { mode: 0o757 } },
        `anybody can write to ${parent}/above above it (mode 0757); ${advice}`,
      ],
      [{ "/": { mode: 0o777 } }, `anybody can write to ${parent} above it (mode 0777); ${advice}`],
      [
        { "/above/spool": { mode: 0o770, group: 50 } },
        `group 50 can write to it (mode 0770); ${advice}`,
      ],
      [
        { "/above": { mode: 0o2775, group: 0 } },
        `group 0 can write to ${parent}/above above it (mode 2775); ${advice}`,
      ],
      [{ "/above/spool": { owner: 1001 } }, "it belongs to user 1001, and this is user 1000"],
      [
        { "/above": { owner: 1001 } },
        `${parent}/above above it belongs to user 1001, and this is user 1000`,
      ],
    ] as const;
    for (const [told, reason] of cases) {
      const files = owned(parent, told);
      assert.equal(
        await refusal({ dir, files, ...LIMITS }),
        `Cannot spool: ${dir} is on ext4, mounted at /: ${reason}`,
      );
      assert.deepEqual(await systemFiles.list(dir), []);
    }
  }),
);

Deno.test(
  "root's and our own directories are fit, below a sticky one too, and for a group of our number",
  inDirectory(async (parent) => {
    const dir = `${parent}/above/spool`;
    await Deno.mkdir(dir, { recursive: true });
    for (
      const told of [
        {},
        { "/above/spool": { owner: 1000, mode: 0o700 }, "/above": { owner: 1000 } },
        { "/above": { mode: 0o1777 }, "/": { mode: 0o1775, group: 50 } },
        { "/above/spool": { owner: 1000, group: 1000, mode: 0o775 } },
        { "/above/spool": { owner: 0, group: 1000, mode: 0o2770 } },
      ]
    ) {
      await using _spool = await openSpool({ dir, files: owned(parent, told), ...LIMITS });
    }
  }),
);

Deno.test(
  "a directory that is shared is fit where that is allowed, unless it is of another user",
  inDirectory(async (parent) => {
    const dir = `${parent}/spool`;
    await Deno.mkdir(dir);
    const limits = { dir, ...LIMITS, allowShared: true };
    {
      const files = owned(parent, { "/spool": { mode: 0o777 }, "/": { owner: 1001, mode: 0o777 } });
      await using _spool = await openSpool({ ...limits, files });
    }
    assert.match(
      await refusal({ ...limits, files: owned(parent, { "/spool": { owner: 1001 } }) }),
      /: it belongs to user 1001, and this is user 1000$/,
    );
  }),
);

Deno.test({
  name: "real modes: a directory below one that anybody may write to",
  ignore: Deno.build.os === "windows",
  fn: inDirectory(async (parent) => {
    const dir = `${parent}/above/spool`;
    await Deno.mkdir(dir, { recursive: true });
    await Deno.chmod(`${parent}/above`, 0o777);
    assert.match(
      await refusal({ dir, ...LIMITS, allowMemory: true }),
      /: anybody can write to \/.*\/above above it \(mode 0777\); take that permission away, or /,
    );
    await Deno.chmod(`${parent}/above`, 0o1777);
    await using _spool = await openTestSpool(dir);
  }),
});

Deno.test(
  "a directory that cannot be written is refused with what the system says",
  inDirectory(async (dir) => {
    const cases = [
      ["EROFS", "Read-only file system (os error 30)"],
      ["ENOSPC", "No space left on device (os error 28)"],
      ["EDQUOT", "Disk quota exceeded (os error 122)"],
    ] as const;
    for (const [code, said] of cases) {
      const files = faultyFiles({
        files: told({}),
        faults: [{ call: "makeTempFile", at: 1, code }],
      });
      assert.equal(
        await refusal({ dir, files, ...LIMITS }),
        `Cannot spool: ${dir} is on ext4, mounted at /: it cannot be written (${said})`,
      );
    }
  }),
);

Deno.test({
  name: `real disks: memory, read-only, full of files${NEEDS_SMALL_DISK}`,
  ignore: NO_SMALL_DISK,
  fn: async () => {
    await using disk = await mountSmallDisk("mode=0700,nr_inodes=4");
    const { path: dir } = disk;
    const on = `Cannot spool: ${dir} is on tmpfs, mounted at ${dir}`;
    assert.equal(
      await refusal({ dir, ...LIMITS }),
      `${on}: memory, not disk; set allow_memory: true to use it all the same`,
    );
    const limits = { ...LIMITS, allowMemory: true };
    assert.equal(
      await refusal({ dir, ...limits, maxBytes: 8 * MiB + 1 }),
      `${on}: max_bytes is 8388609, more than the 8388608 bytes of the disk`,
    );
    await Deno.writeTextFile(`${dir}/1`, "");
    await Deno.writeTextFile(`${dir}/2`, "");
    await Deno.writeTextFile(`${dir}/3`, "");
    assert.equal(
      await refusal({ dir, ...limits }),
      `${on}: it cannot be written (No space left on device (os error 28): tmpfile)`,
    );
    await Deno.remove(`${dir}/3`);
    assert.match(await refusal({ dir, ...limits }), /: it cannot be made ready \(No space left/);
    await Deno.remove(`${dir}/1`);
    {
      // The lock and our directory fill it: nothing is left for a segment, and that is known before.
      await using spool = await openSpool({ dir, ...limits });
      assert.equal(await spool.reserve(1), "disk");
      await assert.rejects(spool.createSegment(), { name: "DiskError", code: "ENOSPC" });
    }
    await disk.remount("ro");
    assert.equal(
      await refusal({ dir, ...limits }),
      `${on}: it cannot be written (Read-only file system (os error 30): tmpfile)`,
    );
  },
});

Deno.test({
  name: "ours is for its owner alone, in the directory that a link leads to",
  ignore: Deno.build.os === "windows",
  fn: inDirectory(async (dir) => {
    await Deno.mkdir(`${dir}/real`, { mode: 0o755 });
    await Deno.symlink(`${dir}/real`, `${dir}/link`);
    await using spool = await openTestSpool(`${dir}/link`);
    assert.match(
      spool.directory.slice(dir.length),
      new RegExp(`^/real/spillway-${Deno.pid}-[0-9a-f]{8}$`),
    );
    assert.equal((await systemFiles.stat(spool.directory)).mode, 0o700);
    assert.equal((await systemFiles.stat(`${dir}/real/spillway.lock`)).mode, 0o600);
  }),
});

Deno.test({
  name:
    "a directory of ours that was removed is made again, where ours was and for its owner alone",
  ignore: Deno.build.os === "windows",
  fn: inDirectory(async (dir) => {
    let time = 0;
    await using spool = await openTestSpool(dir, { now: () => time });
    for (const use of [() => spool.state(), () => spool.files.restore(), write, reserve]) {
      await Deno.remove(spool.directory, { recursive: true });
      await use();
      assert.equal((await systemFiles.stat(spool.directory)).mode, 0o700);
    }
    async function write() {
      const segment = await spool.createSegment();
      await segment.write(pattern(10));
      assert.deepEqual(await readAll(segment), pattern(10));
      segment.close();
    }
    async function reserve() {
      // The disk is looked at anew.
      time += 10_000;
      const reservation = await spool.files.reserve(10);
      assert(typeof reservation === "object", `${reservation}`);
      reservation.release();
    }
    assert.equal(await spool.state(), "ready");
  }),
});

Deno.test({
  name: "a spool whose place is another's by now is failing, and says so",
  ignore: Deno.build.os === "windows",
  fn: inDirectory(async (parent) => {
    const dir = `${parent}/spool`;
    const issues: string[] = [];
    const states: string[] = [];
    for (
      const [replace, reason] of [
        [
          async () => await Deno.remove(dir, { recursive: true }),
          "it was removed while it was in use",
        ],
        [async () => {
          await Deno.rename(dir, `${parent}/old`);
          await Deno.mkdir(dir);
        }, "it was removed while it was in use"],
        [async (ours: string) => {
          await Deno.remove(ours, { recursive: true });
          await Deno.symlink(parent, ours);
        }, "in it was replaced while it was in use"],
      ] as const
    ) {
      await Deno.mkdir(dir, { recursive: true });
      await using spool = await openTestSpool(dir, {
        now: () => issues.length * 10_000,
        onIssue: (issue) => issue.kind === "failed" && issues.push(String(issue.error)),
      });
      assert.equal(await spool.state(), "ready");
      await replace(spool.directory);
      states.push(await spool.state());
      assert.ok(issues.at(-1)?.endsWith(reason), `${issues}`);
      await Deno.remove(dir, { recursive: true }).catch(() => {});
    }
    assert.deepEqual(states, ["failing", "failing", "failing"]);
  }),
});

Deno.test(
  "two cannot have one directory; the second is told who has it",
  inDirectory(async (dir) => {
    {
      await using _first = await openTestSpool(dir);
      await assert.rejects(openTestSpool(dir), (error: Error) => {
        assert.ok(error instanceof SpoolError);
        assert.match(
          error.message,
          new RegExp(`: process ${Deno.pid} spools there already; each needs one of its own$`),
        );
        return true;
      });
    }
    await using _second = await openTestSpool(dir);
  }),
);

Deno.test(
  "only our own directories are swept, and links in them are not followed",
  inDirectory(async (dir) => {
    const kept = ["kept", "spillway", "spillway-1", "spillway-config-00000000", "spillway.yaml"];
    for (const name of kept) await Deno.mkdir(`${dir}/${name}`);
    await Deno.writeTextFile(`${dir}/kept/file`, "kept");
    await Deno.mkdir(`${dir}/spillway-1-00c0ffee/deep/deeper`, { recursive: true });
    await Deno.writeTextFile(`${dir}/spillway-1-00c0ffee/deep/deeper/file`, "dead");
    await Deno.symlink(`${dir}/kept`, `${dir}/spillway-1-00c0ffee/deep/link`);
    await Deno.symlink(`${dir}/kept`, `${dir}/spillway-22-00c0ffee`);
    await Deno.writeTextFile(`${dir}/spillway-probe-0123456789abcdef`, "");
    {
      await using _spool = await openTestSpool(dir);
    }
    assert.deepEqual((await systemFiles.list(dir)).sort(), [...kept, "spillway.lock"].sort());
    assert.equal(await Deno.readTextFile(`${dir}/kept/file`), "kept");
  }),
);

Deno.test(
  "the directory of whole files outlives the spool, and a process that was killed",
  inDirectory(async (dir) => {
    const path = `${dir}/spillway-files`;
    {
      await using spool = await openTestSpool(dir);
      assert.equal(spool.keptDirectory, path);
      assert.ok(
        !(await systemFiles.list(dir)).includes("spillway-files"),
        "it is made by its user",
      );
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/file`, "kept");
    }
    await Deno.mkdir(`${dir}/spillway-1-00c0ffee`);
    {
      await using _spool = await openTestSpool(dir);
    }
    assert.equal(await Deno.readTextFile(`${path}/file`), "kept");
    assert.deepEqual((await systemFiles.list(dir)).sort(), ["spillway-files", "spillway.lock"]);
  }),
);

for (const what of ["a link", "a file"]) {
  Deno.test(
    `${what} in the place of the directory of whole files is refused`,
    inDirectory(async (dir) => {
      const path = `${dir}/spillway-files`;
      if (what === "a link") await Deno.symlink(await Deno.makeTempDir({ dir }), path);
      else await Deno.writeTextFile(path, "");
      await assert.rejects(openTestSpool(dir), (error: Error) => {
        assert.ok(error instanceof SpoolError);
        assert.match(error.message, /: spillway-files in it is no directory of user \d+$/);
        return true;
      });
    }),
  );
}

Deno.test(
  "what looks like ours and is somebody else's is not touched",
  inDirectory(async (dir) => {
    await Deno.mkdir(`${dir}/spillway-1-00c0ffee`);
    const files: FileSystem = {
      ...systemFiles,
      stat: async (path) => {
        const info = await systemFiles.stat(path);
        return path.endsWith("c0ffee") ? { ...info, owner: 4711 } : info;
      },
    };
    await assert.rejects(openTestSpool(dir, { files }), {
      name: "SpoolError",
      message: /\(spillway-1-00c0ffee in it belongs to user 4711\)$/,
    });
    assert.ok((await systemFiles.list(dir)).includes("spillway-1-00c0ffee"));
    await using _spool = await openTestSpool(dir); // and the lock is free again
  }),
);

Deno.test({
  name: "reading, writing the directory and asking for its room are permissions enough",
  ignore: Deno.build.os === "windows",
  fn: inDirectory(async (dir) => {
    await Deno.mkdir(`${dir}/spool`);
    await Deno.writeTextFile(
      `${dir}/main.ts`,
      `import { openSpool } from ${
        JSON.stringify(import.meta.resolve("../../../storage/spool/mod.ts"))
      };
      await using spool = await openSpool({
        dir: ${JSON.stringify(`${dir}/spool`)}, maxBytes: 1, minFreeBytes: 0, allowMemory: true,
      });
      const segment = await spool.createSegment();
      await segment.write(new Uint8Array([42]));
      console.log(spool.mount, await segment.read(1), typeof await spool.reserve(1));
      segment.close();`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-config",
        "--allow-read",
        `--allow-write=${dir}/spool`,
        "--allow-sys=statfs",
        `${dir}/main.ts`,
      ],
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    }).output();
    assert.match(
      new TextDecoder().decode(stdout),
      /^\/.* Uint8Array\(1\) \[ 42 \] object\n$/,
      new TextDecoder().decode(stderr),
    );
  }),
});

Deno.test(
  "what goes away by itself while it is swept is no issue",
  inDirectory(async (dir) => {
    await Deno.symlink(`${dir}/none`, `${dir}/spillway-1-00c0ffee`);
    const files: FileSystem = {
      ...systemFiles,
      // Another process looks at the directory, finds it locked, and cleans up behind itself.
      list: async (path) => ["spillway-probe-0123456789abcdef", ...await systemFiles.list(path)],
    };
    {
      await using _spool = await openTestSpool(dir, { files });
    }
    assert.deepEqual(await systemFiles.list(dir), ["spillway.lock"]);
  }),
);

/** Opens a spool with things in it in a process of its own, and waits until they are there. */
async function otherProcess(dir: string): Promise<Deno.ChildProcess> {
  const code = `
    import { openSpool } from ${
    JSON.stringify(import.meta.resolve("../../../storage/spool/mod.ts"))
  };
    const spool = await openSpool({
      dir: ${JSON.stringify(dir)}, maxBytes: ${4 * MiB}, minFreeBytes: 0, allowMemory: true,
    });
    await Deno.writeFile(spool.directory + "/whole.part", new Uint8Array(${MiB}));
    const segments = [];
    for (let count = 0; count < 3; count++) {
      const segment = await spool.createSegment();
      await segment.write(new Uint8Array(${MiB}));
      segments.push(segment);
    }
    console.log("ready");
    await new Promise((resolve) => setTimeout(resolve, 600_000));
    segments.forEach((segment) => segment.close());`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    stdout: "piped",
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  assert.equal(new TextDecoder().decode(value), "ready\n");
  return child;
}

Deno.test({
  name: "a living process is left alone; after SIGKILL, what it left is swept",
  ignore: Deno.build.os === "windows",
  fn: inDirectory(async (dir) => {
    const child = await otherProcess(dir);
    const its = (await systemFiles.list(dir)).find((name) => name.startsWith("spillway-"))!;
    try {
      assert.match(its, new RegExp(`^spillway-${child.pid}-[0-9a-f]{8}$`));
      await assert.rejects(openTestSpool(dir), {
        name: "SpoolError",
        message: new RegExp(`: process ${child.pid} spools there already`),
      });
      assert.deepEqual(await systemFiles.list(`${dir}/${its}`), ["whole.part"]);
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
    // Nobody closed anything: the lock went with the process, its whole file did not.
    assert.deepEqual(await systemFiles.list(`${dir}/${its}`), ["whole.part"]);
    await using spool = await openTestSpool(dir);
    assert.deepEqual((await systemFiles.list(dir)).sort(), [
      spool.directory.slice(dir.length + 1),
      "spillway.lock",
    ]);
  }),
});

Deno.test({
  name: `after SIGKILL the disk is empty again${NEEDS_SMALL_DISK}`,
  ignore: NO_SMALL_DISK,
  fn: async () => {
    await using disk = await mountSmallDisk();
    const child = await otherProcess(disk.path);
    assert.equal((await systemFiles.room(disk.path)).freeBytes, 4 * MiB);
    child.kill("SIGKILL");
    await child.status;
    assert.equal((await systemFiles.room(disk.path)).freeBytes, 7 * MiB); // the segments are gone
    await using _spool = await openTestSpool(disk.path);
    assert.equal((await systemFiles.room(disk.path)).freeBytes, 8 * MiB);
  },
});
