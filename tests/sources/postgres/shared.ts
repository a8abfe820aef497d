/** The PostgreSQL server that the tests of a file share, and tests that are ignored without one. */

import { BINARIES, type PostgresServer, startServer } from "./server.ts";

/** Declares a test that is ignored where there is no server. */
export function postgresTest(name: string, body: () => Promise<void>): void {
  if (BINARIES === undefined) Deno.test.ignore(`${name} (no PostgreSQL server is installed)`, body);
  else Deno.test(name, body);
}

let shared: Promise<PostgresServer> | undefined;

/** The server of a test file, which its first call starts; it is stopped when the file's tests end. */
export function sharedServer(): Promise<PostgresServer> {
  return shared ??= startServer();
}

Deno.test.afterAll(async () => (await shared)?.stop());
