/** A ledger whose disk is full, in a server: what its operator has chosen happens to downloads. */

import assert from "node:assert/strict";
import { mountSmallDisk, NEEDS_SMALL_DISK, NO_SMALL_DISK } from "../storage/disk/small_disk.ts";
import { until } from "../waiting.ts";
import { scrape } from "./downloads.ts";
import { startServer } from "./fixture.ts";

/** Fills a disk to its last byte, until what this returns is called. */
function fill(folder: string): () => void {
  const path = `${folder}/others`;
  using file = Deno.openSync(path, { write: true, create: true });
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) file.writeSync(new Uint8Array(size));
    } catch {
      // No more of this size.
    }
  }
  return () => Deno.removeSync(path);
}

for (const required of [true, false]) {
  Deno.test({
    name:
      `a full disk of the ledger ${required ? "refuses" : "does not hinder"} downloads, where ` +
      `receipts are ${required ? "" : "not "}required${NEEDS_SMALL_DISK}`,
    ignore: NO_SMALL_DISK,
    async fn() {
      await using disk = await mountSmallDisk();
      await using server = await startServer({
        runs: `{ ledger: 'sqlite:${disk.path}/ledger.db', ledger_required: ${required} }`,
      });
      const get = async (path = "/exports/rows.csv?rows=10") => {
        const response = await fetch(server.origin + path);
        const body = await response.text();
        return { status: response.status, headers: response.headers, body };
      };
      assert.equal((await get()).status, 200);
      const makeRoom = fill(disk.path);
      // What is written of the last run may have been given room before.
      await until(async () => {
        await get();
        return (await scrape(server)).get("ledger_failures_total")! > 0;
      });
      const full = await get();
      const ready = await get("/readyz");
      if (required) {
        assert.equal(full.status, 503);
        assert.ok(full.headers.has("Retry-After"));
        assert.equal(ready.status, 503);
        assert.equal(JSON.parse(ready.body).checks.ledger, "failing");
        await until(() => server.engine.admission.taken === 0);
      } else {
        assert.equal(full.status, 200);
        assert.equal(ready.status, 200);
        assert.ok((await scrape(server)).get("ledger_waiting_runs")! > 0);
      }
      makeRoom();
      await until(async () => (await get()).status === 200);
      assert.equal((await get("/readyz")).status, 200);
      await until(async () => (await scrape(server)).get("ledger_waiting_runs") === 0);
      assert.equal((await scrape(server)).get("ledger_lost_total"), 0);
      const { runs } = JSON.parse((await get("/runs?limit=500")).body);
      const written = runs.filter(({ state }: { state: string }) => state === "complete");
      const id = full.headers.get("Export-Id");
      assert.equal(written.some((run: { id: string }) => run.id === id), !required);
    },
  });
}
