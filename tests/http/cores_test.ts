/** Which cores a run uses besides its own. */

import assert from "node:assert/strict";
import { until } from "../waiting.ts";
import { startServer, type TestServer } from "./fixture.ts";

const CORES = navigator.hardwareConcurrency;

/** The threads that the workers of a server have started by themselves. */
function threads({ engine }: TestServer): number {
  return engine.pool.pids.reduce((sum, pid) => {
    const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
      try {
        return Deno.readTextFileSync(`/proc/${pid}/task/${name}/comm`);
      } catch {
        // It has ended meanwhile.
        return "";
      }
    });
    return sum + tasks.filter((name) => name.startsWith("worker-")).length;
  }, 0);
}

Deno.test({
  name: CORES > 1
    ? "a workbook alone is deflated on the other cores too, and many at once each on their own"
    : "a workbook is deflated on other cores (ignored: this machine has one)",
  ignore: CORES === 1,
  async fn() {
    await using server = await startServer();
    const get = async () => {
      const { body } = await fetch(`${server.origin}/exports/rows.xlsx?rows=50000000`);
      const stop = new AbortController();
      const reading = body!.pipeTo(new WritableStream(), { signal: stop.signal }).catch(() => {});
      return async () => {
        stop.abort();
        await reading;
      };
    };
    const leave = [await get()];
    await until(() => threads(server) === CORES - 1);
    while (leave.length < CORES) leave.push(await get());
    await until(() => threads(server) === 0);
    for (const one of leave) await one();
    await until(() => server.reports.length === CORES);
    assert(threads(server) <= server.engine.pool.pids.length, "a worker keeps one at most");
  },
});
