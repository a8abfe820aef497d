/** The settings of a PostgreSQL source, and what they say about the server to connect to. */

import { isLoopback } from "../../table/loopback.ts";
import { hostAndPort, type ServerAddress } from "../server_address.ts";

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

/**
 * What the settings say about the server. Where they do not say how to encrypt, the server must prove
 * who it is (`verify-full`); only a loopback address without a `ca` is left without TLS, as those
 * bytes stay on the machine. libpq's default is `prefer`, which a machine in between turns off.
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
