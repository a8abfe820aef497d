/** Starts PostgreSQL servers of our own, for tests and benchmarks. */

import { freePort } from "../../free_port.ts";
import postgres, { type Sql } from "postgres";

/** A server that runs until it is stopped. */
export interface PostgresServer {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** The folder of its Unix socket and of its files. */
  readonly folder: string;
  /** A URL of the role `reader`, or of another one, with its password. */
  url(role?: string): string;
  /** Connects as the superuser, by the Unix socket. */
  connect(): Sql;
  /** Runs statements as the superuser. */
  run(statements: string): Promise<void>;
  /** Stops it at once, and removes it. */
  stop(): void;
}

/** How to start a server. */
export interface ServerOptions {
  /** Settings, as `postgres -c` takes them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Its certificate and key, in PEM; it then offers TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** The password of every role. */
export const PASSWORD = "p@ss/word:1";

/** The folder of the newest server that is installed; nothing where there is none. */
export const BINARIES = findBinaries();

function findBinaries(): string | undefined {
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => Number(name));
    const folder = `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
    Deno.statSync(`${folder}/initdb`);
    return folder;
  } catch {
    return undefined;
  }
}

/** Starts a server. PostgreSQL refuses to run as root: there it runs as the user `postgres`. */
export async function startServer({ settings = {}, tls }: ServerOptions = {}): Promise<
  PostgresServer
> {
  const folder = Deno.makeTempDirSync({ prefix: "spillway-postgres-" });
  const data = `${folder}/data`;
  const port = freePort();
  const write = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder}/${name}`, text, { mode: 0o600 });
    return `${folder}/${name}`;
  };
  const password = write("password", PASSWORD);
  const options: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: folder,
    fsync: "off",
    ...(tls
      ? {
        ssl: "on",
        ssl_cert_file: write("server.crt", tls.certificate),
        ssl_key_file: write("server.key", tls.key),
      }
      : {}),
    ...settings,
  };
  const stop = () => {
    try {
      // Immediately: a backend that stalls must not be waited for.
      runAs("pg_ctl", "stop", "-D", data, "-m", "immediate", "-w");
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
  if (Deno.uid() === 0) command("chown", "-R", "postgres", folder);
  try {
    runAs(
      "initdb",
      ...["-D", data, "-U", "postgres", "--pwfile", password, "-E", "UTF8", "--locale=C.UTF-8"],
      ...["--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"],
    );
    const flags = Object.entries(options).map(([name, value]) => `-c ${name}='${value}'`);
    runAs("pg_ctl", "start", "-D", data, "-w", "-l", `${folder}/log`, "-o", flags.join(" "));
  } catch (error) {
    Deno.removeSync(folder, { recursive: true });
    throw error;
  }
  const server: PostgresServer = {
    port,
    folder,
    url: (role = "reader") =>
      `postgres://${role}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres`,
    connect: () =>
      postgres({
        host: folder,
        port,
        user: "postgres",
        database: "postgres",
        max: 1,
        onnotice: () => {},
        fetch_types: false,
      }),
    async run(statements) {
      const sql = server.connect();
      try {
        await sql.unsafe(statements);
      } finally {
        await sql.end();
      }
    },
    stop,
  };
  try {
    await server.run(`create role reader login password '${PASSWORD}'`);
  } catch (error) {
    stop();
    throw error;
  }
  return server;
}

function runAs(program: string, ...args: string[]): void {
  const path = `${BINARIES}/${program}`;
  if (Deno.uid() === 0) command("runuser", "-u", "postgres", "--", path, ...args);
  else command(path, ...args);
}

function command(program: string, ...args: string[]): void {
  // A server that inherits a pipe keeps it open.
  const { success } = new Deno.Command(program, {
    args,
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}`);
}
