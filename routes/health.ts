/** Liveness and readiness. */

import { Hono } from "hono";
import type { Dependencies } from "./app.ts";
import { methodNotAllowed, ProblemError } from "./problems.ts";

/** `/healthz`: the process answers. `/readyz`: it would also take an export, or what is in the way. */
export function healthRoutes({ readiness }: Pick<Dependencies, "readiness">): Hono {
  return new Hono()
    .get("/healthz", (context) => context.json({ status: "ok" }))
    .get("/readyz", async (context) => {
      const { status, checks } = await readiness();
      return context.json({ status, checks }, status === "ready" ? 200 : 503);
    })
    .on(["POST", "PUT", "PATCH", "DELETE"], ["/healthz", "/readyz"], (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    });
}
