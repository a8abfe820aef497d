/** Whose tokens are taken: what the configuration says of them. */

import type { ClaimNames } from "./claims.ts";

/** The algorithms that may be configured: each has a public and a private key. */
export const JWT_ALGORITHMS = ["RS256", "ES256", "EdDSA", "Ed25519"] as const;

/** One of them. */
export type JwtAlgorithm = typeof JWT_ALGORITHMS[number];

/** Whose tokens are taken. */
export interface JwtSetting extends ClaimNames {
  /** What `iss` says, to the letter. */
  readonly issuer: string;
  /** What `aud` says, or one of its items. */
  readonly audience: string;
  /** Where the issuer's keys are; the only place, whatever a token says. */
  readonly jwks: string;
  /** How tokens may be signed. @default RS256, ES256, EdDSA */
  readonly algorithms: readonly JwtAlgorithm[];
}
