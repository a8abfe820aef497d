/** Signs links for who has a key: the URL of a download that needs no other credential. */

import { CALLERS_OWN } from "./authenticate.ts";
import { Hono } from "hono";
import { z } from "zod";
import { linkIdentity } from "../access/key_links.ts";
import { LinkError, type Links } from "../access/links.ts";
import { findExports } from "../requests/find_exports.ts";
import { parseRequest } from "../requests/run_request.ts";
import { parsed } from "../table/parsed.ts";
import { readText } from "../table/read_text.ts";
import { parseDuration } from "../table/units.ts";
import type { Dependencies } from "./dependencies.ts";
import { type Environment, principalOf } from "./environment.ts";
import {
  badRequest,
  forbidden,
  methodNotAllowed,
  notFound,
  ProblemError,
  tooLarge,
} from "./problems.ts";
import { namesOf } from "./refusals.ts";

/** Bytes of a body: as long as the URL that it becomes may be. */
const MAX_BODY_BYTES = 64 * 1024;

/** Seconds that a link is valid by default. */
const DEFAULT_SECONDS = 3600;

const value = z.union([z.string(), z.number(), z.boolean()], {
  error: "must be text, a number, true or false",
});

const EXPIRES = "must be seconds, or a duration such as 15m";

/** What is asked for. */
const BODY = z.strictObject({
  export: z.string({ error: "must be the name of an export" }),
  format: z.string({ error: "must be the key of a format" }),
  params: z.record(z.string(), z.union([value, z.array(value)], { error: "must be a value" }), {
    error: "must be an object of values by name",
  }).default({}),
  options: z.record(z.string(), value, {
    error: "must be an object of values by name, without the leading _",
  }).default({}),
  expires_in: z.union([z.int().positive(), parsed(seconds, EXPIRES)], { error: EXPIRES })
    .optional(),
});

/** What {@linkcode BODY} gives. */
type Body = z.output<typeof BODY>;

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
      const text = await readText(context.req.raw, MAX_BODY_BYTES);
      if (text === undefined) throw new ProblemError(tooLarge(MAX_BODY_BYTES));
      const body = parseBody(text);
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

function parseBody(text: string): Body {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ProblemError(badRequest([{ name: "body", detail: "must be JSON" }]));
  }
  const { data, error } = BODY.safeParse(json);
  if (data) return data;
  const issues = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ name: key, detail: "is not known here" }))
      : [{ name: issue.path.join(".") || "body", detail: issue.message }]
  );
  throw new ProblemError(badRequest(issues));
}

/** Params and options as they stand in a URL; a list is its name repeated. */
function toPairs({ params, options }: Body): readonly (readonly [string, string])[] {
  const wrong = Object.keys(params).filter((name) => name.startsWith("_"));
  if (wrong.length > 0) {
    const detail = "is no param; options stand in options, without the leading _";
    throw new ProblemError(badRequest(wrong.map((name) => ({ name, detail }))));
  }
  return [
    ...Object.entries(params).flatMap(([name, given]) =>
      [given].flat().map((one) => [name, String(one)] as const)
    ),
    ...Object.entries(options).map(([name, given]) => [`_${name}`, String(given)] as const),
  ];
}

function sign(links: Links, link: Parameters<Links["sign"]>[0], now: number): string {
  try {
    return links.sign(link, now);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    throw new ProblemError(badRequest([{ name: error.about, detail: error.message }]));
  }
}
