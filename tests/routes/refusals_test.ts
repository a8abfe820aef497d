/** What the log is told of requests that are refused. */

import assert from "node:assert/strict";
import { AdmissionError } from "../../runs/admission_error.ts";
import { TaskError } from "../../runs/running_task.ts";
import { fakeApp } from "./fixture.ts";

const CLIENT = { remoteAddress: "192.0.2.1", localAddress: "127.0.0.1" };

/** What the log is told of one request. */
async function told(
  path: string,
  options: Parameters<typeof fakeApp>[0] = {},
  init: RequestInit = {},
) {
  const { app, refusals } = fakeApp(options);
  await app.request(path, init, { client: CLIENT });
  return refusals.map(({ client, method, path, status, reason }) =>
    [client, method, path, status, reason].join(" | ")
  );
}

Deno.test("every answer of 4xx is told with who asked for what and why, without a value", async () => {
  assert.deepEqual(await told("/nothing?token=abc"), [
    "192.0.2.1 | GET | /nothing | 404 | Not found: There is nothing at /nothing",
  ]);
  assert.deepEqual(await told("/exports/audit-log.csv?since=hunter2&colour=red&_bom=secret"), [
    "192.0.2.1 | GET | /exports/audit-log.csv | 400 | Bad request: _bom, since, colour",
  ]);
  assert.deepEqual(await told("/exports/secrets.csv"), [
    '192.0.2.1 | GET | /exports/secrets.csv | 404 | Not found: There is no export "secrets"',
  ]);
  assert.deepEqual(await told("/exports/audit-log.csv", {}, { method: "DELETE" }), [
    "192.0.2.1 | DELETE | /exports/audit-log.csv | 405 | Method not allowed: " +
    "DELETE means nothing here; use GET, HEAD",
  ]);
  assert.deepEqual(await told("/exports/audit-log.csv?since=hunter2", {}, { method: "HEAD" }), [
    "192.0.2.1 | HEAD | /exports/audit-log.csv | 400 | Bad request: since",
  ]);
});

Deno.test("a server that is full, or not ready, says so; what works says nothing", async () => {
  const full = { startRun: () => Promise.reject(new AdmissionError("full")) };
  assert.deepEqual(await told("/exports/audit-log.csv", full), [
    "192.0.2.1 | GET | /exports/audit-log.csv | 503 | Service unavailable: " +
    "As many exports are running as this server allows; try again shortly",
  ]);
  const checks = { slots: "full", workers: "ready", connections: "failing" } as const;
  const readiness = () => Promise.resolve({ status: "full" as const, checks });
  assert.deepEqual(await told("/readyz", { readiness }), [
    "192.0.2.1 | GET | /readyz | 503 | Not ready: slots full, connections failing",
  ]);
  assert.deepEqual(await told("/readyz"), []);
  assert.deepEqual(await told("/exports/audit-log.csv"), []);
});

Deno.test("a refused run has the id that its client was given", async () => {
  const { app, refusals } = fakeApp({
    startRun: () => Promise.reject(new AdmissionError("draining")),
  });
  const response = await app.request("/exports/audit-log.csv");
  assert.equal(refusals[0]!.id, response.headers.get("export-id"));
  assert.equal(refusals[0]!.client, undefined);
});

Deno.test("what has a line of its own is not told again: a source that failed, a mistake of ours", async () => {
  const failed = (error: Error) => ({ startRun: () => Promise.reject(error) });
  const source = new TaskError({ kind: "source", message: "m", detail: "d" });
  assert.deepEqual(await told("/exports/audit-log.csv", failed(source)), []);
  assert.deepEqual(await told("/exports/audit-log.csv", failed(new Error("ours"))), []);
});
