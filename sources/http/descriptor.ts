/** What an HTTP source is to the server. */

import { z } from "zod";
import { parsed } from "../../table/parsed.ts";
import { isTrustedUrl } from "../../table/trusted_url.ts";
import { parseDuration } from "../../table/units.ts";
import { type HttpConfig, ROW_FORMATS } from "./config.ts";
import { placeholders } from "./query.ts";
import type { SourceDescriptor } from "../descriptor.ts";
import { maxRow } from "../settings.ts";

const URL_RULE = "an https:// url without user, password and #; http:// is for loopback, " +
  "or for allow_http: true";
const HEADER_NAME =
  "a header's name is letters, digits and -; those that begin with spillway- and " +
  "those of the connection are not yours to set";
const HEADER_VALUE = "the value of a header, in printable ASCII";
const CA = "the path of a PEM file";
const DURATION = "a duration such as 250ms, 25s or 5m, of at least 1ms and at most 1d";
const COLUMNS = "a list of names, each of them once";

/** A day, the longest wait, in milliseconds. */
const MAX_DURATION_MS = 86_400_000;

const duration = parsed((text) => {
  const value = parseDuration(text, MAX_DURATION_MS) ?? 0;
  return value >= 1 ? value : undefined;
}, DURATION);

/** Headers that the connection, the body or this program sets (RFC 9110, 7.6.1 and 8). */
const OWN_HEADERS = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9110, 5.6.2: a token. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function isHeaderName(name: string): boolean {
  const lower = name.toLowerCase();
  return TOKEN.test(name) && !OWN_HEADERS.has(lower) && !lower.startsWith("spillway-");
}

const headers = z.record(
  z.string().refine(isHeaderName, { error: HEADER_NAME }),
  z.string({ error: HEADER_VALUE }).regex(/^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/, {
    error: HEADER_VALUE,
  }),
  { error: "a mapping of names to values" },
);

const config: z.ZodType<HttpConfig> = z.strictObject({
  url: z.string({ error: URL_RULE }),
  method: z.enum(["GET", "POST"], { error: "GET or POST" }).default("GET"),
  format: z.enum(ROW_FORMATS, { error: "ndjson, json or csv" }).default("ndjson"),
  headers: headers.default({}),
  ca: z.string({ error: CA }).min(1, { error: CA }).optional(),
  timeout: duration.default(60_000),
  idle_timeout: duration.default(60_000),
  allow_http: z.boolean({ error: "true or false" }).default(false),
  max_row: maxRow(),
  columns: z.array(z.string({ error: "a name" }).min(1, { error: "a name" }), { error: COLUMNS })
    .min(1, { error: COLUMNS })
    .refine((names) => new Set(names).size === names.length, { error: COLUMNS })
    .optional(),
  require_count: z.boolean({ error: "true or false" }).default(false),
}).refine(({ url, allow_http }) => isTrustedUrl(url, allow_http), {
  path: ["url"],
  error: URL_RULE,
  // Whatever else is wrong.
  when: ({ value }) => typeof (value as Partial<HttpConfig>).url === "string",
}).refine(({ require_count, format }) => !require_count || format !== "csv", {
  path: ["require_count"],
  error: "false for csv, which has no place for a count",
});

/** The host and the port that are connected to. */
function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

/** A web service. */
export const http: SourceDescriptor<HttpConfig> = {
  config,
  language: { query: "optional", placeholders },
  paths: ["ca"],
  // NDJSON is read here and by no driver: half of the rows a second that PostgreSQL gives, 0.7 of SQLite's
  // (benchmarks/README.md).
  weight: 1.5,
  permissions: ({ url }) => ({ net: [hostOf(url)] }),
};
