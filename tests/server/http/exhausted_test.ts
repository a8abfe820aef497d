/** A server that runs out of descriptors, and answers again as soon as there are some. */

import assert from "node:assert/strict";
import { until } from "../../waiting.ts";
import { RawClient } from "./raw_client.ts";

const DESCRIPTORS = 64;

/** Starts the server; its port is the first line of its output. */
async function startExhaustible() {
  const script = new URL("./exhausted_server.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command("sh", {
    args: [
      ...["-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "sh", Deno.execPath(), "run", "--quiet"],
      ...["--no-prompt", "--cached-only", `--config=${config}`, "--allow-net=127.0.0.1", script],
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  return {
    addr: { hostname: "127.0.0.1", port: Number(new TextDecoder().decode(value)) } as Deno.NetAddr,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

async function ask(client: RawClient): Promise<Record<string, unknown>> {
  await client.get("/");
  return JSON.parse((await client.answer()).body);
}

Deno.test("without a descriptor left none is accepted, which is known; then all that waited are", async () => {
  await using server = await startExhaustible();
  using early = await RawClient.connect(server);
  assert.equal((await ask(early)).state, "ready");
  const clients = await Promise.all(
    Array.from({ length: 3 * DESCRIPTORS }, () => RawClient.connect(server)),
  );
  await until(async () => {
    const { state, failed } = await ask(early);
    return state === "failing" && Number(failed) > 0;
  });
  // One that waits in the kernel is answered as soon as another has left.
  const waiting = clients.pop()!;
  const answer = ask(waiting);
  for (const client of clients) client[Symbol.dispose]();
  assert.equal((await answer).reopened, 0);
  await until(async () => (await ask(early)).state === "ready");
  using late = await RawClient.connect(server);
  assert.equal((await ask(late)).state, "ready");
  waiting[Symbol.dispose]();
});
