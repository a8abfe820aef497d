/** A whole server, wired: spool, engine, routes, sockets and numbers. */

import { getLogger } from "@logtape/logtape";
import type { Config } from "../catalog/config.ts";
import { exporters } from "../exporters/mod.ts";
import { createApp } from "../routes/app.ts";
import { isLocal } from "../routes/local_request.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { RunDependencies, RunReport } from "../runs/run.ts";
import { type HttpServer, serveHttp } from "../server/http.ts";
import type { FileSystem } from "../storage/file_system.ts";
import { createColumns } from "./columns.ts";
import { CommandError, EXIT } from "./command.ts";
import { createEngine, type Engine } from "./engine.ts";
import { createMetrics } from "./metrics.ts";
import { openConfiguredSpool } from "./spool.ts";

const logger = getLogger(["spillway"]);

/** A server that answers; disposing it closes its sockets, its workers and its spool. */
export interface Service extends AsyncDisposable {
  /** Its sockets. */
  readonly http: HttpServer;
  /** What runs its exports. */
  readonly engine: Engine;
  /** Resolves when everybody has what they asked for; from now on nobody new is let in. */
  drain(): Promise<void>;
}

/** What a service needs besides its configuration. */
export interface ServiceOptions {
  /** The environment that workers see a little of. */
  readonly environment: Readonly<Record<string, string>>;
  /** Told once of every run that got a slot, when everything it held has come back. */
  readonly onEnd: RunDependencies["onEnd"];
  /** The file system of its spool. @default the system's */
  readonly files?: FileSystem;
}

/**
 * Starts a service.
 *
 * @throws {CommandError} when its spool is not fit, or it cannot listen there
 */
export async function startService(config: Config, options: ServiceOptions): Promise<Service> {
  const metrics = createMetrics();
  await using stack = new AsyncDisposableStack();
  const spool = config.spool && stack.use(await openConfiguredSpool(config.spool, options.files));
  const engine = stack.use(
    await createEngine(config, {
      slots: config.limits.concurrent,
      environment: options.environment,
      spool,
      files: options.files,
      onEnd: (report, task) => {
        columns.learn(report, task);
        // It made no file.
        if (task.describe) return logDescription(report, task);
        metrics.countRun(report, task);
        options.onEnd(report, task);
      },
    }),
  );
  const { admission, pool, startRun, wholeFiles } = engine;
  const columns = createColumns({ startRun, sources: config.sources });
  const app = createApp({
    catalog: config,
    exporters,
    startRun,
    wholeFiles,
    columns: columns.of,
    debug: (request) => config.server.debug ?? isLocal(request, config.server.hostname),
    ready: () => admission.state,
    scrape: () => metrics.scrape({ admission, pool, spool, connections: http.counts }),
    onError: (error, request) =>
      logger.error("Cannot answer {method} {path}: {error}", {
        method: request.method,
        path: new URL(request.url).pathname,
        error: Deno.inspect(error),
      }),
  });
  const http = listen(config, (request) => app.fetch(request));
  stack.defer(() => http.close());
  const open = stack.move();
  return {
    http,
    engine,
    // A run is over when the server has taken its last chunk, which a slow client has yet to get.
    drain: () => admission.drain().then(() => http.drain()),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** A source that did not say its columns may not give its rows either. */
function logDescription({ id, error }: RunReport, task: RunTask): void {
  if (!error) return;
  logger.warn("Cannot describe {export}: {error}", {
    id,
    export: task.export,
    error: error.message,
  });
}

/** Listens, or says why not. */
function listen({ server }: Config, fetch: Parameters<typeof serveHttp>[1]): HttpServer {
  const { drainTimeout: _drain, debug: _debug, ...options } = server;
  try {
    return serveHttp(options, fetch);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const { hostname, port } = server;
    throw new CommandError(`Cannot listen on ${hostname}:${port}: ${reason}`, EXIT.failure);
  }
}
