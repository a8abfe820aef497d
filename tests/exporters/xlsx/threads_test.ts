import assert from "node:assert/strict";
import { createXlsx } from "../../../exporters/xlsx/mod.ts";
import { Warnings } from "../../../exporters/warnings.ts";
import type { Batch } from "../../../table/table.ts";
import { until } from "../../waiting.ts";
import { column } from "../tables.ts";

/** The threads of workers in this process; one of an earlier test file may still be ending. */
function threads(): Set<string> {
  const workers = [...Deno.readDirSync("/proc/self/task")].filter(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/self/task/${name}/comm`).startsWith("worker-");
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
  return new Set(workers.map(({ name }) => name));
}

/** How many threads there are that were not there before. */
function threadsSince(before: ReadonlySet<string>): number {
  return threads().difference(before).size;
}

/** Rows that are long to deflate, until they may end, and how they do. */
function batches(
  mayEnd: () => boolean,
  end: (controller: ReadableStreamDefaultController<Batch>) => void,
) {
  let made = 0;
  return new ReadableStream<Batch>({
    pull(controller) {
      if (made >= 300 && mayEnd()) return end(controller);
      const rows = Array.from({ length: 256 }, (_, row) => [`${++made} ${row}`.repeat(20)]);
      made -= 255;
      controller.enqueue(rows);
    },
  }, { highWaterMark: 0 });
}

for (const how of ["ends", "fails", "is cancelled"]) {
  Deno.test(`the threads of a workbook are gone when it ${how}`, async () => {
    const before = threads();
    let max = 0;
    const rows = batches(
      () => max > 0,
      (controller) => how === "fails" ? controller.error(new Error("broken")) : controller.close(),
    );
    const table = { title: "T", columns: [column("a")], batches: rows };
    const reader = createXlsx().encode(table, {}, new Warnings(), { idle: 1 }).getReader();
    const reading = (async () => {
      for (let ended = false; !ended;) {
        ended = (await reader.read()).done;
        max = Math.max(max, threadsSince(before));
        if (how === "is cancelled" && max > 0) return await reader.cancel();
      }
    })();
    if (how === "fails") await assert.rejects(reading, /broken/);
    else await reading;
    assert.equal(max, 1);
    // One that is ended while it starts is gone when it has started.
    await until(() => threadsSince(before) === 0);
  });
}

Deno.test("the threads of workbooks that are cancelled at any moment are gone", async () => {
  const before = threads();
  for (let moment = 0; moment < 12; moment++) {
    let cancelled = false;
    const rows = batches(() => cancelled, (controller) => controller.close());
    const table = { title: "T", columns: [column("a")], batches: rows };
    const reader = createXlsx().encode(table, {}, new Warnings(), { idle: 1 }).getReader();
    const reading = (async () => {
      while (!(await reader.read()).done);
    })();
    await until(() => threadsSince(before) > 0);
    // Whatever the moment is, the same must come of it.
    await new Promise((resolve) => setTimeout(resolve, 3 * moment));
    // With a read pending, and the next rows asked for.
    cancelled = true;
    await reader.cancel();
    await reading;
    await until(() => threadsSince(before) === 0);
  }
});
