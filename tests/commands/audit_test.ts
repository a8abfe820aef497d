/** The audit log of a server on a real disk: one that is full, and one where others move it away. */

import assert from "node:assert/strict";
import {
  mountSmallDisk,
  NEEDS_SMALL_DISK,
  NO_SMALL_DISK,
  SMALL_DISK_BYTES,
} from "../storage/disk/small_disk.ts";
import { until } from "../waiting.ts";
import { configured, spillway, startServe } from "./fixture.ts";

Deno.test("a server that may not rotate its audit log does not start, and says what it needs", async () => {
  await using folder = await configured();
  const file = `${folder.path}/audit.log`;
  const log = "log: { audit: { file: audit.log, max_bytes: 1MiB } }\n";
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, log, { append: true });
  const { code, stderr } = await spillway(["serve"], {
    cwd: folder.path,
    flags: [`--allow-write=${file}`],
  });
  assert.equal(code, 78);
  assert.match(
    stderr,
    /audit\.log: it is rotated to .*audit\.log\.1; start the process with --allow-write/,
  );
});

Deno.test({
  name:
    `while the audit log cannot be written, nothing is exported; no line is lost${NEEDS_SMALL_DISK}`,
  ignore: NO_SMALL_DISK,
  async fn() {
    await using disk = await mountSmallDisk();
    await using folder = await configured();
    const file = `${disk.path}/audit.log`;
    const log = `log: { audit: { file: ${file}, max_bytes: 64KiB } }\n`;
    await Deno.writeTextFile(`${folder.path}/spillway.yaml`, log, { append: true });
    await using server = await startServe([], {
      cwd: folder.path,
      flags: [`--allow-write=${disk.path}`],
    });
    const ask = async (path: string) => {
      const response = await fetch(server.origin + path);
      return { status: response.status, text: await response.text() };
    };
    const linesOf = async (path: string) =>
      (await Deno.readTextFile(path)).split("\n").slice(0, -1).map((line) => JSON.parse(line));
    assert.equal((await ask("/exports/items.csv")).status, 200);
    await until(async () => (await linesOf(file)).length === 1);
    // Another program moves it away; the next line is in a new file.
    await Deno.rename(file, `${file}.moved`);
    // What is left of a page can be written still: the new file has none.
    const filler = `${disk.path}/filler`;
    await Deno.writeFile(filler, new Uint8Array(SMALL_DISK_BYTES)).catch(() => {});
    assert.equal((await ask("/exports/items.csv")).status, 200);
    await until(async () => (await ask("/readyz")).status === 503);
    assert.equal(JSON.parse((await ask("/readyz")).text).checks.audit, "failing");
    for (const path of ["/exports/items.csv", "/exports", "/exports/items.csv?_delivery=whole"]) {
      const { status, text } = await ask(path);
      assert.equal(status, 503, path);
      assert.match(text, /This server cannot write its audit log/);
    }
    assert.equal((await ask("/healthz")).status, 200);
    assert.match((await ask("/metrics")).text, /^spillway_audit_failing 1$/m);
    const said = (words: RegExp) =>
      server.logs().filter(({ message }) => words.test(String(message))).length;
    await until(() => said(/Cannot write the audit log: .*No space left on device/) === 1);
    await Deno.remove(filler);
    await until(async () => (await ask("/readyz")).status === 200);
    assert.equal((await ask("/exports/items.csv")).status, 200);
    await until(async () => (await linesOf(file)).length === 2);
    assert.deepEqual(
      [...await linesOf(`${file}.moved`), ...await linesOf(file)].map(({ logger, state }) => [
        logger,
        state,
      ]),
      Array(3).fill(["spillway.run", "complete"]),
    );
    assert.equal(said(/The audit log is written again/), 1);
    // Those of the refusals of meanwhile, which made room.
    await until(() => said(/\d+ lines of the audit log are missing/) === 1);
    assert.match((await ask("/metrics")).text, /^spillway_audit_lines_missing_total [1-9]/m);
    server.signal("SIGTERM");
    assert.equal(await server.ended(), 0);
  },
});
