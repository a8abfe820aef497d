/** The MariaDB server that the tests of a file share, and tests that are ignored without one. */

import { INSTALLED, type MysqlServer, startServer } from "./server.ts";

/** Declares a test that is ignored where there is no server. */
export function mysqlTest(name: string, body: () => Promise<void>): void {
  if (INSTALLED) Deno.test(name, body);
  else Deno.test.ignore(`${name} (no MariaDB server is installed)`, body);
}

let shared: Promise<MysqlServer> | undefined;

/** The server of a test file, which its first call starts; it is stopped when the file's tests end. */
export function sharedServer(): Promise<MysqlServer> {
  return shared ??= startServer();
}

Deno.test.afterAll(async () => await (await shared)?.stop());
