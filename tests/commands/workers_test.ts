/** The worker processes of a server, seen from outside. */

import assert from "node:assert/strict";
import { until } from "../waiting.ts";
import { childrenOf, configured, isAlive, startServe } from "./fixture.ts";

/** A program that Debian has and a container may lack. */
const installed = (path: string) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
};

const SETPRIV = installed("/usr/bin/setpriv");

/** Processor time of a process so far, in ticks of the kernel's clock. */
function ticks(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** The niceness of a process. */
function niceness(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ")[16]);
}

Deno.test({
  name: SETPRIV
    ? "when a server is killed its workers are gone, also one that sorts"
    : "when a server is killed its workers are gone (ignored: there is no setpriv)",
  ignore: !SETPRIV,
  async fn() {
    await using folder = await configured();
    await using server = await startServe([], { cwd: folder.path });
    const request = fetch(`${server.origin}/exports/sorts.csv`).then(({ body }) => body?.cancel());
    let workers: number[] = [];
    await until(async () => {
      workers = await childrenOf(server.pid);
      // One of them is deep in the sort: it uses a core, and is past its own start.
      return workers.some((pid) => ticks(pid) > 100);
    });
    server.signal("SIGKILL");
    await request.catch(() => {});
    await until(() => workers.every((pid) => !isAlive(pid)));
  },
});

Deno.test("a worker starts at its server's priority, as it is waited for", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const seen = new Map<number, number>();
  await until(async () => {
    for (const pid of await childrenOf(server.pid)) {
      if (!seen.has(pid)) seen.set(pid, niceness(pid));
    }
    return seen.size > 0;
  });
  assert.equal([...seen.values()][0], niceness(server.pid));
});

Deno.test("once they are up, workers run at a lower priority than their server", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  // 19 is the most that there is.
  const expected = Math.min(19, niceness(server.pid) + 10);
  await until(async () => {
    const workers = await childrenOf(server.pid);
    return workers.length > 0 && workers.every((pid) => niceness(pid) === expected);
  });
});

Deno.test("a server that may not run nice has workers all the same", async () => {
  await using folder = await configured();
  await using server = await startServe([], {
    cwd: folder.path,
    flags: ["--deny-run=nice"],
  });
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=10`);
  assert.equal((await response.text()).split("\r\n").length, 12);
});
