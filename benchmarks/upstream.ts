/** A web service that hands the audit log over, in each of the formats that Spillway reads. */

import { csv } from "../exporters/csv/mod.ts";
import { Warnings } from "../exporters/warnings.ts";
import { AUDIT_COLUMNS } from "../examples/demo_data.ts";
import type { Cell } from "../table/table.ts";
import { NAMES } from "./server.ts";
import { auditBatches, auditTable, type Batches } from "./workload.ts";

/** How rows are handed over, by the last part of the URL's path. */
export const SHAPES = ["arrays", "objects", "json", "csv"] as const;

/** One of {@linkcode SHAPES}. */
export type Shape = typeof SHAPES[number];

/** Rows that are prepared, and sent again and again: the service is to cost as little as it can. */
const PREPARED_ROWS = 50_000;

/** A shape's rows as text, in pieces of a batch, and what is around them. */
interface Prepared {
  readonly type: string;
  readonly head: string;
  readonly pieces: readonly Uint8Array[];
  /** What follows so many rows. */
  tail(rows: number): string;
}

/** A service that runs. */
export interface Upstream extends AsyncDisposable {
  /** Where it is; a shape follows, and `?rows=`, a multiple of {@linkcode PREPARED_ROWS}. */
  readonly url: string;
}

/** Starts the service. */
export async function startUpstream(): Promise<Upstream> {
  const prepared = await prepare(auditBatches(PREPARED_ROWS));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const { type, head, pieces, tail } = prepared[pathname.slice(1) as Shape];
    const rows = Number(searchParams.get("rows"));
    const encoder = new TextEncoder();
    function* body(): Generator<Uint8Array> {
      yield encoder.encode(head);
      for (let sent = 0; sent < rows; sent += PREPARED_ROWS) yield* pieces;
      yield encoder.encode(tail(rows));
    }
    return new Response(ReadableStream.from(body()), { headers: { "content-type": type } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function prepare(batches: Batches): Promise<Readonly<Record<Shape, Prepared>>> {
  const encoder = new TextEncoder();
  const pieces = (line: (row: readonly Cell[]) => string) =>
    batches.map((batch) => encoder.encode(batch.map(line).join("")));
  const columns = JSON.stringify(AUDIT_COLUMNS.map(({ name, type }) => ({ name, type })));
  const table = auditTable(batches);
  return {
    arrays: {
      type: "application/x-ndjson",
      head: `${columns}\n`,
      pieces: pieces((row) => `${JSON.stringify(row)}\n`),
      tail: (rows) => `${rows}\n`,
    },
    objects: {
      type: "application/x-ndjson",
      head: "",
      pieces: pieces((row) => {
        const members = row.map((cell, index) => [NAMES[index]!, cell]);
        return `${JSON.stringify(Object.fromEntries(members))}\n`;
      }),
      tail: (rows) => `${rows}\n`,
    },
    json: {
      type: "application/json",
      head: `[${columns}`,
      pieces: pieces((row) => `,${JSON.stringify(row)}`),
      tail: () => "]",
    },
    csv: {
      type: "text/csv",
      head: `${NAMES.join(",")}\r\n`,
      pieces: await Array.fromAsync(csv.encode(table, { header: false }, new Warnings())),
      tail: () => "",
    },
  };
}
