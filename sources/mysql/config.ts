/** The settings of a MySQL source, and what they say about the server to connect to. */

import { isLoopback } from "../../table/loopback.ts";
import { hostAndPort, type ServerAddress } from "../server_address.ts";

/** How a connection is encrypted, and whether the server must prove who it is. */
export const TLS_MODES = ["disable", "require", "verify-full"] as const;

/** One of {@linkcode TLS_MODES}. */
export type TlsMode = typeof TLS_MODES[number];

/** The settings of a MySQL source. A key of its own wins over the same part of the URL. */
export interface MysqlConfig {
  /** `mysql://user:password@host:port/database`. */
  readonly url?: string | undefined;
  /** The server's name or address. */
  readonly host?: string | undefined;
  /** Its port. @default 3306 */
  readonly port?: number | undefined;
  /** The account's name. */
  readonly user?: string | undefined;
  /** Its password. @default none */
  readonly password?: string | undefined;
  /** The schema that names without one are looked up in. @default none */
  readonly database?: string | undefined;
  /** How the connection is encrypted. @default see {@linkcode endpointOf} */
  readonly tls?: TlsMode | undefined;
  /** A file of certificates, in PEM, that the server's must come from. @default the public ones */
  readonly ca?: string | undefined;
  /** The IANA zone that queries count days in. @default the server's */
  readonly timezone?: string | undefined;
  /** Bytes that a row may have on its way. @default 64 MiB */
  readonly max_row: number;
  /** Milliseconds to connect in, TLS and the password included. */
  readonly connect_timeout: number;
  /** Milliseconds that a query may take, its reader's time included. */
  readonly statement_timeout: number;
}

/** Where a server is, and who asks. */
export interface Endpoint extends ServerAddress {
  /** The account's name. */
  readonly user: string;
  /** Its password; empty where there is none. */
  readonly password: string;
  /** The schema; empty where there is none. */
  readonly database: string;
  /** How the connection is encrypted. */
  readonly tls: TlsMode;
}

/** What an {@linkcode Endpoint} is read from. */
export type Address = Omit<MysqlConfig, "max_row" | "connect_timeout" | "statement_timeout">;

/**
 * What the settings say about the server. Where they do not say how to encrypt, the server must prove
 * who it is (`verify-full`); only a loopback address without a `ca` is left without TLS, as those
 * bytes stay on the machine. What MySQL's own clients do, TLS where the server offers it, a machine
 * in between turns off.
 */
export function endpointOf(address: Address): Endpoint {
  const url = address.url === undefined ? undefined : new URL(address.url);
  const part = (text: string | undefined) => decodeURIComponent(text ?? "");
  const host = (address.host ?? part(url?.hostname)).replace(/^\[(.*)\]$/, "$1");
  const local = address.ca === undefined && isLoopback(host);
  return {
    host,
    port: address.port ?? Number(url?.port || 3306),
    user: address.user ?? part(url?.username),
    password: address.password ?? part(url?.password),
    database: address.database ?? part(url?.pathname.slice(1)),
    tls: address.tls ?? (local ? "disable" : "verify-full"),
  };
}

/** The host and port as `--allow-net` takes them. */
export function hostOf(address: Address): string {
  return hostAndPort(endpointOf(address));
}
