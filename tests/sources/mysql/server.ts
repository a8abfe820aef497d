/** Starts MariaDB servers of our own, for tests and benchmarks. */

import type { Socket } from "node:net";
import mysql, { type Connection } from "mysql2";
import { until } from "../../waiting.ts";
import { freePort } from "../../free_port.ts";

/** A server that runs until it is stopped. */
export interface MysqlServer {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** The folder of its Unix socket and of its files. */
  readonly folder: string;
  /** A URL of the account `reader`, or of another one, with its password. */
  url(account?: string): string;
  /** Connects as root, by the Unix socket. */
  connect(): Promise<Admin>;
  /** Runs statements as root, one after the other. */
  run(...statements: readonly string[]): Promise<void>;
  /** Kills it as it is; {@linkcode restart} starts it again. */
  crash(): Promise<void>;
  /** Starts what was killed. */
  restart(): Promise<void>;
  /** Stops it at once, and removes it. */
  stop(): Promise<void>;
}

/** A connection of root. */
export interface Admin extends AsyncDisposable {
  /** Runs a statement, and gives its rows. */
  ask(statement: string, values?: readonly unknown[]): Promise<readonly (readonly unknown[])[]>;
}

/** How to start a server. */
export interface ServerOptions {
  /** Settings, as the command line takes them: `--max-connections=5`. */
  readonly settings?: readonly string[];
  /** The zone of its system. @default this process's */
  readonly timezone?: string;
  /** Its certificate and key, in PEM; it then offers TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** The password of every account. */
export const PASSWORD = "p@ss/word:1";

/** Whether there is a server to start. */
export const INSTALLED = ["/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db"].every((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Starts a server, in a second. MariaDB leaves root for the user `mysql` by itself. */
export async function startServer(options: ServerOptions = {}): Promise<MysqlServer> {
  const { settings = [], timezone, tls } = options;
  const folder = Deno.makeTempDirSync({ prefix: "spillway-mysql-" });
  Deno.chmodSync(folder, 0o755);
  const data = `${folder}/data`;
  const socketPath = `${folder}/data/socket`;
  const port = freePort();
  const write = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  const user = Deno.uid() === 0 ? ["--user=mysql"] : [];
  const certificates = tls
    ? [
      `--ssl-cert=${write("server.crt", tls.certificate)}`,
      `--ssl-key=${write("server.key", tls.key)}`,
    ]
    : [];
  let child: Deno.ChildProcess | undefined;

  function start(): void {
    child = new Deno.Command("/usr/sbin/mariadbd", {
      args: [
        "--no-defaults",
        ...user,
        `--datadir=${data}`,
        `--socket=${socketPath}`,
        `--port=${port}`,
        "--bind-address=127.0.0.1",
        "--skip-log-bin",
        "--skip-name-resolve",
        "--innodb-flush-log-at-trx-commit=0",
        ...certificates,
        ...settings,
      ],
      ...(timezone === undefined ? {} : { env: { TZ: timezone } }),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async function crash(): Promise<void> {
    const killed = child;
    child = undefined;
    try {
      killed?.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await killed?.status;
  }

  const server: MysqlServer = {
    port,
    folder,
    url: (account = "reader") =>
      `mysql://${account}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/test`,
    connect: () => connect(socketPath),
    async run(...statements) {
      await using admin = await server.connect();
      for (const statement of statements) await admin.ask(statement);
    },
    crash,
    async restart() {
      start();
      await untilUp(server);
    },
    async stop() {
      await crash();
      Deno.removeSync(folder, { recursive: true });
    },
  };
  try {
    install(data, user);
    await server.restart();
    await server.run(
      "create database test character set utf8mb4",
      `create user reader@'%' identified by '${PASSWORD}'`,
      "grant select on test.* to reader@'%'",
    );
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function install(data: string, user: readonly string[]): void {
  const { success } = new Deno.Command("/usr/bin/mariadb-install-db", {
    args: [
      "--no-defaults",
      ...user,
      `--datadir=${data}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  if (!success) throw new Error("Cannot run mariadb-install-db");
}

async function untilUp(server: MysqlServer): Promise<void> {
  let error: unknown;
  const answers = () =>
    server.run("select 1").then(() => true, (reason) => (error = reason, false));
  await until(answers).catch((cause) => {
    throw new Error(`The server did not start: ${error}`, { cause });
  });
}

async function connect(socketPath: string): Promise<Admin> {
  const connection = mysql.createConnection({ socketPath, user: "root", rowsAsArray: true });
  connection.on("error", () => {});
  await settled((done) => connection.connect(done));
  return {
    ask: (statement, values = []) =>
      settled((done) => connection.query(statement, [...values], done as never)),
    [Symbol.asyncDispose]: () => closed(connection),
  };
}

function closed(connection: Connection): Promise<void> {
  const { stream } = connection as unknown as { readonly stream: Socket };
  // Its server may have been killed.
  if (stream.closed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("close", () => resolve());
    connection.end();
  });
}

function settled<T>(call: (done: (error: unknown, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    call((error, result) => error ? reject(error) : resolve(result as T))
  );
}
