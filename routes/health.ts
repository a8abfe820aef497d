/** Liveness and readiness. */

import { Hono } from "hono";
import type { Dependencies } from "./dependencies.ts";
import type { Environment } from "./environment.ts";
import { methodNotAllowed, ProblemError } from "./problems.ts";
import { withReason } from "./refusals.ts";

/** `/healthz`: the process answers. `/readyz`: it would also take an export, or what is in the way. */
export function healthRoutes(
  { readiness }: Pick<Dependencies, "readiness">,
): Hono<Environment> {
  return new Hono<Environment>()
    .get("/healthz", (context) => context.json({ status: "ok" }))
    .get("/readyz", async (context) => {
      const { status, checks } = await readiness();
      const answer = context.json({ status, checks }, status === "ready" ? 200 : 503);
      const others = Object.entries(checks).filter(([, state]) => state !== "ready");
      const reason = others.map(([name, state]) => `${name} ${state}`).join(", ");
      return withReason(answer, `Not ready: ${reason}`);
    })
    .on(["POST", "PUT", "PATCH", "DELETE"], ["/healthz", "/readyz"], (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    });
}
