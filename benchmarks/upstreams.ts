/** Measures an HTTP upstream and a module as CSV over HTTP, beside curl, jq and a script of one's own. */

import { configure, type Configured, startServer } from "./server.ts";
import { piped, served, takeTurns } from "./turns.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

/** Rows: jq takes a second for 100,000. */
const ROWS = 250_000;

/** Rounds that count. */
const ROUNDS = 5;

/** What takes the columns and the count from NDJSON of arrays, and writes CSV of the rest. */
const JQ = 'select(type == "array" and (first | type) == "number") | @csv';

const FOLDER = new URL("./", import.meta.url).pathname;

/** A source that is the module, and may read what it imports. */
export const MODULE_SOURCE = `{ type: module, path: "${FOLDER}audit_module.ts", ` +
  `read: ["${FOLDER}", "${FOLDER}../examples", "${FOLDER}../sources"] }`;

/** Makes a configuration of the upstream's shapes, and of the module. */
export function configureUpstreams({ url }: Upstream): Promise<Configured> {
  const source = (format: string) => `{ type: http, url: "${url}", format: ${format} }`;
  const asked = (source: string, shape: string) =>
    `{ source: ${source}, query: "/${shape}?rows=:rows", params: { rows: { type: integer } } }`;
  return configure(`
sources:
  ndjson: ${source("ndjson")}
  json: ${source("json")}
  csv: ${source("csv")}
  module: ${MODULE_SOURCE}
exports:
  arrays: ${asked("ndjson", "arrays")}
  objects: ${asked("ndjson", "objects")}
  json: ${asked("json", "json")}
  csv: ${asked("csv", "csv")}
  module:
    source: module
    params: { rows: { type: integer }, batches: { type: boolean, default: false } }
`);
}

/** Measures both. */
export async function upstreams(): Promise<string> {
  await using upstream = await startUpstream();
  await using configured = await configureUpstreams(upstream);
  await using server = await startServer(configured);
  const curl = ["curl", "--silent", "--fail", `${upstream.url}/arrays?rows=${ROWS}`];
  const get = (name: string, path: string) => served(name, server, path);
  const http = await takeTurns([
    piped("curl alone, NDJSON to a pipe", ...curl),
    piped(
      "curl to jq @csv to a pipe",
      "bash",
      "-o",
      "pipefail",
      "-c",
      `"$@" | jq --raw-output '${JQ}'`,
      "bash",
      ...curl,
    ),
    get("**Spillway CSV, from NDJSON of arrays**", `arrays.csv?rows=${ROWS}`),
    get("Spillway CSV, from NDJSON of objects", `objects.csv?rows=${ROWS}`),
    get("Spillway CSV, from a JSON array", `json.csv?rows=${ROWS}`),
    get("Spillway CSV, from CSV", `csv.csv?rows=${ROWS}`),
    get("Spillway XLSX, from NDJSON of arrays", `arrays.xlsx?rows=${ROWS}`),
  ], { rows: ROWS, first: "curl's", rounds: ROUNDS });
  const script = new URL("./module_script.ts", import.meta.url).pathname;
  const module = await takeTurns([
    piped("a script with csv-stringify", Deno.execPath(), "run", "--quiet", script, `${ROWS}`),
    get("**Spillway CSV, a row at a time**", `module.csv?rows=${ROWS}`),
    get("Spillway CSV, by batches", `module.csv?rows=${ROWS}&batches=true`),
    get("Spillway XLSX, a row at a time", `module.xlsx?rows=${ROWS}`),
  ], { rows: ROWS, first: "the script's", rounds: ROUNDS });
  return `${http}\n${module}`;
}
