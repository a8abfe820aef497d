/** Signs links for who has a key: the URL of a download that needs no other credential. */

import { CALLERS_OWN } from "./authenticate.ts";
import { Hono } from "hono";
import { z } from "zod";
import { linkIdentity } from "../access/key_links.ts";
import { LinkError, type Links } from "../access/links.ts";
import { findExports } from "../requests/find_exports.ts";
import { parseRequest } from "../requests/run_request.ts";
import { parsed } from "../table/parsed.ts";
import { parseDuration } from "../table/units.ts";
import type { Dependencies } from "./dependencies.ts";
import { type Environment, principalOf } from "./environment.ts";
import { badRequest, forbidden, methodNotAllowed, notFound, ProblemError } from "./problems.ts";
import { namesOf } from "./refusals.ts";
import { FILE_MEMBERS, readBody, toPairs } from "./request_body.ts";

/** Seconds that a link is valid by default. */
const DEFAULT_SECONDS = 3600;

const EXPIRES = "must be seconds, or a duration such as 15m";

/** What is asked for. */
const BODY = z.strictObject({
  ...FILE_MEMBERS,
  expires_in: z.union([z.int().positive(), parsed(seconds, EXPIRES)], { error: EXPIRES })
    .optional(),
});

/** The routes under `/links`. */
export function linkRoutes(
  { access, catalog, formats, onLink, now = Date.now }: Dependencies,
): Hono<Environment> {
  return new Hono<Environment>()
    .post("/", async (context) => {
      const { links } = access;
      if (!links) throw new ProblemError(notFound("This server signs no links"));
      const principal = principalOf(context);
      const identity = linkIdentity(principal);
      if (!identity) throw new ProblemError(forbidden("Links are signed for who has a key"));
      const body = await readBody(context.req.raw, BODY);
      const query = toPairs(body);
      // What the link would be refused for is told now.
      const file = findExports(body.export, body.format, { catalog, formats }, principal);
      parseRequest(file, query, { principal, formats });
      const path = `/exports/${body.export}.${body.format}`;
      const time = now();
      const end = Math.floor(time / 1000) + (body.expires_in ?? DEFAULT_SECONDS);
      const url = sign(links, { path, query, expires: end, ...identity }, time);
      const expires = new Date(end * 1000).toISOString();
      const client = context.env?.client?.remoteAddress;
      onLink?.({
        ...namesOf(principal),
        ...(client === undefined ? {} : { client }),
        path,
        expires,
      });
      const link = new URL(context.req.url).origin + url;
      return context.json({ url: link, expires }, 201, CALLERS_OWN);
    })
    .all("/", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "POST"));
    });
}

/** A duration in seconds; how long it may be is for who signs to say. */
function seconds(text: string): number | undefined {
  const milliseconds = parseDuration(text, Infinity);
  return milliseconds === undefined || milliseconds < 1000
    ? undefined
    : Math.floor(milliseconds / 1000);
}

function sign(links: Links, link: Parameters<Links["sign"]>[0], now: number): string {
  try {
    return links.sign(link, now);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    throw new ProblemError(badRequest([{ name: error.about, detail: error.message }]));
  }
}
