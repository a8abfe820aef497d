/** The HTTP side of the server: `fetch(request) -> Response`, tested through `app.request()`. */

import { Hono } from "hono";
import { authenticate } from "./authenticate.ts";
import { convertRoutes } from "./convert.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Environment } from "./environment.ts";
import { exportRoutes } from "./exports.ts";
import { guard } from "./guard.ts";
import { healthRoutes } from "./health.ts";
import { linkRoutes } from "./links.ts";
import { metricsRoutes } from "./metrics.ts";
import { notFound, problemResponse, toProblem } from "./problems.ts";
import { tellRefusals } from "./refusals.ts";

/** Makes the app. */
export function createApp(dependencies: Dependencies): Hono<Environment> {
  const app = createBase(dependencies);
  app.use(authenticate(dependencies));
  app.route("/exports", exportRoutes(dependencies));
  app.route("/convert", convertRoutes(dependencies));
  app.route("/links", linkRoutes(dependencies));
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
