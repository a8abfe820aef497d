/** Liveness and readiness. */

import { Hono } from "hono";
import type { Dependencies, Environment } from "./app.ts";
import { methodNotAllowed, ProblemError } from "./problems.ts";

/** `/healthz`: the process answers. `/readyz`: it would also take an export. */
export function healthRoutes({ ready }: Pick<Dependencies, "ready">): Hono<Environment> {
  return new Hono<Environment>()
    .get("/healthz", (context) => context.json({ status: "ok" }))
    .get("/readyz", (context) => {
      const state = ready();
      return context.json({ status: state }, state === "ready" ? 200 : 503);
    })
    .on(["POST", "PUT", "PATCH", "DELETE"], ["/healthz", "/readyz"], (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    });
}
