/** Measures MariaDB to a client over HTTP, beside `mariadb --batch --quick` writing to a pipe. */

import { type MysqlServer, PASSWORD } from "../tests/sources/mysql/server.ts";
import { mariadbExports, startAuditMariadb } from "./audit_mariadb.ts";
import { AUDIT_QUERY, AUDIT_ROWS, configure, startServer } from "./server.ts";
import { piped, served, takeTurns } from "./turns.ts";

/** Measures the whole table. */
export async function mariadb(): Promise<string> {
  await using database = await startAuditMariadb();
  await using configured = await configure(mariadbExports(database));
  await using server = await startServer(configured);
  return await takeTurns([
    piped("mariadb --batch --quick to a pipe", ...client(database, AUDIT_QUERY)),
    served("**Spillway CSV**", server, "audit.csv"),
    served("Spillway CSV, datetimes moved to Asia/Seoul", server, "audit-seoul.csv"),
    served("Spillway NDJSON", server, "audit.ndjson"),
    served("Spillway XLSX", server, "audit.xlsx"),
  ], { rows: AUDIT_ROWS, first: "mariadb's" });
}

/** The command that writes a query as text with tabs; over TCP, as Spillway connects. */
function client({ port }: MysqlServer, query: string): string[] {
  return [
    ...["mariadb", "--no-defaults", "--batch", "--quick", "--default-character-set=utf8mb4"],
    ...["--protocol=tcp", "--host=127.0.0.1", `--port=${port}`],
    ...["--user=reader", `--password=${PASSWORD}`, "--database=test", "--execute", query],
  ];
}
