/** An upstream in this process for the contract of sources, and the source that asks it. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createConverter } from "../../../sources/converters.ts";
import { httpDriver } from "../../../sources/http/driver.ts";
import type { HttpConfig } from "../../../sources/http/config.ts";
import type { Query, RowStream } from "../../../sources/source.ts";
import type { Batch, Cell, ColumnType, Row } from "../../../table/table.ts";
import type { FixtureColumn, SourceFixture } from "../../contracts/source_contract.ts";

/** Settings that a test changes of the defaults. */
export type Settings = Partial<Omit<HttpConfig, "url">>;

/** The settings of a source, with their defaults. */
export function settings(url: string, changed: Settings = {}): HttpConfig {
  return {
    url,
    method: "GET",
    format: "ndjson",
    headers: {},
    timeout: 10_000,
    idle_timeout: 10_000,
    allow_http: false,
    max_row: 2 ** 20,
    require_count: false,
    ...changed,
  };
}

/** The name of a column and its type, where it has one. */
interface Named {
  readonly name: string;
  readonly type?: ColumnType;
}

/** How a format writes rows; the count of the rows is written too where there is a place for it. */
interface Writer {
  readonly format: HttpConfig["format"];
  readonly mediaType: string;
  head(columns: readonly Named[]): string;
  row(cells: readonly Cell[]): string;
  tail(count: number): string;
}

export const WRITERS: Readonly<Record<HttpConfig["format"], Writer>> = {
  ndjson: {
    format: "ndjson",
    mediaType: "application/x-ndjson",
    head: (columns) => JSON.stringify(columns) + "\n",
    row: (cells) => `[${cells.map(jsonText).join(",")}]\n`,
    tail: (count) => `${count}\n`,
  },
  json: {
    format: "json",
    mediaType: "application/json; charset=utf-8",
    head: (columns) => "[" + JSON.stringify(columns),
    row: (cells) => `\n, [${cells.map(jsonText).join(", ")}]`,
    tail: () => " ]\n",
  },
  csv: {
    format: "csv",
    mediaType: "text/csv; charset=utf-8",
    head: (columns) => columns.map(({ name }) => quoted(name)).join(",") + "\r\n",
    row: (cells) => cells.map(csvText).join(",") + "\r\n",
    tail: () => "",
  },
};

function jsonText(cell: Cell): string {
  if (typeof cell === "bigint") return String(cell);
  return JSON.stringify(cell instanceof Uint8Array ? cell.toBase64() : cell);
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function csvText(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "string") return quoted(cell);
  return quoted(cell instanceof Uint8Array ? cell.toBase64() : String(cell));
}

/** Makes a fixture whose upstream writes one of the formats. */
export async function createFixture(format: HttpConfig["format"]): Promise<SourceFixture> {
  const writer = WRITERS[format];
  const tables = new Map<string, { columns: readonly FixtureColumn[]; rows: Row[] }>();
  const open = new Set<ServerResponse>();
  let sent = 0;

  /** Writes, and waits while the client takes nothing; false when it is gone. */
  async function write(response: ServerResponse, text: string): Promise<boolean> {
    if (response.destroyed) return false;
    sent += text.length;
    if (response.write(text)) return true;
    await new Promise<void>((resolve) => {
      const taken = () => {
        response.off("drain", taken);
        response.off("close", taken);
        resolve();
      };
      response.on("drain", taken);
      response.on("close", taken);
    });
    return !response.destroyed;
  }

  async function rows(
    response: ServerResponse,
    columns: readonly Named[],
    cells: Iterable<readonly Cell[]>,
    end: "whole" | "broken" | "stalled" = "whole",
  ): Promise<void> {
    response.writeHead(200, { "content-type": writer.mediaType });
    let text = writer.head(columns);
    let count = 0;
    for (const row of cells) {
      text += writer.row(row);
      count++;
      if (text.length < 16 * 1024) continue;
      if (!await write(response, text)) return;
      text = "";
    }
    // In the middle of the next row: csv-parse keeps the end of a row until it sees what follows.
    if (end === "broken") text += writer.row(["unfinished"]).slice(0, 10);
    if (end === "broken") response.write(text, () => response.destroy());
    else if (text !== "" && !await write(response, text)) return;
    if (end === "whole") response.end(writer.tail(count));
  }

  function* numbers(count: number): Generator<readonly Cell[]> {
    for (let n = 1; n <= count; n++) yield [n];
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    open.add(response);
    response.on("close", () => open.delete(response));
    const { pathname, searchParams } = new URL(request.url!, "http://upstream");
    const count = Number(searchParams.get("count"));
    const n: Named[] = [{ name: "n", type: "integer" }];
    switch (pathname) {
      case "/rows/table": {
        const table = tables.get(searchParams.get("name")!)!;
        return await rows(response, table.columns, table.rows.slice());
      }
      case "/rows/numbers":
        return await rows(response, n, numbers(count));
      case "/rows/failing":
        return await rows(response, n, numbers(count), "broken");
      case "/rows/stalling":
        return await rows(response, n, numbers(count), "stalled");
      case "/rows/named": {
        const names = searchParams.getAll("column").map((name) => ({ name }));
        return await rows(response, names, [names.map((_, index) => index + 1)]);
      }
      case "/rows/echo": {
        let body = "";
        for await (const piece of request) body += piece;
        // The param's own text: parsing it would not be exact.
        const text = /^\{"value":(.*)\}$/s.exec(body)![1]!;
        response.writeHead(200, { "content-type": writer.mediaType });
        const cell = format === "csv"
          ? csvText(text.startsWith('"') ? JSON.parse(text) : text)
          : text;
        if (format === "ndjson") response.end(`["value"]\n[${cell}]\n1\n`);
        else if (format === "json") response.end(`[["value"],[${cell}]]`);
        else response.end(`value\r\n${text === "null" ? "" : cell}\r\n`);
        return;
      }
      default:
        response.writeHead(404, { "content-type": "text/plain" }).end("no such rows");
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clients = countClients();

  const stop = () => {
    for (const response of open) response.destroy();
    server.closeAllConnections();
  };
  const running = new Map<ServerResponse, string>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    running.set(response, String(request.headers["spillway-run"]));
    response.on("close", () => running.delete(response));
  });

  return {
    async open(query, options) {
      const method = Object.keys(query.params).length > 0 ? "POST" : "GET";
      const config = settings(`http://127.0.0.1:${port}/rows`, { format, method });
      const stream = await httpDriver.open(config, query, options);
      return format === "csv" ? declared(stream, declaredTypes(query, tables)) : stream;
    },
    table(name, columns, rows) {
      tables.set(name, { columns, rows: [...rows] });
      return Promise.resolve(`/table?name=${name}`);
    },
    insert(name, rows) {
      tables.get(name)!.rows.push(...rows);
      return Promise.resolve();
    },
    named: (names) =>
      `/named?${names.map((name) => `column=${encodeURIComponent(name)}`).join("&")}`,
    numbers: (count) => `/numbers?count=${count}`,
    failing: (good) => `/failing?count=${good}`,
    stalling: (good) => `/stalling?count=${good}`,
    refused: "/nowhere",
    echo: "/echo",
    held: clients.open,
    holdsNul: true,
    // Whatever the upstream does, which here makes the rows as they are read.
    snapshots: false,
    sent: () => sent,
    working: (run) => Promise.resolve([...running.values()].filter((id) => id === run).length),
    kill: () => Promise.resolve(stop()),
    async [Symbol.asyncDispose]() {
      clients.stop();
      stop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads text as what an export declares it to be, which is what CSV needs to have types. */
export function declared(
  { columns, batches }: RowStream,
  types: Readonly<Record<string, ColumnType>>,
): RowStream {
  const known = columns.map(({ name }) => Object.hasOwn(types, name) ? types[name] : undefined);
  const converters = known.map((type) => type && createConverter(type));
  const convert = (row: Row) =>
    row.map((cell, index) => cell === null ? null : converters[index]?.(cell) ?? cell);
  const reader = batches.getReader();
  return {
    columns: columns.map(({ name }, index) =>
      known[index] ? { name, type: known[index] } : { name }
    ),
    batches: new ReadableStream<Batch>({
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value.map(convert));
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 }),
  };
}

/** What an export declares of its columns, which a header of CSV does not. */
function declaredTypes(
  { text, params }: Query,
  tables: ReadonlyMap<string, { readonly columns: readonly FixtureColumn[] }>,
): Record<string, ColumnType> {
  const columns = tables.get(/^\/table\?name=(.*)/.exec(text)?.[1] ?? "")?.columns;
  if (columns) return Object.fromEntries(columns.map(({ name, type }) => [name, type]));
  const named = [...new URLSearchParams(text.split("?")[1]).getAll("column"), "n"];
  const value = typeof params.value === "string"
    ? "string"
    : params.value === 2.5
    ? "number"
    : "integer";
  return Object.fromEntries([...named.map((name) => [name, "integer"]), ["value", value]]);
}

/** Counts the HTTP clients of this process, each of which holds one connection of the source. */
function countClients(): { open(): number; stop(): void } {
  const create = Deno.createHttpClient;
  let open = 0;
  Deno.createHttpClient = (options) => {
    const client = create(options);
    const close = client.close.bind(client);
    open++;
    client.close = () => {
      open--;
      close();
    };
    return client;
  };
  return { open: () => open, stop: () => void (Deno.createHttpClient = create) };
}
