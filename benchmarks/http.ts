/** Measures SQLite to a client over HTTP, beside the `sqlite3` shell writing CSV to a pipe. */

import { AUDIT_QUERY, AUDIT_ROWS, createWorkplace, startServer } from "./server.ts";
import { piped, served, takeTurns } from "./turns.ts";

/** Measures the whole table. */
export async function http(): Promise<string> {
  await using workplace = await createWorkplace();
  await using server = await startServer(workplace);
  const { database } = workplace;
  return await takeTurns([
    piped("sqlite3 shell, CSV to a pipe", "sqlite3", "-header", "-csv", database, AUDIT_QUERY),
    served("**Spillway CSV**", server, "audit.csv"),
    served("Spillway CSV, datetimes moved to Asia/Seoul", server, "audit-seoul.csv"),
    served("Spillway NDJSON", server, "audit.ndjson"),
    served("Spillway XLSX", server, "audit.xlsx"),
  ], { rows: AUDIT_ROWS, first: "the shell's" });
}
