/** Reads who a principal is from the claims of a token that was verified. */

import { type Principal, readName } from "./principal.ts";

/** Which claim says what. */
export interface ClaimNames {
  /** Whose data it is. @default no claim: such tokens have no tenant */
  readonly tenant?: string;
  /** The person or program. @default "sub" */
  readonly subject: string;
  /** What it may do. @default "scope" */
  readonly scopes: string;
  /** Patterns of the exports that it sees. @default no claim: such tokens see every one */
  readonly exports?: string;
}

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Makes a principal of the claims of a token.
 *
 * A claim that is not there gives nothing: no tenant, no scope, and no export where a claim is to name
 * them. One that has another shape than it should is a mistake of the issuer, and gives no principal.
 */
export function readClaims(claims: Claims, names: ClaimNames): Principal | undefined {
  const claim = (name: string | undefined) =>
    name !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined;
  const subject = readName(claim(names.subject));
  const tenant = readName(claim(names.tenant));
  const scopes = readNames(claim(names.scopes));
  const exports = names.exports === undefined ? ["*"] : readNames(claim(names.exports));
  if (subject === undefined || scopes === undefined || exports === undefined) return undefined;
  if (tenant === undefined && claim(names.tenant) !== undefined) return undefined;
  return {
    id: `jwt:${subject}`,
    via: "jwt",
    ...(tenant === undefined ? {} : { tenant }),
    subject,
    scopes,
    exports,
    caps: {},
    claims: Object.assign(Object.create(null), claims),
    expires: Number(claims.exp) * 1000,
  };
}

/** A list of names, or one text with spaces between them (RFC 8693, 4.2); nothing when it is neither. */
function readNames(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  const items: unknown = typeof value === "string"
    ? value.split(" ").filter((name) => name !== "")
    : value;
  if (!Array.isArray(items)) return undefined;
  const names = items.map(readName);
  return names.every((name) => name !== undefined) ? names : undefined;
}
