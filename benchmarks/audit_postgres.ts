/** A PostgreSQL server of the benchmark's own, with the audit log in it, and what is exported of it. */

import { BINARIES, type PostgresServer, startServer } from "../tests/sources/postgres/server.ts";
import { NULL_WORD, writeAuditFile } from "./audit_file.ts";
import { AUDIT_ROWS, auditExports, COPIES, NAMES } from "./server.ts";

/** A schema as an application would have it; `ip_address` is text, as it is in SQLite. */
const SCHEMA = `create table audit (
  id bigint primary key,
  occurred_at timestamp not null,
  actor text not null,
  action text not null,
  resource text not null,
  ip_address text not null,
  user_agent text not null,
  amount numeric(12, 2) not null,
  success boolean not null,
  note text
)`;

/** Connections that the server takes: 100 by itself, which is fewer than exports at once here. */
const SETTINGS = { max_connections: "200" };

/** The server, with the settings that it is installed with but for connections. */
export async function startAuditPostgres(): Promise<PostgresServer & Disposable> {
  if (BINARIES === undefined) throw new Error("Cannot start PostgreSQL: is it installed?");
  const server = await startServer({ settings: SETTINGS });
  try {
    const file = `${server.folder}/audit.csv`;
    await writeAuditFile(file, AUDIT_ROWS);
    await server.run(SCHEMA);
    await server.run(`copy audit from '${file}' (format csv, header, null '${NULL_WORD}')`);
    await server.run("grant select on audit to reader");
    await server.run("vacuum analyze audit");
    return { ...server, [Symbol.dispose]: server.stop };
  } catch (error) {
    server.stop();
    throw error;
  }
}

/** What is exported. A function that gives rows, in the list of columns, gives them as they are sent. */
export function postgresExports(server: PostgresServer): string {
  return `sources: { app: { type: postgres, url: "${server.url()}" } }` + auditExports(`
    select id + ${AUDIT_ROWS} * generate_series(0, ${COPIES - 1}) as id, ${
    NAMES.slice(1).join(", ")
  }
    from audit limit :rows
  `);
}
