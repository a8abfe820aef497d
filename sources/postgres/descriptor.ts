/** What a PostgreSQL source is to the server. */

import { z } from "zod";
import { endpointOf, hostOf, type PostgresConfig, TLS_MODES, type TlsMode } from "./config.ts";
import { placeholders } from "./query.ts";
import type { SourceDescriptor } from "../descriptor.ts";
import { duration, maxRow, timeZone } from "../settings.ts";

const URL_RULE =
  "a URL such as postgres://reader:password@db.example.com:5432/shop, with no option but sslmode";

const config: z.ZodType<PostgresConfig> = z.strictObject({
  url: z.string({ error: URL_RULE }).refine(isEndpoint, { error: URL_RULE }),
  tls: z.enum(TLS_MODES).optional(),
  ca: z.string({ error: "the path of a PEM file" }).min(1).optional(),
  // Quotes and backslashes are no part of a schema's name here: it stands in a statement.
  search_path: z.string().regex(/^[\p{L}\p{N}_$", -]+$/u, {
    error: "names of schemas, such as reporting, public",
  }).optional(),
  timezone: timeZone().optional(),
  max_row: maxRow(),
  connect_timeout: duration("10s"),
  // Longer than a run takes, which its own limit ends: this is for what no run is left to end.
  statement_timeout: duration("1d"),
  idle_in_transaction_session_timeout: duration("1m"),
}).refine(
  (settings) => settings.ca === undefined || endpointOf(settings).tls.startsWith("verify"),
  {
    path: ["ca"],
    error: "no file, as the server's certificate is only verified with tls: verify-full",
    when: ({ issues }) => issues.length === 0,
  },
);

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !/^postgres(?:ql)?:$/.test(url.protocol)) return false;
  const { hostname, username, searchParams } = url;
  if (hostname === "" || username === "" || hostname.includes(",") || url.port === "0") {
    return false;
  }
  if (!isDecodable(username + url.password + hostname + url.pathname)) return false;
  return [...searchParams].every(([name, value]) =>
    name === "sslmode" && (value === "allow" || isTlsMode(value))
  );
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function isTlsMode(text: string): text is TlsMode {
  return (TLS_MODES as readonly string[]).includes(text);
}

/** PostgreSQL. */
export const postgres: SourceDescriptor<PostgresConfig> = {
  config,
  language: { query: "required", placeholders },
  snapshot: true,
  paths: ["ca"],
  permissions: (config) => ({ net: [hostOf(config)] }),
};
