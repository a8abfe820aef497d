/** The HTTP side of the server: `fetch(request) -> Response`, tested through `app.request()`. */

import { Hono, type MiddlewareHandler } from "hono";
import { authenticate } from "./authenticate.ts";
import { convertRoutes } from "./convert.ts";
import { preflight, share, shareHeaders } from "./cors.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Environment } from "./environment.ts";
import { exportRoutes } from "./exports.ts";
import { guard } from "./guard.ts";
import { healthRoutes } from "./health.ts";
import { jwksRoutes } from "./jwks.ts";
import { linkRoutes } from "./links.ts";
import { metricsRoutes } from "./metrics.ts";
import { notFound, ProblemError, problemResponse, toProblem, unaudited } from "./problems.ts";
import { tellRefusals } from "./refusals.ts";
import { runRoutes } from "./runs.ts";
import { scheduleRoutes } from "./schedules.ts";
import { traceRequests } from "./trace.ts";

/** Makes the app. */
export function createApp(dependencies: Dependencies): Hono<Environment> {
  const app = createBase(dependencies);
  // Before the question who asks: who verifies a receipt has a file and no credential.
  app.route("/.well-known/jwks.json", jwksRoutes(dependencies));
  app.use(authenticate(dependencies));
  app.use(refuseUnaudited(dependencies));
  app.route("/exports", exportRoutes(dependencies));
  app.route("/convert", convertRoutes(dependencies));
  app.route("/links", linkRoutes(dependencies));
  app.route("/runs", runRoutes(dependencies));
  app.route("/schedules", scheduleRoutes(dependencies));
  if (!dependencies.adminElsewhere) addAdmin(app, dependencies);
  app.get("/", (context) => context.redirect("/exports"));
  return app;
}

/** Makes the app of the port that is for health and metrics alone. */
export function createAdminApp(dependencies: Dependencies): Hono<Environment> {
  // What watches the process is no page.
  const names = { ...dependencies.names, cors: [] };
  const app = createBase({ ...dependencies, names });
  addAdmin(app, dependencies);
  return app;
}

/** Paths that are answered whatever else is going on. */
export function isEssential(path: string): boolean {
  return ["/healthz", "/readyz", "/metrics"].includes(path);
}

/** Makes the middleware: what could not be written down is not done. */
function refuseUnaudited(
  { auditFailing = () => false }: Dependencies,
): MiddlewareHandler<Environment> {
  return async ({ req }, next) => {
    if (auditFailing() && !isEssential(req.path)) throw new ProblemError(unaudited());
    await next();
  };
}

function addAdmin(app: Hono<Environment>, dependencies: Dependencies): void {
  app.route("/", healthRoutes(dependencies));
  app.route("/", metricsRoutes(dependencies));
}

function createBase({ names, trace, onRefusal, onError }: Dependencies): Hono<Environment> {
  const app = new Hono<Environment>();
  app.use(traceRequests(trace, isEssential));
  app.use(tellRefusals(onRefusal));
  app.use(share(shareHeaders(names.cors ?? [])));
  app.use(guard(names));
  app.use(preflight(names.cors ?? []));
  app.notFound((context) => problemResponse(notFound(`There is nothing at ${context.req.path}`)));
  app.onError((error, context) => {
    const problem = toProblem(error);
    if (problem.status === 500) onError(error, context.req.raw);
    return problemResponse(problem);
  });
  return app;
}
