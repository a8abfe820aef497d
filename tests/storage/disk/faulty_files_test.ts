/** The file system that fails on purpose fails where it was told to, and counts right. */

import assert from "node:assert/strict";
import { faultyFiles, platformError } from "./faulty_files.ts";
import { inDirectory, putFile } from "./fixture.ts";

Deno.test(
  "faulty files without a fault count calls, handles and names",
  inDirectory(async (dir) => {
    const files = faultyFiles();
    await putFile(files, `${dir}/one`, [1, 2]);
    const file = await files.open(`${dir}/one`, { read: true });
    assert.deepEqual(files.openFiles, [`${dir}/one`]);
    file.close();
    await files.rename(`${dir}/one`, `${dir}/two`);
    assert.deepEqual(files.existingFiles, [`${dir}/two`]);
    const temporary = await files.makeTempFile({ dir, prefix: "" });
    assert.deepEqual(files.existingFiles, [`${dir}/two`, temporary]);
    await files.remove(temporary);
    await files.remove(`${dir}/two`);
    assert.deepEqual([files.openFiles, files.existingFiles, files.failed], [[], [], 0]);
    const { open, write, rename, remove } = files.calls;
    assert.deepEqual({ open, write, rename, remove }, { open: 2, write: 1, rename: 1, remove: 2 });
    assert.equal(files.totalCalls, 8); // those six, one fdatasync and one makeTempFile
  }),
);

Deno.test(
  "faulty files fail the call that was named, with the platform's error",
  inDirectory(async (dir) => {
    const files = faultyFiles({ faults: [{ call: "stat", at: 2, code: "EDQUOT" }] });
    await files.stat(dir);
    await files.list(dir);
    await assert.rejects(files.stat(dir), platformError("EDQUOT"));
    await files.stat(dir);
    assert.equal(files.failed, 1);

    files.setFaults([{ at: 2, code: "EIO", onwards: true }]);
    await files.stat(dir);
    await assert.rejects(files.list(dir), platformError("EIO"));
    await assert.rejects(files.room(dir), platformError("EIO"));
    assert.equal(files.failed, 3);
    assert.deepEqual(files.failedCalls, ["stat", "list", "room"]);
  }),
);

Deno.test(
  "faulty files write short, and fill up in the middle of a write",
  inDirectory(async (dir) => {
    const files = faultyFiles({
      faults: [
        { call: "write", at: 1, code: "short" },
        { call: "write", at: 2, code: "ENOSPC", written: 3 },
        { call: "write", at: 5, code: "EIO" },
      ],
      maxWriteBytes: 7,
    });
    const file = await files.open(`${dir}/file`, { write: true, createNew: true });
    const bytes = new Uint8Array(8);
    assert.equal(await file.write(bytes), 4);
    assert.equal(await file.write(bytes), 3);
    await assert.rejects(file.write(bytes), platformError("ENOSPC"));
    assert.equal(await file.write(bytes), 7);
    await assert.rejects(file.write(bytes), platformError("EIO"));
    file.close();
    assert.equal((await Deno.stat(`${dir}/file`)).size, 14);
    assert.equal(files.failed, 3);
  }),
);
