/** The audit log as a file: rotated by size and by others, on disks that are full and that fail. */

import assert from "node:assert/strict";
import { openAuditFile } from "../../server/audit_file.ts";
import type { AuditRotation } from "../../catalog/config.ts";
import { emptyFolder, type Folder } from "../commands/fixture.ts";
import { type Fault, faultyFiles } from "../storage/disk/faulty_files.ts";

const encoder = new TextEncoder();

/** What the file, and those before it, hold; nothing for a name that is not there. */
function contents(folder: Folder, ...names: string[]): string[] {
  return names.map((name) => {
    try {
      return Deno.readTextFileSync(`${folder.path}/${name}`);
    } catch {
      return "(none)";
    }
  });
}

/** Writes all of some lines, as the log does; each failed try is tried again at once. */
async function writeAll(
  file: { write(bytes: Uint8Array): Promise<number> },
  text: string,
  onError: (error: unknown) => void = (error) => {
    throw error;
  },
): Promise<void> {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) {
    await file.write(bytes.subarray(done)).then((count) => void (done += count), onError);
  }
}

Deno.test("a file goes on where it ended, for its owner alone", async () => {
  await using folder = await emptyFolder();
  const settings = { file: `${folder.path}/audit.log` };
  const first = await openAuditFile(settings);
  await writeAll(first, "one\n");
  first.close();
  assert.equal(Deno.statSync(settings.file).mode! & 0o777, 0o600);
  const second = await openAuditFile(settings);
  await writeAll(second, "two\n");
  second.close();
  assert.deepEqual(contents(folder, "audit.log"), ["one\ntwo\n"]);
});

Deno.test("after a process that died within a line, the next one begins a line", async () => {
  await using folder = await emptyFolder();
  const settings = { file: `${folder.path}/audit.log` };
  await Deno.writeTextFile(settings.file, '{"id":1}\n{"id":');
  const file = await openAuditFile(settings);
  await writeAll(file, '{"id":2}\n');
  file.close();
  assert.deepEqual(contents(folder, "audit.log"), ['{"id":1}\n{"id":\n{"id":2}\n']);
});

Deno.test("a file that is full is renamed, the oldest is replaced, and no line is torn", async () => {
  await using folder = await emptyFolder();
  const rotation: AuditRotation = { maxBytes: 10, keep: 2 };
  const file = await openAuditFile({ file: `${folder.path}/audit.log`, rotation });
  const names = ["audit.log", "audit.log.1", "audit.log.2", "audit.log.3"];
  await writeAll(file, "1234\n5678\n");
  assert.deepEqual(contents(folder, ...names), ["1234\n5678\n", "(none)", "(none)", "(none)"]);
  // In one piece: as many whole lines as fit, then another file.
  await writeAll(file, "abc\ndef\nghij\nk\n");
  assert.deepEqual(contents(folder, ...names), [
    "ghij\nk\n",
    "abc\ndef\n",
    "1234\n5678\n",
    "(none)",
  ]);
  // A line that is longer than a file is one.
  await writeAll(file, "0123456789abcdef\nx\n");
  assert.deepEqual(
    contents(folder, ...names),
    ["x\n", "0123456789abcdef\n", "ghij\nk\n", "(none)"],
  );
  file.close();
});

Deno.test("a file that others move or remove is opened anew, with the next line or when asked", async () => {
  await using folder = await emptyFolder();
  const path = `${folder.path}/audit.log`;
  const file = await openAuditFile({ file: path });
  await writeAll(file, "one\n");
  // logrotate with create, with nocreate, and rm.
  await Deno.rename(path, `${path}.old`);
  await Deno.writeTextFile(path, "");
  await writeAll(file, "two\n");
  await Deno.rename(path, `${path}.older`);
  await writeAll(file, "three\n");
  await Deno.remove(path);
  await file.reopen();
  assert.deepEqual(
    contents(folder, "audit.log", "audit.log.older", "audit.log.old"),
    ["", "two\n", "one\n"],
  );
  // copytruncate.
  await writeAll(file, "four\n");
  await Deno.truncate(path);
  await writeAll(file, "five\n");
  file.close();
  assert.deepEqual(contents(folder, "audit.log"), ["five\n"]);
});

/** All lines of the files from the oldest to the newest that are whole: what has no end, or no begin, is none. */
function linesOf(folder: Folder): string[] {
  const files = contents(
    folder,
    "audit.log.4",
    "audit.log.3",
    "audit.log.2",
    "audit.log.1",
    "audit.log",
  );
  return files.filter((text) => text !== "(none)").flatMap((text) =>
    text.split("\n").filter((line) => /^line \d\d$/.test(line))
  );
}

const EXPECTED = Array.from({ length: 12 }, (_, index) => `line ${10 + index}`);

/** Writes twelve lines in four pieces, to files of three lines each, while calls fail. */
async function writeTwelve(folder: Folder, faults: readonly Fault[]) {
  const files = faultyFiles({ maxWriteBytes: 11 });
  const rotateErrors: unknown[] = [];
  const errors: unknown[] = [];
  const file = await openAuditFile(
    { file: `${folder.path}/audit.log`, rotation: { maxBytes: 24, keep: 4 } },
    { files, onRotateError: (error) => rotateErrors.push(error) },
  );
  files.setFaults(faults);
  for (let piece = 0; piece < 12; piece += 3) {
    const text = EXPECTED.slice(piece, piece + 3).map((line) => `${line}\n`).join("");
    await writeAll(file, text, (error) => errors.push(error));
  }
  file.close();
  assert.deepEqual(files.openFiles, []);
  return { failed: files.failed, errors, rotateErrors };
}

Deno.test("whatever call fails, every line is there once, in order, and whole", async () => {
  for (const code of ["ENOSPC", "EIO", "EMFILE", "short"] as const) {
    for (let at = 1;; at++) {
      await using folder = await emptyFolder();
      const call = code === "short" ? { call: "write" as const } : {};
      const { failed, errors, rotateErrors } = await writeTwelve(folder, [{ ...call, at, code }]);
      assert.deepEqual(linesOf(folder), EXPECTED, `${code} at ${at}`);
      if (failed === 0) {
        assert.ok(at > 8, `${at} calls`);
        break;
      }
      assert.ok(code === "short" || errors.length + rotateErrors.length <= 2);
    }
  }
});

Deno.test("a disk that fills up within a line, and has room later, tears none", async () => {
  for (let written = 1; written < 9; written++) {
    for (let at = 1; at < 8; at++) {
      await using folder = await emptyFolder();
      const fault: Fault = { call: "write", at, code: "ENOSPC", written };
      const { errors } = await writeTwelve(folder, [fault]);
      assert.equal(errors.length, 1);
      assert.deepEqual(linesOf(folder), EXPECTED, `${written} bytes at ${at}`);
    }
  }
});

Deno.test("a line that a moved file ends within stands whole in the new one", async () => {
  await using folder = await emptyFolder();
  const path = `${folder.path}/audit.log`;
  const files = faultyFiles();
  const file = await openAuditFile({ file: path }, { files });
  files.setFaults([{ call: "write", at: 1, code: "ENOSPC", written: 7 }]);
  const bytes = encoder.encode("one\ntwo\nthree\n");
  assert.equal(await file.write(bytes), 7);
  await assert.rejects(file.write(bytes.subarray(7)), { code: "ENOSPC" });
  // Who frees the disk moves the file to another one.
  await Deno.rename(path, `${path}.moved`);
  await writeAll(file, "\nthree\n");
  file.close();
  assert.deepEqual(contents(folder, "audit.log.moved", "audit.log"), ["one\ntwo", "two\nthree\n"]);
});

Deno.test("where files cannot be renamed, the one that there is grows, and none before it is lost", async () => {
  await using folder = await emptyFolder();
  const path = `${folder.path}/audit.log`;
  const files = faultyFiles();
  const rotateErrors: unknown[] = [];
  const file = await openAuditFile(
    { file: path, rotation: { maxBytes: 4, keep: 3 } },
    { files, onRotateError: (error) => rotateErrors.push(error) },
  );
  for (const line of ["one\n", "two\n", "six\n"]) await writeAll(file, line);
  const names = ["audit.log", "audit.log.1", "audit.log.2", "audit.log.3"];
  assert.deepEqual(contents(folder, ...names), ["six\n", "two\n", "one\n", "(none)"]);
  // The file itself cannot be renamed, each time after those before it were.
  files.setFaults([
    { call: "rename", at: 3, code: "EROFS" },
    { call: "rename", at: 4, code: "EROFS" },
    { call: "rename", at: 5, code: "EROFS" },
  ]);
  for (const line of ["ten\n", "red\n", "sea\n"]) await writeAll(file, line);
  assert.equal(rotateErrors.length, 1, "which is said once");
  assert.deepEqual(
    contents(folder, ...names),
    ["six\nten\nred\nsea\n", "(none)", "two\n", "one\n"],
  );
  await writeAll(file, "end\n");
  file.close();
  assert.deepEqual(
    contents(folder, ...names),
    ["end\n", "six\nten\nred\nsea\n", "two\n", "one\n"],
  );
});
