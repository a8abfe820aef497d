/** The numbers of the server, for Prometheus to scrape. */

import { Hono } from "hono";
import type { Dependencies } from "./dependencies.ts";
import type { Environment } from "./environment.ts";
import { forbidden, ProblemError } from "./problems.ts";

/** The scope of who may read the numbers of all tenants. */
const SCOPE = "metrics";

/** `/metrics`: for who asks on the machine itself or on a port for it, and for a credential with its scope. */
export function metricsRoutes({ scrape }: Pick<Dependencies, "scrape">): Hono<Environment> {
  return new Hono<Environment>().get("/metrics", async (context) => {
    const principal = context.get("principal");
    if (principal && principal.via !== "anonymous" && !principal.scopes.includes(SCOPE)) {
      throw new ProblemError(forbidden(`This needs the scope ${SCOPE}`));
    }
    const { contentType, text } = await scrape();
    return new Response(text, { headers: { "Content-Type": contentType } });
  });
}
