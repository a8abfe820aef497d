/** Starts PgBouncers of our own, for tests. */

import { until } from "../../waiting.ts";
import { freePort } from "../../free_port.ts";
import { PASSWORD, type PostgresServer } from "./server.ts";

const PROGRAM = "/usr/sbin/pgbouncer";

/** Whether there is one to start. */
export const INSTALLED = isFile(PROGRAM);

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A pooler before a server. */
export interface PgBouncer extends AsyncDisposable {
  /** A URL of the role `reader`. */
  url(): string;
}

/** Starts one in transaction mode, with so many connections to the server. */
export async function startPgBouncer(
  server: PostgresServer,
  connections: number,
): Promise<PgBouncer> {
  const folder = Deno.makeTempDirSync({ prefix: "spillway-pgbouncer-" });
  const port = freePort();
  Deno.writeTextFileSync(`${folder}/users`, `"reader" "${PASSWORD}"\n`);
  Deno.writeTextFileSync(
    `${folder}/pgbouncer.ini`,
    `[databases]
postgres = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${folder}/users
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 100
`,
  );
  const user = Deno.uid() === 0 ? ["-u", "postgres"] : [];
  for (const path of [folder, `${folder}/users`, `${folder}/pgbouncer.ini`]) {
    Deno.chmodSync(path, path === folder ? 0o755 : 0o644);
  }
  const child = new Deno.Command(PROGRAM, {
    args: ["-q", ...user, `${folder}/pgbouncer.ini`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const bouncer: PgBouncer = {
    url: () => server.url().replace(`:${server.port}/`, `:${port}/`),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      Deno.removeSync(folder, { recursive: true });
    },
  };
  await until(() => isListening(port));
  return bouncer;
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
