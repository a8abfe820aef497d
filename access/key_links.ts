/** Links that the holder of a key asks for: they give no more than the key does, now and later. */

import { matchesAny } from "./globs.ts";
import type { Keyring } from "./keys.ts";
import type { LinkIdentity, VerifiedLink } from "./links.ts";
import type { Principal } from "./principal.ts";
import type { Rejected } from "./refusal.ts";

/** For whom a link is that a principal signs, or has signed. */
export function identityOf({ tenant, subject, scopes }: Principal): LinkIdentity {
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(subject === undefined ? {} : { subject }),
    ...(scopes.length === 0 ? {} : { scopes }),
  };
}

/** For whom a principal may have links signed; nothing, when it has no key. */
export function linkIdentity(principal: Principal): LinkIdentity | undefined {
  const { via, credential } = principal;
  if (via !== "key" || credential === undefined) return undefined;
  return { ...identityOf(principal), key: credential };
}

/**
 * Who a link is for, within what the key that asked for it may do at this moment: its caps hold for the
 * link, and when the key goes or loses an export, so do its links.
 */
export function limitToKey(
  { principal, key }: VerifiedLink,
  keyring: Keyring,
  now: number,
): Principal | Rejected {
  if (key === undefined) return principal;
  const setting = keyring.current(key, now);
  if (setting === undefined) return { reason: "link-key" };
  const { exports, formats = [], tenant, scopes, expires = Infinity } = principal;
  const allowed = setting.tenant === tenant &&
    exports.every((name) => matchesAny(setting.exports, name)) &&
    formats.every((format) => setting.formats?.includes(format) ?? true);
  if (!allowed) return { reason: "link-key", credential: key };
  return {
    ...principal,
    credential: key,
    scopes: scopes.filter((scope) => setting.scopes.includes(scope)),
    caps: setting.caps,
    expires: Math.min(expires, setting.expires ?? Infinity),
  };
}
