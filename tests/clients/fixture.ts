/** A server, in a process of its own, of the nasty table and of the demo's exports. */

import { parse } from "yaml";
import { createDemo } from "../../examples/demo_data.ts";
import type { Column } from "../../table/table.ts";
import { startServe } from "../commands/fixture.ts";
import { createNasty, NASTY_COLUMNS, NASTY_QUERY } from "./nasty_table.ts";

/** Rows of the demo's audit log, and invoices. */
export const AUDIT_ROWS = 20_000;
export const INVOICES = 1_000;

/** An export, and what to ask its database for to get the same rows. */
export interface TestExport {
  readonly columns: readonly Column[];
  readonly database: string;
  readonly query: string;
}

/** Columns with the titles that a spreadsheet shows: they name the zone, which the cells do not. */
export function inSpreadsheet(columns: readonly Column[]): readonly Column[] {
  return columns.map((column) => {
    if (column.name === "moment") return { ...column, title: "As stored (UTC)" };
    return column.timezone === "Asia/Seoul" ? { ...column, title: "When (Asia/Seoul)" } : column;
  });
}

/** The server and its files. */
export interface Exports extends AsyncDisposable {
  /** Where files may be put. */
  readonly folder: string;
  readonly nasty: TestExport;
  readonly auditLog: TestExport;
  readonly invoices: TestExport;
  /** Downloads `/exports/FILE` into the folder and gives the file's path. */
  download(file: string): Promise<string>;
}

/** An export of the demo catalogue, as its file has it. */
interface DemoExport {
  readonly query: string;
  readonly columns: Readonly<Record<string, Partial<Column>>>;
}

/** Types of the demo's columns that its tables declare and its catalogue need not. */
const DECLARED: Readonly<Record<string, Column["type"]>> = { id: "integer" };

/** Starts the server. */
export async function startExports(): Promise<Exports> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-clients-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    const demo = `${folder}/demo.db`;
    createDemo(demo, { auditRows: AUDIT_ROWS, invoices: INVOICES });
    const database = `${folder}/nasty.db`;
    createNasty(database);
    const catalogue = parse(
      await Deno.readTextFile(new URL("../../examples/spillway.yaml", import.meta.url)),
    ) as { exports: Record<"audit-log" | "invoices", DemoExport> };
    const nasty = {
      title: "Nasty",
      source: "nasty",
      query: NASTY_QUERY,
      params: { nul: { type: "boolean", default: true } },
      columns: Object.fromEntries(NASTY_COLUMNS.map(({ name, ...setting }) => [name, setting])),
    };
    const config = {
      server: { port: 0 },
      sources: { demo: { type: "sqlite", path: demo }, nasty: { type: "sqlite", path: database } },
      exports: {
        ...catalogue.exports,
        nasty,
        // The same rows for readers that run no formulas, and to see what those do that run them.
        unguarded: { ...nasty, formula_guard: "off" },
      },
    };
    // JSON is YAML.
    await Deno.writeTextFile(`${folder}/spillway.yaml`, JSON.stringify(config));
    const server = await startServe([], { cwd: folder });
    const ofDemo = ({ query, columns }: DemoExport): TestExport => ({
      database: demo,
      query: query
        .replaceAll(/:actor|:action|:status/g, "null")
        .replaceAll(":since", "'1970-01-01'"),
      columns: Object.entries(columns).map(([name, setting]) => ({
        name,
        title: name,
        type: DECLARED[name] ?? "string",
        ...setting,
      })),
    });
    return {
      folder,
      nasty: {
        columns: NASTY_COLUMNS,
        database,
        query: NASTY_QUERY.replace(":nul", "true"),
      },
      auditLog: ofDemo(catalogue.exports["audit-log"]),
      invoices: ofDemo(catalogue.exports.invoices),
      async download(file) {
        const response = await fetch(`${server.origin}/exports/${file}`);
        if (response.status !== 200) throw new Error(`${file}: ${await response.text()}`);
        const path = `${folder}/${new URL(response.url).pathname.split("/").at(-1)}`;
        await Deno.writeFile(path, await response.bytes());
        return path;
      },
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
