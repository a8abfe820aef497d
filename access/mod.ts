/** Finds out who makes a request, from its headers or its link. */

import { type CredentialHeaders, readCredential } from "./bearer.ts";
import { type AccessConfig, isEmpty } from "./config.ts";
import { createJwks, type Jwks, type JwksOptions } from "./jwks.ts";
import { createJwtVerifier } from "./jwt.ts";
import { limitToKey } from "./key_links.ts";
import { createKeyring } from "./keys.ts";
import { isLink } from "./link_names.ts";
import { createLinks, type Links } from "./links.ts";
import { ANONYMOUS, type Principal } from "./principal.ts";
import { type Refusal, refuse, type Rejected } from "./refusal.ts";
import { createThrottle, type Throttle } from "./throttle.ts";

/** What a request shows of who makes it. */
export interface Attempt extends CredentialHeaders {
  /** The method. */
  readonly method: string;
  /** The URL, or the target, with its query as the client sent it. */
  readonly url: string;
  /** The address of the client, which wrong credentials are counted by. */
  readonly address: string;
  /** Whether it comes from this machine itself, and through no proxy. */
  readonly local: boolean;
}

/** Who makes a request, or why it is not let in. */
export type Outcome =
  | { readonly principal: Principal; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly principal?: undefined };

/** Lets requests in. */
export interface Access {
  /** Who makes a request; never rejects for what stands in one. */
  authenticate(attempt: Attempt): Promise<Outcome>;
  /** Signs links; absent where the configuration has no secrets. */
  readonly links: Links | undefined;
}

/** What access is checked with. */
export interface AccessDependencies {
  /** What time it is, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** How the keys of the issuer are asked for. */
  readonly jwks?: Omit<JwksOptions, "now">;
  /** The key sets by their URLs, which outlive a configuration. @default one that is empty */
  readonly keySets?: Map<string, Jwks>;
  /** Counts wrong credentials. @default one of its own */
  readonly throttle?: Throttle;
}

/**
 * Makes what lets requests in. An empty configuration lets in what comes from this machine itself, and no
 * other caller: a proxy on it passes on what comes from anywhere.
 *
 * @example
 * ```ts
 * const access = createAccess(config.access);
 * const { principal, refusal } = await access.authenticate({
 *   method: request.method,
 *   url: request.url,
 *   authorization: request.headers.get("authorization"),
 *   apiKey: request.headers.get("x-api-key"),
 *   address,
 *   local,
 * });
 * ```
 */
export function createAccess(config: AccessConfig, dependencies: AccessDependencies = {}): Access {
  const { now = Date.now, throttle = createThrottle(), keySets = new Map() } = dependencies;
  const { anonymous, jwt } = config;
  const empty = isEmpty(config);
  const keyring = createKeyring(config.keys);
  const links = config.links && createLinks(config.links);
  const keySet = jwt &&
    (keySets.get(jwt.jwks) ?? createJwks(jwt.jwks, { ...dependencies.jwks, now }));
  if (keySet) keySets.set(jwt.jwks, keySet);
  const tokens = keySet && createJwtVerifier(jwt, keySet, now);

  /** Who an attempt is of. */
  async function identify(attempt: Attempt): Promise<Principal | Rejected> {
    const credential = readCredential(attempt);
    if (isLink(attempt.url)) {
      if (credential.kind !== "none") return { reason: "two-credentials" };
      const link = links?.verify(attempt.method, attempt.url, now()) ??
        { reason: "link-unconfigured" };
      return "reason" in link ? link : limitToKey(link, keyring, now());
    }
    switch (credential.kind) {
      case "none":
        if (anonymous || empty && attempt.local) return ANONYMOUS;
        return { reason: empty ? "access-empty" : "missing" };
      case "two":
        return { reason: "two-credentials" };
      case "malformed":
        return { reason: "malformed" };
      case "key":
        return keyring.verify(credential.text, now());
      case "jwt":
        return await tokens?.verify(credential.text) ?? { reason: "jwt-unconfigured" };
    }
  }

  return {
    async authenticate(attempt) {
      const found = await identify(attempt);
      if (!("reason" in found)) return { principal: found };
      const refusal = refuse(found);
      if (refusal.kind !== "invalid") return { refusal };
      const { delay, retryAfter } = throttle.fail(attempt.address);
      if (retryAfter === undefined) return { refusal: refuse(found, delay) };
      return { refusal: refuse({ ...found, reason: "throttled" }, 0, retryAfter) };
    },
    links,
  };
}
