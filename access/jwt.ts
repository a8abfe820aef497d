/** Verifies JSON Web Tokens (RFC 7519, RFC 8725) of one issuer. */

import { errors, jwtVerify } from "jose";
import { readClaims } from "./claims.ts";
import { type Jwks, JwksUnavailableError } from "./jwks.ts";
import type { JwtAlgorithm, JwtSetting } from "./jwt_setting.ts";
import type { Principal } from "./principal.ts";
import type { RefusalReason, Rejected } from "./refusal.ts";

/** Verifies tokens. */
export interface JwtVerifier {
  /** Who a token is of; never rejects for what stands in a token. */
  verify(token: string): Promise<Principal | Rejected>;
}

/** Seconds that an issuer's clock may be ahead: a token that was just issued is not refused. */
const CLOCK_TOLERANCE_SECONDS = 30;

/** Verifies tokens with the keys of their issuer. */
export function createJwtVerifier(
  setting: JwtSetting,
  jwks: Jwks,
  now: () => number = Date.now,
): JwtVerifier {
  const { issuer, audience } = setting;
  const options = {
    issuer,
    audience,
    algorithms: withBothNames(setting.algorithms),
    requiredClaims: ["exp"],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  };
  return {
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, jwks.find, {
          ...options,
          currentDate: new Date(now()),
        });
        // The tolerance is for tokens that begin; one that ended has ended.
        if (!(payload.exp! * 1000 > now())) return { reason: "jwt-expired" };
        if (payload.exp === Infinity) return { reason: "jwt-claims" };
        return readClaims(payload, setting) ?? { reason: "jwt-claims" };
      } catch (error) {
        return { reason: reasonOf(error) };
      }
    },
  };
}

/** `EdDSA` and `Ed25519` are one algorithm (RFC 9864, 2.2), and issuers write either. */
function withBothNames(algorithms: readonly JwtAlgorithm[]): string[] {
  const both: readonly JwtAlgorithm[] = ["EdDSA", "Ed25519"];
  const more = algorithms.some((name) => both.includes(name)) ? both : [];
  return [...new Set([...algorithms, ...more])];
}

/** The claims that have a reason of their own; the others are those of a wrong shape. */
const CLAIM_REASONS: Readonly<Record<string, RefusalReason>> = {
  iss: "jwt-issuer",
  aud: "jwt-audience",
  nbf: "jwt-not-yet",
};

function reasonOf(error: unknown): RefusalReason {
  if (error instanceof JwksUnavailableError) return "jwks-unavailable";
  if (error instanceof errors.JWKSInvalid) return "jwks-unavailable";
  if (error instanceof errors.JWTExpired) return "jwt-expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === "check_failed"
      ? CLAIM_REASONS[error.claim] ?? "jwt-claims"
      : "jwt-claims";
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "jwt-algorithm";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "jwt-signature";
  if (error instanceof errors.JWKSNoMatchingKey) return "jwt-key-unknown";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "jwt-key-unknown";
  if (error instanceof errors.JOSEError) return "jwt-malformed";
  // The key of the issuer is not one that its kind says (a DataError, or too short: a TypeError).
  return "jwks-unavailable";
}
