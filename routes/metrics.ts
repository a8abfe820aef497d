/** The numbers of the server, for Prometheus to scrape. */

import { Hono } from "hono";
import type { Dependencies } from "./dependencies.ts";
import type { Environment } from "./environment.ts";

/** `/metrics`. */
export function metricsRoutes({ scrape }: Pick<Dependencies, "scrape">): Hono<Environment> {
  return new Hono<Environment>().get("/metrics", async () => {
    const { contentType, text } = await scrape();
    return new Response(text, { headers: { "Content-Type": contentType } });
  });
}
