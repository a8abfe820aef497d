/** Writes the rows of `audit_module.ts` as CSV to standard output, as a script without Spillway would. */

import { stringify } from "csv-stringify";
import process from "node:process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { eachRow } from "./audit_module.ts";

await pipeline(
  Readable.from(eachRow(Number(Deno.args[0]))),
  stringify({ header: true, cast: { boolean: String } }),
  process.stdout,
);
