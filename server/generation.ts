/** What answers requests with one configuration, until there is another one. */

import { type AccessDependencies, createAccess } from "../access/mod.ts";
import type { Config } from "../catalog/config.ts";
import { createAdminApp, createApp } from "../routes/app.ts";
import type { Dependencies } from "../routes/dependencies.ts";
import { isLocal } from "../routes/local_request.ts";
import type { RunObserver } from "../runs/observer.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { StartRun } from "../runs/run.ts";
import type { UploadConfig } from "../sources/upload/config.ts";
import type { Uploads } from "../storage/spool/uploads.ts";
import { createColumns } from "./columns.ts";
import type { Engine } from "./engine.ts";
import type { Handler } from "./http/exchange.ts";
import { openReceiptSigner } from "./receipt_signer.ts";

/** A configuration, and what answers with it: a request that has begun goes on with its own. */
export interface Generation {
  /** What it says. */
  readonly config: Config;
  /** Runs its exports. */
  readonly startRun: StartRun;
  /** Answers. */
  readonly handle: Handler;
  /** Answers on the port for health and metrics. */
  readonly handleAdmin: Handler;
}

/** What generations share. */
export interface GenerationDependencies {
  /** What runs their exports. */
  readonly engine: Pick<Engine, "configure">;
  /** What observes each run. */
  readonly observers: readonly RunObserver[];
  /** What access is checked with. */
  readonly access: AccessDependencies;
  /** What takes uploads; absent where there is no spool. */
  readonly uploads?: Uploads;
  /** What their routes are given besides. */
  readonly routes: Omit<
    Dependencies,
    | "access"
    | "names"
    | "catalog"
    | "convert"
    | "startRun"
    | "columns"
    | "signer"
    | "webhooks"
    | "schedules"
    | "debug"
    | "adminElsewhere"
  >;
}

/** Makes what answers with a configuration. From then on workers are its own; where this throws, nothing has changed. */
export function createGeneration(
  config: Config,
  { engine, observers, access, uploads, routes }: GenerationDependencies,
): Generation {
  const { server } = config;
  const columns = createColumns({
    startRun: (id, task, options) => startRun(id, task, options),
    sources: config.sources,
    exports: config.exports,
  });
  const dependencies: Dependencies = {
    ...routes,
    access: createAccess(config.access, access),
    names: server,
    catalog: config,
    ...(config.convert && uploads ? { convert: { settings: config.convert, uploads } } : {}),
    startRun: (id, task, options) => startRun(id, task, options),
    columns: columns.of,
    signer: openReceiptSigner(config.runs),
    webhooks: config.runs.webhooks,
    schedules: config.schedules,
    debug: (request, client) => server.debug ?? isLocal(request, client),
    adminElsewhere: server.admin !== undefined,
  };
  const app = createApp(dependencies);
  const admin = createAdminApp({
    ...dependencies,
    names: { ...server, hostname: server.admin?.hostname ?? server.hostname },
  });
  const startRun: StartRun = engine.configure(config, [
    columns,
    ...(uploads ? [releasesUploads(uploads)] : []),
    ...observers,
  ]);
  return {
    config,
    startRun,
    handle: (request, client) => app.fetch(request, { client }),
    handleAdmin: (request, client) => admin.fetch(request, { client }),
  };
}

/** Keeps the upload of a run until the run has ended, and removes it then, whatever became of the run. */
function releasesUploads(uploads: Pick<Uploads, "runStarted" | "runEnded">): RunObserver {
  const pathsOf = ({ tables }: RunTask) =>
    tables.flatMap(({ source }) => source.uploaded ? [(source.config as UploadConfig).path] : []);
  return {
    started: ({ task }) => pathsOf(task).forEach((path) => uploads.runStarted(path)),
    ended: (_report, { task }) => pathsOf(task).forEach((path) => void uploads.runEnded(path)),
  };
}
