/** Why a request is not let in: one reason for the operator, one sentence for the caller. */

/** What a caller can do about it; only routes know what that is in HTTP. */
export type RefusalKind =
  /** Give a credential. */
  | "missing"
  /** Give another one. */
  | "invalid"
  /** Give one and not two. */
  | "ambiguous"
  /** Wait: what the credential is checked with cannot be had. */
  | "unavailable"
  /** Wait: too many wrong credentials came from this address. */
  | "throttled";

/** What a reason means to the caller. */
export interface Meaning {
  /** What the caller can do about it. */
  readonly kind: RefusalKind;
  /** A sentence for the caller, which tells nothing that the caller does not know. */
  readonly detail: string;
}

function invalid(detail: string): Meaning {
  return { kind: "invalid", detail };
}

/** The same for an unknown id and a wrong secret, so that ids cannot be found out. */
const WRONG_KEY = invalid("The key is not valid");

const WRONG_TOKEN = invalid("The token is not valid");

const WRONG_LINK = invalid("The link is not valid: it was changed, or not signed for this server");

/** Each reason, as logs and metrics name it: a fixed word, never a part of a credential. */
export const REASONS = {
  "missing": {
    kind: "missing",
    detail: "This needs a key or a token, as Authorization: Bearer, or a signed link",
  },
  "access-empty": {
    kind: "missing",
    detail: "This server lets in requests of its own machine alone, until its access is set up",
  },
  "two-credentials": {
    kind: "ambiguous",
    detail: "Two credentials are given; give a key, a token or a signed link",
  },
  "malformed": invalid("The credential cannot be read"),
  "key-unknown": WRONG_KEY,
  "key-secret": WRONG_KEY,
  "key-expired": invalid("The key has expired"),
  "jwt-unconfigured": WRONG_TOKEN,
  "jwt-malformed": WRONG_TOKEN,
  "jwt-algorithm": WRONG_TOKEN,
  "jwt-key-unknown": WRONG_TOKEN,
  "jwt-signature": WRONG_TOKEN,
  "jwt-expired": invalid("The token has expired"),
  "jwt-not-yet": invalid("The token is not valid yet"),
  "jwt-issuer": invalid("The token is of another issuer"),
  "jwt-audience": invalid("The token is for another audience"),
  "jwt-claims": invalid("The token lacks a claim, or has one of a wrong shape"),
  "jwks-unavailable": {
    kind: "unavailable",
    detail: "The keys that tokens are checked with cannot be had; try again shortly",
  },
  "link-unconfigured": WRONG_LINK,
  "link-malformed": WRONG_LINK,
  "link-secret-unknown": WRONG_LINK,
  "link-signature": WRONG_LINK,
  "link-method": invalid("The link is for a download, with GET or HEAD"),
  "link-max-age": invalid("The link is valid for longer than this server allows"),
  "link-expired": invalid("The link has expired"),
  "link-key": invalid("The key that made this link does not allow it any more"),
  "throttled": {
    kind: "throttled",
    detail: "Too many wrong credentials came from this address; try again later",
  },
} as const satisfies Readonly<Record<string, Meaning>>;

/** Why a request is not let in, for logs and metrics. */
export type RefusalReason = keyof typeof REASONS;

/** A credential that was not taken. */
export interface Rejected {
  /** Why. */
  readonly reason: RefusalReason;
  /** The id of the key, or the name of the secret; only one that this server knows. */
  readonly credential?: string;
}

/** A request that is not let in. */
export interface Refusal extends Rejected, Meaning {
  /** Milliseconds that the answer is to be held back. @default 0 */
  readonly delay: number;
  /** Milliseconds after which another try may succeed. */
  readonly retryAfter?: number;
}

/** Says what a rejected credential means to the caller. */
export function refuse(rejected: Rejected, delay = 0, retryAfter?: number): Refusal {
  return {
    ...rejected,
    ...REASONS[rejected.reason],
    delay,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}
