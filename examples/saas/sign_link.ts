/** Signs links to exports: all that an application needs to know of Spillway (`docs/links.md`). */

import { createHmac } from "node:crypto";
import type { User } from "./people.ts";

/** Seconds in which the download has to begin: the browser is sent there at once. */
const LIFETIME_SECONDS = 300;

/** What a link is to. */
export interface LinkedFile {
  readonly export: string;
  readonly format: string;
  /** Params and options, of which the caller knows that the user may give them. */
  readonly query: Readonly<Record<string, string>>;
}

/** The link to a file, for one user: its path and query, with no call to the server. */
export function signLink(file: LinkedFile, user: User, secret: string): string {
  const path = `/exports/${file.export}.${file.format}`;
  const query = Object.entries({
    ...file.query,
    _kid: "a",
    _exp: `${Math.floor(Date.now() / 1000) + LIFETIME_SECONDS}`,
    _tenant: user.tenant.id,
    _sub: user.email,
    _scopes: user.scopes.join(" "),
  }).map((pair) => pair.map(encodeURIComponent).join("=")).sort().join("&");
  const text = ["spillway-link-v1", "GET", path, query].join("\n");
  return `${path}?${query}&_sig=${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
