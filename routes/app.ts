/** The HTTP side of the server: `fetch(request) -> Response`, tested through `app.request()`. */

import { Hono } from "hono";
import type { Config, ExportDefinition } from "../catalog/config.ts";
import type { Exporter } from "../exporters/exporter.ts";
import type { Readiness } from "../runs/readiness.ts";
import type { StartRun } from "../runs/run.ts";
import type { WholeFiles } from "../runs/whole_files.ts";
import type { SourceColumn } from "../sources/source.ts";
import { exportRoutes } from "./exports.ts";
import { guard, type ServerNames } from "./guard.ts";
import { healthRoutes } from "./health.ts";
import { metricsRoutes } from "./metrics.ts";
import { notFound, problemResponse, toProblem } from "./problems.ts";
import { type RefusedRequest, tellRefusals } from "./refusals.ts";

/** What routes know of a request's connection. */
export interface Client {
  /** The client's address. */
  readonly remoteAddress: string;
  /** The address of ours that it is connected to. */
  readonly localAddress: string;
}

/** What comes with a request, as Hono calls it; without a server (`app.request()`) there is no `env` at all. */
export interface Environment {
  /** Values for the routes. */
  readonly Bindings: { readonly client?: Client };
}

/** What the routes need. */
export interface Dependencies {
  /** What the server is called. */
  readonly names: ServerNames;
  /** What may be exported, and from where. */
  readonly catalog: Pick<Config, "exports" | "sources">;
  /** The formats, by key. */
  readonly exporters: Readonly<Record<string, Exporter>>;
  /** Runs an export. */
  readonly startRun: StartRun;
  /** Makes files that are finished before they are sent; absent where there is no spool. */
  readonly wholeFiles?: WholeFiles | undefined;
  /** All columns of an export, as its source gives them. @default they are not known */
  readonly columns?: (definition: ExportDefinition) => Promise<readonly SourceColumn[] | undefined>;
  /** Whether an answer may hold what a source said of its failure. @default never */
  readonly debug?: (request: Request, client: Client | undefined) => boolean;
  /** Whether another export would be taken. */
  readonly readiness: () => Promise<Readiness>;
  /** The numbers of the server, in Prometheus's text format. */
  readonly scrape: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Whether health and metrics are answered on a port of their own, and not here. @default false */
  readonly adminElsewhere?: boolean;
  /** Told of every request that was refused, for the log. */
  readonly onRefusal: (refused: RefusedRequest) => void;
  /** Told of errors that are this server's own fault. */
  readonly onError: (error: unknown, request: Request) => void;
}

/** Makes the app. */
export function createApp(dependencies: Dependencies): Hono<Environment> {
  const app = createBase(dependencies);
  app.route("/exports", exportRoutes(dependencies));
  if (!dependencies.adminElsewhere) addAdmin(app, dependencies);
  app.get("/", (context) => context.redirect("/exports"));
  return app;
}

/** Makes the app of the port that is for health and metrics alone. */
export function createAdminApp(dependencies: Dependencies): Hono<Environment> {
  const app = createBase(dependencies);
  addAdmin(app, dependencies);
  return app;
}

/** Paths that are answered whatever else is going on. */
export function isEssential(path: string): boolean {
  return ["/healthz", "/readyz", "/metrics"].includes(path);
}

function addAdmin(app: Hono<Environment>, dependencies: Dependencies): void {
  app.route("/", healthRoutes(dependencies));
  app.route("/", metricsRoutes(dependencies));
}

function createBase({ names, onRefusal, onError }: Dependencies): Hono<Environment> {
  const app = new Hono<Environment>();
  app.use(tellRefusals(onRefusal));
  app.use(guard(names));
  app.notFound((context) => problemResponse(notFound(`There is nothing at ${context.req.path}`)));
  app.onError((error, context) => {
    const problem = toProblem(error);
    if (problem.status === 500) onError(error, context.req.raw);
    return problemResponse(problem);
  });
  return app;
}
