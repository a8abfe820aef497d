/** What a MySQL source is to the server. */

import { z } from "zod";
import { endpointOf, hostOf, type MysqlConfig, TLS_MODES } from "./config.ts";
import { placeholders } from "./query.ts";
import type { SourceDescriptor } from "../descriptor.ts";
import { duration, maxRow, timeZone } from "../settings.ts";

const URL_RULE = "a URL such as mysql://reader:password@db.example.com:3306/shop, without options";

/** Text that is there. */
const text = (error: string) => z.string({ error }).min(1, { error }).optional();

/** What a whole address has. */
const complete = ({ issues }: { readonly issues: readonly unknown[] }) => issues.length === 0;

const config: z.ZodType<MysqlConfig> = z.strictObject({
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
  // Longer than a run takes, which its own limit ends: this is for what no run is left to end.
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

/** MySQL and MariaDB. */
export const mysql: SourceDescriptor<MysqlConfig> = {
  config,
  language: { query: "required", placeholders },
  snapshot: true,
  paths: ["ca"],
  permissions: (config) => ({ net: [hostOf(config)] }),
};
