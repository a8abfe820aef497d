/** The settings of a PostgreSQL source, and what they say about the server to connect to. */

import { z } from "zod";
import { maxRow } from "./max_row.ts";
import { isLoopback } from "../table/loopback.ts";
import { duration, hostAndPort, type ServerAddress } from "./server_address.ts";
import { timeZone } from "./session_zone.ts";

/** How a connection is encrypted, and how far the server must prove who it is; the words are libpq's. */
export const TLS_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

/** One of {@linkcode TLS_MODES}. */
export type TlsMode = typeof TLS_MODES[number];

/** The settings of a PostgreSQL source. */
export interface PostgresConfig {
  /** `postgres://user:password@host:port/database`, with no option but `sslmode`. */
  readonly url: string;
  /** How the connection is encrypted. @default the URL's `sslmode`, else see {@linkcode endpointOf} */
  readonly tls?: TlsMode | undefined;
  /** A file of certificates, in PEM, that the server's must come from. @default the public ones */
  readonly ca?: string | undefined;
  /** Schemas that names without one are looked up in, as `search_path` takes them. */
  readonly search_path?: string | undefined;
  /** The IANA zone that queries count days in. @default the role's or the server's */
  readonly timezone?: string | undefined;
  /** Bytes that a row may have on its way. @default 64 MiB */
  readonly max_row: number;
  /** Milliseconds to connect in, TLS and the password included. */
  readonly connect_timeout: number;
  /** Milliseconds that a query may take, its reader's time included. */
  readonly statement_timeout: number;
  /** Milliseconds that the server keeps a transaction for a worker that says nothing. */
  readonly idle_in_transaction_session_timeout: number;
}

/** Where a server is, and who asks. */
export interface Endpoint extends ServerAddress {
  /** The role. */
  readonly user: string;
  /** Its password; empty where there is none. */
  readonly password: string;
  /** The database. */
  readonly database: string;
  /** How the connection is encrypted. */
  readonly tls: TlsMode;
}

const URL_RULE =
  "a URL such as postgres://reader:password@db.example.com:5432/shop, with no option but sslmode";

/** Reads the settings. */
export const config: z.ZodType<PostgresConfig> = z.strictObject({
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
  // Longer than a run takes, which its own limit ends: this is for what nobody is left to end.
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

/**
 * What the settings say about the server. Where they do not say how to encrypt, the server must prove
 * who it is (`verify-full`); only a loopback address without a `ca` is left without TLS, as those
 * bytes stay on the machine. libpq's default is `prefer`, which whoever stands in between turns off.
 */
export function endpointOf(
  { url: text, tls, ca }: Pick<PostgresConfig, "url" | "tls" | "ca">,
): Endpoint {
  const url = new URL(text);
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const user = decodeURIComponent(url.username);
  const sslmode = url.searchParams.get("sslmode");
  const said = tls ?? (sslmode === "allow" ? "prefer" : sslmode as TlsMode | null) ?? undefined;
  return {
    host,
    port: url.port === "" ? 5432 : Number(url.port),
    user,
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || user,
    tls: said ?? (ca === undefined && isLoopback(host) ? "disable" : "verify-full"),
  };
}

/** The host and port as `--allow-net` takes them. */
export function hostOf(settings: PostgresConfig): string {
  return hostAndPort(endpointOf(settings));
}
