/**
 * The public keys of an issuer, from one configured URL.
 *
 * `createRemoteJWKSet` of jose does not do: when its cache is old and the issuer is down it has no keys
 * any more, and each request asks again; a response of any size is read.
 */

import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from "jose";
import { readText } from "../table/read_text.ts";

/** The keys of an issuer. */
export interface Jwks {
  /**
   * The key that a token's header names. One that is known is never waited for, however old it is: the
   * first token after a pause may be checked with the keys of before.
   *
   * @throws {JwksUnavailableError} when the issuer cannot be asked, and never could or is asked too often
   * @throws {errors.JOSEError} when the issuer has no such key, or several
   */
  readonly find: JWTVerifyGetKey;
}

/** How keys are asked for; durations are milliseconds. */
export interface JwksOptions {
  /** Asks; also what tests replace. @default the global one */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** What time it is, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** The least time between two requests, however many tokens name unknown keys. @default 30000 */
  readonly cooldown?: number;
  /** How old keys may be before they are asked for again, in the background. @default 600000 */
  readonly maxAge?: number;
  /** How long a response may take, its body included. @default 5000 */
  readonly timeout?: number;
  /** Bytes of a response; an issuer has a few keys of some 400 bytes. @default 256 KiB */
  readonly maxBytes?: number;
  /** Is told why keys could not be had, for the log. */
  readonly onFailure?: (error: Error) => void;
}

/** The keys of the issuer cannot be had. */
export class JwksUnavailableError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "JwksUnavailableError";
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

/** Makes a set of keys that is empty until the first token; nothing is asked before. */
export function createJwks(url: string, options: JwksOptions = {}): Jwks {
  const { now = Date.now, cooldown = 30_000, maxAge = 600_000, onFailure } = options;
  let keys: KeySet | undefined;
  let loadedAt = -Infinity;
  let triedAt = -Infinity;
  let failed = false;
  let pending: Promise<void> | undefined;

  /** Asks the issuer, once for all who wait, unless that was done just now. */
  function refresh(): Promise<void> | undefined {
    if (pending === undefined && now() - triedAt >= cooldown) {
      triedAt = now();
      pending = load().finally(() => pending = undefined);
    }
    return pending;
  }

  async function load(): Promise<void> {
    try {
      keys = await fetchKeys(url, options);
      loadedAt = now();
      failed = false;
    } catch (error) {
      // The last good keys stay: a token of before is as good as it was.
      failed = true;
      onFailure?.(error as Error);
    }
  }

  return {
    async find(header, token) {
      const refreshing = now() - loadedAt >= maxAge ? refresh() : undefined;
      if (keys === undefined) await refreshing;
      const before = keys;
      if (before === undefined) throw new JwksUnavailableError("Cannot check tokens: no keys");
      try {
        return await before(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refresh();
        if (keys !== before) return await keys!(header, token);
        if (!failed) throw error;
        throw new JwksUnavailableError("Cannot check the token: its key may be new", {
          cause: error,
        });
      }
    },
  };
}

/** Asks for the keys and checks their shape; never follows a redirect to another issuer. */
async function fetchKeys(url: string, options: JwksOptions): Promise<KeySet> {
  const { fetch = globalThis.fetch, timeout = 5_000, maxBytes = 256 * 1024 } = options;
  const stop = new AbortController();
  const late = setTimeout(
    () => stop.abort(new Error(`Cannot read the key set: it took longer than ${timeout} ms`)),
    timeout,
  );
  try {
    const response = await fetch(url, {
      headers: { accept: "application/jwk-set+json, application/json" },
      redirect: "manual",
      signal: stop.signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(
        `Cannot read the key set: the issuer answered with status ${response.status}`,
      );
    }
    const text = await readText(response, maxBytes);
    if (text === undefined) {
      throw new Error(`Cannot read the key set: it has more than ${maxBytes} bytes`);
    }
    return createLocalJWKSet(publicKeys(JSON.parse(text)));
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(late);
    stop.abort();
  }
}

/** The kinds of keys that our algorithms verify with; none of them is a shared secret (`oct`). */
const KEY_TYPES: readonly unknown[] = ["RSA", "EC", "OKP"];

/** The public keys of a set (RFC 7517, 5: unknown kinds are passed over). */
function publicKeys(value: unknown): { keys: JWK[] } {
  const keys = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error("Cannot read the key set: it has no list of keys");
  return { keys: keys.filter((key) => KEY_TYPES.includes(key?.kty)).map(withoutCurveAlgorithm) };
}

/** `EdDSA` and `Ed25519` name one algorithm (RFC 9864, 2.2), and jose compares names. */
function withoutCurveAlgorithm(key: JWK): JWK {
  const { alg, ...rest } = key;
  return key.crv === "Ed25519" && (alg === "EdDSA" || alg === "Ed25519") ? rest as JWK : key;
}
