/** What a team has otherwise: ExcelJS's streaming writer behind Hono, in one process. */

import { Hono } from "hono";
import { DatabaseSync } from "node:sqlite";
import { PassThrough, Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { beginWorkbook } from "../exceljs_workbook.ts";
import { worksheetRow } from "../workload.ts";

const [path = "", query = ""] = Deno.args;

const app = new Hono();
app.get("/healthz", (context) => context.text("ok"));
app.get("/audit.xlsx", (context) => {
  const body = new PassThrough();
  void write(Number(context.req.query("rows")), body).catch((error) => body.destroy(error));
  return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array<ArrayBuffer>>);
});

/** Every 256 rows the loop has a turn, and the client is waited for: the library does neither. */
async function write(rows: number, body: PassThrough): Promise<void> {
  const { workbook, sheet } = beginWorkbook(body);
  using database = new DatabaseSync(path, { readOnly: true });
  let written = 0;
  for (const row of database.prepare(query).iterate(rows)) {
    sheet.addRow(worksheetRow(Object.values(row))).commit();
    if (++written % 256 !== 0) continue;
    await setImmediate();
    while (body.writableNeedDrain) await new Promise((resolve) => body.once("drain", resolve));
  }
  sheet.commit();
  await workbook.commit();
}

Deno.serve({ hostname: "127.0.0.1", port: 0 }, app.fetch);
