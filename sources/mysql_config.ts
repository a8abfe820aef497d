/** The settings of a MySQL source, and what they say about the server to connect to. */

import { z } from "zod";
import { maxRow } from "./max_row.ts";
import { isLoopback } from "../table/loopback.ts";
import { duration, hostAndPort, type ServerAddress } from "./server_address.ts";
import { timeZone } from "./session_zone.ts";

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

const URL_RULE = "a URL such as mysql://reader:password@db.example.com:3306/shop, without options";

/** Text that is there. */
const text = (error: string) => z.string({ error }).min(1, { error }).optional();

/** What a whole address has. */
const complete = ({ issues }: { readonly issues: readonly unknown[] }) => issues.length === 0;

/** Reads the settings. */
export const config: z.ZodType<MysqlConfig> = z.strictObject({
  url: z.string({ error: URL_RULE }).refine(isAddress, { error: URL_RULE }).optional(),
  host: text("the name or address of a server"),
  port: z.int({ error: "a port, 1 to 65535" }).min(1).max(65535).optional(),
  user: text("the name of an account"),
  password: z.string({ error: "a password" }).optional(),
  database: text("the name of a schema"),
  tls: z.enum(TLS_MODES).optional(),
  ca: text("the path of a PEM file"),
  timezone: timeZone().optional(),
  max_row: maxRow(),
  connect_timeout: duration("10s"),
  // Longer than a run takes, which its own limit ends: this is for what nobody is left to end.
  statement_timeout: duration("1d"),
}).refine((settings) => endpointOf(settings).host !== "", {
  path: ["host"],
  error: "the server, here or in url",
  when: complete,
}).refine((settings) => endpointOf(settings).user !== "", {
  path: ["user"],
  error: "the account, here or in url",
  when: complete,
}).refine((settings) => settings.ca === undefined || endpointOf(settings).tls === "verify-full", {
  path: ["ca"],
  error: "no file, as the server's certificate is only verified with tls: verify-full",
  when: complete,
});

function isAddress(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !/^(?:mysql|mariadb):$/.test(url.protocol)) return false;
  if (url.search !== "" || url.hash !== "" || url.port === "0") return false;
  // No name of a schema or a host needs a second slash or a list.
  if (url.hostname.includes(",") || url.pathname.indexOf("/", 1) > 0) return false;
  try {
    decodeURIComponent(url.username + url.password + url.hostname + url.pathname);
    return true;
  } catch {
    return false;
  }
}

/**
 * What the settings say about the server. Where they do not say how to encrypt, the server must prove
 * who it is (`verify-full`); only a loopback address without a `ca` is left without TLS, as those
 * bytes stay on the machine. What MySQL's own clients do, TLS where the server offers it, whoever
 * stands in between turns off.
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
