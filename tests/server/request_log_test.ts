/** The log lines of requests. */

import assert from "node:assert/strict";
import { logRefusal, logResent } from "../../server/request_log.ts";
import { recordsOf } from "../log_records.ts";

Deno.test("a refusal is one short line, however long its request is, and has no secret", async () => {
  const [long, mangled] = await recordsOf(() => {
    const text = "a\r\n".repeat(20_000);
    logRefusal({ method: "GET", path: `/${text}`, status: 404, reason: text });
    const path = "/exports/a.csv&_sig=c4n4ry";
    logRefusal({ method: "GET", path, status: 505, reason: "of sw_id_c4n4ry" });
  });
  assert.ok(JSON.stringify([long!.message, long!.properties]).length < 1000);
  assert.ok(!long!.message.join("").includes("\n"));
  assert.deepEqual(mangled!.properties, {
    method: "GET",
    path: "/exports/a.csv…",
    status: 505,
    reason: "of sw_*",
  });
});

Deno.test("a kept file that is sent again has a line where runs have theirs", async () => {
  const sent = {
    id: "7",
    principal: "key:k7f3q2",
    export: "orders",
    format: "csv",
    method: "GET",
    status: 206,
    sha256: "ab",
  };
  const [record] = await recordsOf(() => logResent({ ...sent, range: "bytes=0-\u001b" }));
  assert.deepEqual(record!.category, ["spillway", "run"]);
  assert.deepEqual(record!.properties, { ...sent, range: "bytes=0-%1B" });
  assert.equal(record!.message.join(""), "Sent a kept file with 206: orders.csv");
});
