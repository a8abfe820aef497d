/** The numbers of the server, for Prometheus to scrape. */

import { Hono } from "hono";
import type { Dependencies } from "./app.ts";

/** `/metrics`. */
export function metricsRoutes({ scrape }: Pick<Dependencies, "scrape">): Hono {
  return new Hono().get("/metrics", async () => {
    const { contentType, text } = await scrape();
    return new Response(text, { headers: { "Content-Type": contentType } });
  });
}
