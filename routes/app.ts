/** The HTTP side of the server: `fetch(request) -> Response`, tested through `app.request()`. */

import { Hono } from "hono";
import type { Config, ExportDefinition } from "../catalog/config.ts";
import type { Exporter } from "../exporters/exporter.ts";
import type { StartRun } from "../runs/run.ts";
import type { WholeFiles } from "../runs/whole_files.ts";
import type { SourceColumn } from "../sources/source.ts";
import { exportRoutes } from "./exports.ts";
import { healthRoutes } from "./health.ts";
import { metricsRoutes } from "./metrics.ts";
import { notFound, problemResponse, toProblem } from "./problems.ts";

/** What the routes need. */
export interface Dependencies {
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
  readonly debug?: (request: Request) => boolean;
  /** Whether another export would be taken. */
  readonly ready: () => "ready" | "full" | "draining";
  /** The numbers of the server, in Prometheus's text format. */
  readonly scrape: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Told of errors that are this server's own fault. */
  readonly onError: (error: unknown, request: Request) => void;
}

/** Makes the app. */
export function createApp(dependencies: Dependencies): Hono {
  const app = new Hono();
  app.route("/exports", exportRoutes(dependencies));
  app.route("/", healthRoutes(dependencies));
  app.route("/", metricsRoutes(dependencies));
  app.get("/", (context) => context.redirect("/exports"));
  app.notFound((context) => problemResponse(notFound(`There is nothing at ${context.req.path}`)));
  app.onError((error, context) => {
    const problem = toProblem(error);
    if (problem.status === 500) dependencies.onError(error, context.req.raw);
    return problemResponse(problem);
  });
  return app;
}
