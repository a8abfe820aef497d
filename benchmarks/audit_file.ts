/** Writes the audit log as a file that databases load. */

import { csv } from "../exporters/csv/mod.ts";
import { Warnings } from "../exporters/warnings.ts";
import { auditTable, eachAuditBatch } from "./workload.ts";

/** What stands for null in the file: the word that MariaDB's `load data` takes for it. */
export const NULL_WORD = "NULL";

/** Writes the first rows of the log as CSV with a header and LF, in about three seconds. */
export async function writeAuditFile(path: string, rows: number): Promise<void> {
  const table = auditTable(eachAuditBatch(rows));
  const options = { dialect: "postgres", null: NULL_WORD } as const;
  await Deno.writeFile(path, csv.encode(table, options, new Warnings()));
}
