/**
 * A route that hands rows over to Spillway as NDJSON, row by row.
 *
 * Spillway calls it as `spillway.yaml` here says: with the params in the query string, a shared secret in
 * X-Export-Secret and the run's id in Spillway-Run. When the person who downloads leaves, it closes the
 * connection; `pipeline` ends the generator then, and the generator its query.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import process from "node:process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import express from "express";

const COLUMNS = [
  { name: "id", type: "integer" },
  { name: "number", type: "string" },
  { name: "issued_on", type: "date" },
  { name: "total", type: "decimal" },
];

/** Stands for a cursor: what a database's driver gives row by row (pg-cursor, better-sqlite3). */
async function* invoices(since, limit) {
  const first = Date.parse(since);
  for (let id = 1; id <= limit; id++) {
    const day = new Date(first + (id % 365) * 86_400_000).toISOString().slice(0, 10);
    yield [id, `INV-${String(id).padStart(6, "0")}`, day, `${id}.50`];
    // A driver waits for its database now and then.
    if (id % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The columns, the rows as arrays, and their number: without it, half a table would look whole. */
async function* ndjson(columns, rows) {
  yield JSON.stringify(columns) + "\n";
  let count = 0;
  let lines = "";
  try {
    for await (const row of rows) {
      lines += JSON.stringify(row) + "\n";
      if (++count % 256 > 0) continue;
      yield lines;
      lines = "";
    }
    yield `${lines}${count}\n`;
  } finally {
    console.error(`handed over ${count} rows`);
  }
}

const digest = (text) => createHash("sha256").update(text).digest();
const secret = digest(process.env.EXPORT_SECRET);

const app = express();

app.get("/exports/invoices", async (request, response) => {
  if (!timingSafeEqual(digest(request.get("x-export-secret") ?? ""), secret)) {
    response.sendStatus(403);
    return;
  }
  const { since, limit } = request.query;
  response.set("Content-Type", "application/x-ndjson");
  try {
    // It waits while Spillway takes nothing, and destroys the response when a row fails.
    await pipeline(Readable.from(ndjson(COLUMNS, invoices(since, Number(limit)))), response);
  } catch (error) {
    console.error(`an export ended early: ${error.message}`);
  }
});

const server = app.listen(Number(process.env.PORT ?? 8002), "127.0.0.1", () => {
  console.error(`listening on ${server.address().port}`);
});
