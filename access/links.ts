/**
 * Signs and verifies links: the URL of a download that needs no other credential.
 *
 * A holder of a secret may sign for any tenant, with no call to the server: `examples/links/` does it in
 * eight languages.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { isLinkName, SIGNATURE } from "./link_names.ts";
import { canonicalQuery, type Pair, readPairs, signedText, splitTarget } from "./link_text.ts";
import { NO_CLAIMS, type Principal, readName } from "./principal.ts";
import type { Rejected } from "./refusal.ts";

/** The secrets that sign, and for how long. */
export interface LinkSetting {
  /** Secrets by name (`_kid`): the first one signs, all of them verify. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Milliseconds that a link may be valid. @default 24 hours */
  readonly maxAge: number;
}

/** For whom a link is. */
export interface LinkIdentity {
  /** `_tenant`: whose data. */
  readonly tenant?: string;
  /** `_sub`: the person or program. */
  readonly subject?: string;
  /** `_scopes`: what it may do besides. */
  readonly scopes?: readonly string[];
  /** `_key`: the id of the key that asked for the link, whose limits hold for it too. */
  readonly key?: string;
}

/** What is to be signed. */
export interface LinkRequest extends LinkIdentity {
  /** The path of a download, percent-encoded: `/exports/audit-log.xlsx`. */
  readonly path: string;
  /** Params and options, decoded. */
  readonly query: readonly Pair[];
  /** When the link ends, in whole seconds since 1970. */
  readonly expires: number;
}

/** A link that was verified. */
export interface VerifiedLink {
  /** Who it is for, for its exports and its format alone. */
  readonly principal: Principal;
  /** The key that asked for it. */
  readonly key?: string;
}

/** Signs and verifies with the secrets of the configuration. */
export interface Links {
  /**
   * Makes a link, with the first secret.
   *
   * @throws {LinkError} where it would not be a link that {@linkcode Links.verify} takes
   */
  sign(link: LinkRequest, now: number): string;
  /** Who a link is for. */
  verify(method: string, url: string, now: number): VerifiedLink | Rejected;
}

/** A link that cannot be signed. */
export class LinkError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "LinkError";
  /** The param, or the part of the link, that is wrong. */
  readonly about: string;

  /** Takes what is wrong, and with what. */
  constructor(about: string, detail: string) {
    super(`Cannot sign a link: ${about} ${detail}`);
    this.about = about;
  }
}

/** A file of one export, or of several. */
const DOWNLOAD = /^\/exports\/([a-z0-9_-]+(?:,[a-z0-9_-]+)*)\.([a-z0-9]+)$/;

/**
 * Signs a link with one secret.
 *
 * @returns the path and the query, in the order in which it is signed, with `_sig` last
 *
 * @example
 * ```ts
 * const query = [["since", "2026-01-01"]] as const;
 * const expires = Math.floor(Date.now() / 1000) + 3600;
 * signLink({ path: "/exports/audit-log.xlsx", query, expires, tenant: "42" }, "a", secret);
 * ```
 */
export function signLink(link: LinkRequest, kid: string, secret: string): string {
  const { path, query, expires, tenant, subject, scopes, key } = link;
  const own: [string, string | undefined][] = [
    ["_kid", kid],
    ["_exp", `${expires}`],
    ["_tenant", tenant],
    ["_sub", subject],
    ["_scopes", scopes?.join(" ")],
    ["_key", key],
  ];
  const pairs = [
    ...own.filter((pair): pair is [string, string] => pair[1] !== undefined),
    ...query,
  ];
  return `${path}?${canonicalQuery(pairs)}&${SIGNATURE}=${signature(path, pairs, secret)}`;
}

/** Base64url without padding of HMAC-SHA-256. */
function signature(path: string, pairs: readonly Pair[], secret: string): string {
  return createHmac("sha256", secret).update(signedText(path, pairs)).digest("base64url");
}

/** Signs and verifies with the secrets of the configuration. */
export function createLinks({ secrets, maxAge }: LinkSetting): Links {
  return {
    sign(link, now) {
      check(link, now, maxAge);
      // The schema wants one at least.
      const [[kid, secret]] = [...secrets] as [[string, string]];
      return signLink(link, kid, secret);
    },

    verify(method, url, now) {
      const { path, query } = splitTarget(url);
      const pairs = readPairs(query);
      const file = readPath(path);
      if (pairs === undefined || file === undefined) return { reason: "link-malformed" };
      const own = readOwn(pairs);
      if (own === undefined) return { reason: "link-malformed" };
      const kid = own.get("_kid") ?? "";
      const secret = secrets.get(kid);
      if (secret === undefined) return { reason: "link-secret-unknown" };
      const credential = kid;
      const expected = signature(path, pairs.filter(([name]) => name !== SIGNATURE), secret);
      if (!isEqual(expected, own.get(SIGNATURE) ?? "")) {
        return { reason: "link-signature", credential };
      }
      // From here on, a holder of the secret said it.
      if (method !== "GET" && method !== "HEAD") return { reason: "link-method", credential };
      const expires = readSeconds(own.get("_exp"));
      const identity = readIdentity(own);
      if (expires === undefined || identity === undefined) {
        return { reason: "link-malformed", credential };
      }
      if (expires <= now) return { reason: "link-expired", credential };
      if (expires - now > maxAge) return { reason: "link-max-age", credential };
      const { key, ...who } = identity;
      return {
        principal: {
          id: `link:${kid}${who.subject === undefined ? "" : `/${who.subject}`}`,
          via: "link",
          credential,
          scopes: [],
          ...who,
          exports: file.names,
          formats: [file.format],
          caps: {},
          claims: NO_CLAIMS,
          expires,
        },
        ...(key === undefined ? {} : { key }),
      };
    },
  };
}

/** What a path is the download of. */
function readPath(path: string): { readonly names: string[]; readonly format: string } | undefined {
  // An application may write the commas between names as %2C.
  const [, names = "", format = ""] = DOWNLOAD.exec(path.replaceAll(/%2c/gi, ",")) ?? [];
  return format === "" ? undefined : { names: names.split(","), format };
}

/** The names that a link has for itself, with their values; nothing where one is there twice. */
function readOwn(pairs: readonly Pair[]): ReadonlyMap<string, string> | undefined {
  const own = pairs.filter(([name]) => isLinkName(name));
  const values = new Map(own);
  return values.size === own.length ? values : undefined;
}

function isEqual(one: string, other: string): boolean {
  const [bytes, others] = [Buffer.from(one), Buffer.from(other)];
  return bytes.length === others.length && timingSafeEqual(bytes, others);
}

/** Whole seconds since 1970, as milliseconds. */
function readSeconds(text = ""): number | undefined {
  return /^[1-9]\d{0,11}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** For whom a link is; nothing where a name is none. */
function readIdentity(own: ReadonlyMap<string, string>): LinkIdentity | undefined {
  const tenant = own.get("_tenant");
  const subject = own.get("_sub");
  const scopes = own.get("_scopes")?.split(" ").filter((scope) => scope !== "");
  const key = own.get("_key");
  const identity = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(subject === undefined ? {} : { subject }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(key === undefined ? {} : { key }),
  };
  return hasNames(identity) ? identity : undefined;
}

function hasNames({ tenant, subject, scopes = [], key }: LinkIdentity): boolean {
  return [tenant, subject, key, ...scopes].every((name) =>
    name === undefined || readName(name) !== undefined
  );
}

/** Throws what would be refused, or be read as something else, when the link comes back. */
function check(link: LinkRequest, now: number, maxAge: number): void {
  const { path, query, expires, scopes = [] } = link;
  if (readPath(path) === undefined) throw new LinkError("the path", "is not that of a download");
  const left = expires * 1000 - now;
  if (!Number.isSafeInteger(expires) || !(left > 0 && left <= maxAge)) {
    throw new LinkError("expires_in", `must be more than 0s and at most ${maxAge / 1000}s`);
  }
  if (!hasNames(link) || scopes.some((scope) => scope.includes(" "))) {
    throw new LinkError("the tenant, the subject or a scope", "is no name");
  }
  for (const [name, value] of query) {
    if (isLinkName(name)) throw new LinkError(name, "is not yours to give");
    if (!name.isWellFormed() || !value.isWellFormed()) {
      throw new LinkError(JSON.stringify(name), "is not well-formed text");
    }
  }
}
