/** The log line of a run. */

import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import { createRunLog } from "../../runs/run_log.ts";
import { TaskError } from "../../runs/running_task.ts";
import { recordsOf } from "../log_records.ts";

/** A run log that says what it is told to of params. */
const runLog = createRunLog({
  fields: () => ({ params: { day: null }, param_hashes: { org: "ab" } }),
  hide: (text) => text.replaceAll("acme", ":org"),
});

/** The records of a run that ended so. */
function recordsOfRun(report: Partial<RunReport>): Promise<LogRecord[]> {
  return recordsOf(() =>
    runLog.ended!(
      {
        id: "7",
        state: "failed",
        rows: 0,
        bytes: 0,
        duration: 1,
        warnings: [],
        ...report,
      } as RunReport,
      {
        task: { export: "orders", format: "csv", tables: [] },
        request: { principal: { id: "key:k7f3q2", credential: "k7f3q2" } },
      } as unknown as ObservedRun,
    )
  );
}

Deno.test("a value that the source refused does not stand in the log, its param does", async () => {
  const words = 'invalid input syntax for type integer: "canary-pwz"';
  const error = new TaskError({ kind: "param", params: ["org"], message: words, detail: words });
  const [record] = await recordsOfRun({ error });
  assert.equal(record!.properties.error, "The source refused the values of org");
  assert.equal(record!.properties.detail, undefined);
  assert.ok(!Deno.inspect([record!.message, record!.properties]).includes("canary"));
});

Deno.test("what else failed has its message, on one line, and its detail", async () => {
  const error = new TaskError({ kind: "source", message: "no\ntable acme", detail: "acme stack" });
  const [record] = await recordsOfRun({ error });
  const { error: message, detail, params, param_hashes: hashes } = record!.properties;
  assert.deepEqual([message, detail], ["no%0Atable :org", ":org stack"]);
  assert.deepEqual([params, hashes], [{ day: null }, { org: "ab" }]);
  assert.ok(!record!.message.join("").includes("\n"));
});

Deno.test("a run has its credential, and the digest of its bytes where that is known", async () => {
  const [record] = await recordsOfRun({ state: "complete", sha256: "ab12" });
  assert.deepEqual([record!.properties.credential, record!.properties.sha256], ["k7f3q2", "ab12"]);
  const [other] = await recordsOfRun({ state: "complete" });
  assert.ok(!("sha256" in other!.properties));
});

Deno.test("what failed is told in as much as a line has room for", async () => {
  const text = "acme".repeat(1_000_000);
  const error = new TaskError({ kind: "source", message: text, detail: text });
  const [record] = await recordsOfRun({ error });
  const { error: message, detail } = record!.properties;
  assert.deepEqual([message, detail], Array(2).fill(`${":org".repeat(2000)}…`));
});
