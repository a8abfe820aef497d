/** The keys that receipts are verified with, for every client (RFC 7517, 5). */

import { Hono } from "hono";
import type { Dependencies } from "./dependencies.ts";
import type { Environment } from "./environment.ts";
import { methodNotAllowed, notFound, ProblemError } from "./problems.ts";

/** Seconds for which a cache may have keys: a new one is known as soon as that. */
const MAX_AGE_SECONDS = 600;

/** The routes under `/.well-known/jwks.json`. */
export function jwksRoutes({ signer }: Pick<Dependencies, "signer">): Hono<Environment> {
  return new Hono<Environment>()
    .get("/", async (context) => {
      if (!signer) {
        throw new ProblemError(notFound("This server has no keys: it signs no receipts"));
      }
      return context.json(await signer.publicKeys(), 200, {
        "Content-Type": "application/jwk-set+json",
        "Cache-Control": `public, max-age=${MAX_AGE_SECONDS}`,
      });
    })
    .all("/", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    });
}
