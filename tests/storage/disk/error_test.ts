/** Every way in which a disk refuses is one error; nothing else is. */

import assert from "node:assert/strict";
import { DiskError, diskErrorCode, toDiskError } from "../../../storage/disk/error.ts";
import { type FaultCode, platformError } from "./faulty_files.ts";
import { mountSmallDisk, NEEDS_SMALL_DISK, NO_SMALL_DISK, SMALL_DISK_BYTES } from "./small_disk.ts";

const CONTEXT = {
  action: "write to the spool",
  mount: "/var/lib",
  freeBytes: 4096,
  reservedBytes: 1_048_576,
  written: 17,
};

const MESSAGES: readonly (readonly [FaultCode, string])[] = [
  ["ENOSPC", "no space is left on the disk (ENOSPC)"],
  ["EDQUOT", "the disk quota is used up (EDQUOT)"],
  ["EFBIG", "the file is larger than the system allows (EFBIG)"],
  ["EIO", "the disk is broken (EIO)"],
  ["EROFS", "the file system is read-only (EROFS)"],
];

for (const [code, message] of MESSAGES) {
  Deno.test(`${code} carries the mount, the room, the reservations and what got there`, () => {
    const cause = platformError(code);
    const error = toDiskError(cause, CONTEXT);
    assert.ok(error instanceof DiskError);
    assert.equal(
      error.message,
      `Cannot write to the spool: ${message}; mounted at /var/lib, 4096 bytes free, ` +
        `1048576 reserved`,
    );
    const { name, mount, freeBytes, reservedBytes, written } = error;
    assert.deepEqual({ name, code: error.code, mount, freeBytes, reservedBytes, written }, {
      name: "DiskError",
      code,
      mount: "/var/lib",
      freeBytes: 4096,
      reservedBytes: 1_048_576,
      written: 17,
    });
    assert.equal(error.cause, cause);
  });
}

Deno.test("a code and a number are told with or without the other, and with a path behind", () => {
  const coded = (code: string, message: string) => Object.assign(new Error(message), { code });
  assert.equal(diskErrorCode(coded("ENOSPC", "ENOSPC: no space left on device, write")), "ENOSPC");
  assert.equal(diskErrorCode(coded("EDQUOT", "over quota")), "EDQUOT");
  assert.equal(diskErrorCode(new Error("Disk quota exceeded (os error 69)")), "EDQUOT");
  assert.equal(
    diskErrorCode(new Error("Read-only file system (os error 30): open '/a'")),
    "EROFS",
  );
});

Deno.test("what is not the disk's passes through", () => {
  const others = [
    platformError("EMFILE"),
    new Deno.errors.PermissionDenied("Permission denied (os error 13): open '/a'"),
    // Windows numbers its errors otherwise, and 5 is a denied access: the code wins.
    Object.assign(new Error("Access is denied. (os error 5)"), { code: "EACCES" }),
    Object.assign(new Error("no code of ours"), { code: "toString" }),
    new Error("os error 28"),
    new TypeError("a mistake"),
    new DOMException("cancelled", "AbortError"),
    "text",
    undefined,
    null,
  ];
  for (const other of others) {
    assert.equal(diskErrorCode(other), undefined);
    assert.equal(toDiskError(other, CONTEXT), other);
  }
});

Deno.test("an error that was made one stays what it is", () => {
  const error = new DiskError("EIO", { ...CONTEXT, mount: "/first" });
  assert.equal(toDiskError(error, CONTEXT), error);
  const { written: _written, ...context } = CONTEXT;
  assert.equal(new DiskError("EIO", context).written, 0);
});

Deno.test({
  name: `a full disk and a read-only one are told as they are${NEEDS_SMALL_DISK}`,
  ignore: NO_SMALL_DISK,
  fn: async () => {
    await using disk = await mountSmallDisk();
    {
      using file = await Deno.open(`${disk.path}/file`, { write: true, create: true });
      const bytes = new Uint8Array(SMALL_DISK_BYTES + 1);
      assert.equal(await file.write(bytes), SMALL_DISK_BYTES);
      const full = await file.write(bytes).catch((error) => error);
      assert.equal(diskErrorCode(full), "ENOSPC");
      // The faults of other tests look the same.
      const fault = platformError("ENOSPC");
      assert.deepEqual([full.message, full.code], [fault.message, Reflect.get(fault, "code")]);
    }
    await disk.remount("ro");
    const readOnly = [
      () => Deno.makeTempFile({ dir: disk.path }),
      () => Deno.open(`${disk.path}/other`, { write: true, create: true }),
      () => Deno.mkdir(`${disk.path}/directory`),
      () => Deno.rename(`${disk.path}/file`, `${disk.path}/other`),
      () => Deno.remove(`${disk.path}/file`),
    ];
    for (const call of readOnly) {
      assert.equal(diskErrorCode(await call().then(() => "done", (error) => error)), "EROFS");
    }
  },
});

Deno.test({
  name: "a file that grows beyond the limit of its process is told as it is",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const dir = await Deno.makeTempDir();
    try {
      const code = `
        import { diskErrorCode } from ${
        JSON.stringify(import.meta.resolve("../../../storage/disk/error.ts"))
      };
        const file = await Deno.open(${
        JSON.stringify(`${dir}/file`)
      }, { write: true, create: true });
        try { for (;;) await file.write(new Uint8Array(100_000)); }
        catch (error) { console.log(diskErrorCode(error), error.message, error.code); }`;
      // `ulimit -f` counts in blocks of 512 bytes, or of 1,024; SIGXFSZ would end the process.
      const { stdout, stderr } = await new Deno.Command("sh", {
        args: [
          "-c",
          `trap "" XFSZ; ulimit -f 1024; exec "$@"`,
          "sh",
          Deno.execPath(),
          "eval",
          code,
        ],
        env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      }).output();
      assert.equal(
        new TextDecoder().decode(stdout),
        "EFBIG File too large (os error 27) undefined\n",
        new TextDecoder().decode(stderr),
      );
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
