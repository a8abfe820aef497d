/** Stopping ends: whatever a worker or a disk does not do any more. */

import assert from "node:assert/strict";
import { loadConfig } from "../../catalog/load.ts";
import { createEngine } from "../../server/engine.ts";
import { openConfiguredSpool } from "../../server/spool.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { systemFiles } from "../../storage/disk/file_system.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { fakeTask } from "../runs/fixture.ts";
import { until } from "../waiting.ts";

const { csv } = await loadFormats();
const sources = await loadDescriptors();

function configure(folder: string, spool = "") {
  const text = `
sources: { app: { type: sqlite, path: app.db } }
exports: { one: { source: app, query: select 1 } }
${spool}`;
  return loadConfig(text, { env: () => undefined, folder, sources, formats: { csv } });
}

Deno.test("an engine ends although one of its workers is stopped", async () => {
  const folder = await Deno.makeTempDir();
  try {
    let runs = 0;
    const config = configure(folder);
    const environment = Deno.env.toObject();
    const engine = await createEngine(config, { slots: 1, environment });
    const startRun = engine.configure(config, [{ ended: () => void runs++ }]);
    // A worker that has had a task, be it one that it cannot do, is asked to end by itself.
    const source = { type: "sqlite", config: { path: `${folder}/none.db` } };
    const query = { text: "select 1", params: {} };
    const task = { ...fakeTask("one"), tables: [{ source, query, title: "One", columns: {} }] };
    await assert.rejects(startRun("one", task));
    await until(() => runs === 1);
    const { pids } = engine.pool;
    for (const pid of pids) Deno.kill(pid, "SIGSTOP");
    await engine[Symbol.asyncDispose]();
    for (const pid of pids) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has been already.
      }
    }
    await until(() => engine.pool.size.workers === 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a spool ends although its file system does not answer any more", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { spool: settings } = configure(
      folder,
      "spool: { dir: ., max_bytes: 1MiB, min_free: 0B, allow_memory: true }",
    );
    let frozen = false;
    const spool = await openConfiguredSpool(settings!, {
      ...systemFiles,
      remove: (path) => frozen ? new Promise(() => {}) : systemFiles.remove(path),
      list: (path) => frozen ? new Promise(() => {}) : systemFiles.list(path),
    });
    frozen = true;
    await spool[Symbol.asyncDispose]();
    assert.equal((await systemFiles.stat(spool.directory)).isDirectory, true, "it is left behind");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
