/** Takes the credential out of the headers of a request. */

import { KEY_PREFIX } from "./keys.ts";

/** The headers that hold credentials; several of one name are joined with commas, and are none then. */
export interface CredentialHeaders {
  /** `Authorization`. */
  readonly authorization?: string | null | undefined;
  /** `X-Api-Key`. */
  readonly apiKey?: string | null | undefined;
}

/** What the headers hold. */
export type HeaderCredential =
  | { readonly kind: "none" }
  | { readonly kind: "key"; readonly text: string }
  | { readonly kind: "jwt"; readonly text: string }
  /** One that cannot be read. */
  | { readonly kind: "malformed" }
  /** One in each header, even where they are the same. */
  | { readonly kind: "two" };

/** Characters of a key or a token. Those of Microsoft Entra with many groups have some 6,000. */
const MAX_LENGTH = 8192;

/** RFC 6750, 2.1: `b64token`. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** RFC 9110, 11.1: the scheme is matched in any case; 11.4: spaces, then the rest. */
const BEARER = /^bearer(?=\s|$) */i;

/**
 * Reads the credential of a request.
 *
 * Another scheme than `Bearer` is no credential of ours: a proxy may ask for `Basic` and pass it on.
 */
export function readCredential({ authorization, apiKey }: CredentialHeaders): HeaderCredential {
  const scheme = BEARER.exec(authorization ?? "")?.[0];
  const given = apiKey !== null && apiKey !== undefined;
  if (scheme === undefined) {
    if (!given) return { kind: "none" };
    return isToken(apiKey) ? { kind: "key", text: apiKey } : { kind: "malformed" };
  }
  if (given) return { kind: "two" };
  const text = authorization!.slice(scheme.length);
  if (!isToken(text)) return { kind: "malformed" };
  return { kind: text.startsWith(KEY_PREFIX) ? "key" : "jwt", text };
}

function isToken(text: string): boolean {
  return text.length <= MAX_LENGTH && TOKEN.test(text);
}
