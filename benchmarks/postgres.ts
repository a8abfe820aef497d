/** Measures PostgreSQL to a client over HTTP, beside `psql \copy` writing CSV to a pipe. */

import { BINARIES, PASSWORD, type PostgresServer } from "../tests/sources/postgres/server.ts";
import { postgresExports, startAuditPostgres } from "./audit_postgres.ts";
import { assertSameOutput } from "./equivalence.ts";
import { AUDIT_QUERY, AUDIT_ROWS, configure, startServer } from "./server.ts";
import { piped, served, takeTurns } from "./turns.ts";

/** Measures the whole table. */
export async function postgres(): Promise<string> {
  using database = await startAuditPostgres();
  await using configured = await configure(postgresExports(database));
  await using server = await startServer(configured);
  // COPY writes booleans as `t` and `f`.
  const words = AUDIT_QUERY.replace("success", "success::text");
  await assertSameOutput(
    psql(database, words),
    ["curl", "-sf", `${server.origin}/exports/audit.csv?_dialect=postgres`],
  );
  return await takeTurns([
    piped("psql \\copy, CSV to a pipe", ...psql(database, AUDIT_QUERY)),
    served("**Spillway CSV**", server, "audit.csv"),
    served("Spillway CSV, datetimes moved to Asia/Seoul", server, "audit-seoul.csv"),
    served("Spillway NDJSON", server, "audit.ndjson"),
    served("**Spillway XLSX**", server, "audit.xlsx"),
  ], { rows: AUDIT_ROWS, first: "psql's" });
}

/** The command that writes a query as CSV; over TCP and with a password, as Spillway connects. */
function psql({ port }: PostgresServer, query: string): string[] {
  return [
    ...[
      "env",
      `PGPASSWORD=${PASSWORD}`,
      `${BINARIES}/psql`,
      "--no-psqlrc",
      "-v",
      "ON_ERROR_STOP=1",
    ],
    ...["-h", "127.0.0.1", "-p", `${port}`, "-U", "reader", "-d", "postgres"],
    ...["-c", `\\copy (${query}) to stdout (format csv, header)`],
  ];
}
