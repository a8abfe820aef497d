/** A MariaDB server of the benchmark's own, with the audit log in it, and what is exported of it. */

import { INSTALLED, type MysqlServer, startServer } from "../tests/sources/mysql/server.ts";
import { writeAuditFile } from "./audit_file.ts";
import { AUDIT_ROWS, auditExports, COPIES, NAMES } from "./server.ts";

/** A schema as an application would have it. */
const SCHEMA = `create table audit (
  id bigint primary key,
  occurred_at datetime not null,
  actor varchar(200) not null,
  action varchar(200) not null,
  resource varchar(200) not null,
  ip_address varchar(200) not null,
  user_agent varchar(200) not null,
  amount decimal(12, 2) not null,
  success boolean not null,
  note text
) character set utf8mb4`;

/** The server, with the settings that it has without any, and a buffer pool that holds the table. */
export async function startAuditMariadb(): Promise<MysqlServer & AsyncDisposable> {
  if (!INSTALLED) throw new Error("Cannot start MariaDB: is it installed?");
  const server = await startServer({ settings: ["--innodb-buffer-pool-size=512M"] });
  try {
    const file = `${server.folder}/audit.csv`;
    await writeAuditFile(file, AUDIT_ROWS);
    const columns = NAMES.map((name) => name === "success" ? "@success" : name);
    await server.run(
      "use test",
      SCHEMA,
      // Nothing escapes in CSV, and a backslash is one.
      `load data infile '${file}' into table audit character set utf8mb4
        fields terminated by ',' optionally enclosed by '"' escaped by ''
        lines terminated by '\\n' ignore 1 lines (${columns.join(", ")})
        set success = @success = 'true'`,
      "analyze table audit",
    );
    return { ...server, [Symbol.asyncDispose]: server.stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** What is exported; each row of `rows` is sent as it is joined. */
export function mariadbExports(server: MysqlServer): string {
  return `sources: { app: { type: mysql, url: "${server.url()}" } }` + auditExports(`
    select id + ${AUDIT_ROWS} * seq as id, ${NAMES.slice(1).join(", ")}
    from audit straight_join seq_0_to_${COPIES - 1} limit :rows
  `);
}
