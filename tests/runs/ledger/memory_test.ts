/** The ledger in memory. */

import assert from "node:assert/strict";
import { createMemoryLedger } from "../../../runs/ledger/memory.ts";
import { row, testLedger } from "../../contracts/ledger_contract.ts";

testLedger("memory", { open: (server) => Promise.resolve(createMemoryLedger(server)) });

Deno.test("a ledger in memory has the last 10,000 runs that ended, and those that have not", async () => {
  await using ledger = createMemoryLedger("one");
  await ledger.insert(row("open", { state: "running" }));
  const endedAt = (index: number) => new Date(Date.UTC(2026, 0, 2) + index).toISOString();
  for (let index = 1; index < 12_000; index++) {
    await ledger.insert(row(`run-${index}`, { state: "failed", endedAt: endedAt(index) }));
  }
  const { rows } = await ledger.list({ principal: "key:k7f3q2", tenant: "42", limit: 20_000 });
  const ids = new Set(rows.map(({ id }) => id));
  assert.equal(ids.size, 10_001);
  for (const id of ["open", "run-2000", "run-11999"]) assert.ok(ids.has(id), id);
  assert.ok(!ids.has("run-1999"));
});

Deno.test("a ledger in memory keeps what is to be sent, and what the next run of a schedule goes on from", async () => {
  const time = (second: number) => new Date(Date.UTC(2026, 0, 2) + second * 1_000).toISOString();
  await using ledger = createMemoryLedger("one", () => Date.UTC(2026, 0, 5, 0, 0, 2));
  const notify = { url: "https://app.example.com/hook", state: "pending", attempts: [] } as const;
  const schedule = { name: "nightly" };
  const early = {
    "too-old": row("too-old", { notify }),
    "to-send": row("to-send", { notify }),
    before: row("before", { schedule, queuedAt: time(1) }),
    last: row("last", { schedule, queuedAt: time(2) }),
    "not-had": row("not-had", { schedule, queuedAt: time(3) }),
  };
  for (const [index, one] of Object.values(early).entries()) {
    await ledger.insert(one);
    await ledger.transition(one.id, { from: "queued", attempt: 1, to: "running" });
    await ledger.transition(one.id, { from: "running", attempt: 1, to: "complete" }, {
      endedAt: time(1 + index),
    });
  }
  for (const id of ["before", "last"]) await ledger.handOver(id, new Date(time(9)));
  for (let index = 0; index < 11_000; index++) {
    await ledger.insert(row(`run-${index}`, { state: "failed", endedAt: time(10 + index) }));
  }
  const kept: string[] = [];
  for (const id of Object.keys(early)) if (await ledger.get(id)) kept.push(id);
  assert.deepEqual(kept, ["to-send", "last"]);
});
