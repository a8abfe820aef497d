/** The log of a server whose reader does not read: a real pipe, which fills up. */

import assert from "node:assert/strict";
import { command, configured } from "./fixture.ts";

/** What a pipe holds on Linux, where its size was not changed. */
const PIPE_BYTES = 64 * 1024;

Deno.test("a server whose log is not read goes on answering, and stops on a signal", async () => {
  await using folder = await configured();
  const child = command(["serve"], { cwd: folder.path }, { stdout: "null" }).spawn();
  const log = child.stderr.getReader();
  try {
    const { value } = await log.read();
    const [first] = new TextDecoder().decode(value).split("\n");
    const origin = /Spillway serves (http:[^"\s]+)/.exec(first!)![1]!;
    // Each run is a line; together they are more than the pipe and the stream before it hold.
    const lines = Math.ceil(4 * PIPE_BYTES / 300);
    for (let run = 0; run < lines; run++) {
      const response = await fetch(`${origin}/exports/items.csv`, {
        signal: AbortSignal.timeout(60_000),
      });
      assert.equal(await response.text(), "id,note\r\n1,plain\r\n2,'=1+1\r\n");
    }
    const health = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(60_000) });
    assert.deepEqual(await health.json(), { status: "ok" });
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0);
  } finally {
    await log.cancel();
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await child.status;
  }
});
