/** Who asks, and what the credential of the request lets them do. */

/** How a principal showed who it is. */
export type Authentication = "anonymous" | "key" | "jwt" | "link";

/** How much one export may take; what is absent is not limited here. */
export interface Caps {
  /** Rows of one export. */
  readonly maxRows?: number;
  /** Bytes of one file. */
  readonly maxBytes?: number;
  /** Milliseconds of one run. */
  readonly maxDuration?: number;
}

/**
 * Who asks. It holds no key, token, signature or secret, so that it can be logged, kept with a run and
 * handed to a worker.
 */
export interface Principal {
  /** Who it is in logs and receipts: `key:k7f3q2`, `jwt:user-7`, `link:a/user-7`, `cli:user-7` or `anonymous`. */
  readonly id: string;
  /** How it showed that. */
  readonly via: Authentication;
  /** The id of its key, or the name of the secret that signed its link. */
  readonly credential?: string;
  /** Whose data it may have; absent: no tenant's. */
  readonly tenant?: string;
  /** The person or program, as the application calls it. */
  readonly subject?: string;
  /** What it may do besides. */
  readonly scopes: readonly string[];
  /** Patterns of the names of the exports that it sees. */
  readonly exports: readonly string[];
  /** The formats that it may ask for; absent: every one. */
  readonly formats?: readonly string[];
  /** How much its exports may take. */
  readonly caps: Caps;
  /** The claims of its token: an object without a prototype, empty where there is no token. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** When its credential ends, in milliseconds since 1970; absent: never. */
  readonly expires?: number;
}

/** No claims. */
export const NO_CLAIMS: Principal["claims"] = Object.freeze(Object.create(null));

/** Who gave no credential, where the server is open to everyone. */
export const ANONYMOUS: Principal = Object.freeze({
  id: "anonymous",
  via: "anonymous",
  scopes: Object.freeze([]),
  exports: Object.freeze(["*"]),
  caps: Object.freeze({}),
  claims: NO_CLAIMS,
});

/** UTF-16 units of a tenant, a subject or a scope; a longer one is no name but an attempt. */
const MAX_NAME_LENGTH = 256;

/**
 * Reads the name of a tenant, a subject or a scope from what a token or a link says.
 *
 * An empty name is none: a param that took it would be absent, and its query perhaps without a limit.
 * Nor is a number that a double does not hold exactly: it may be another tenant's.
 *
 * @returns nothing, when it is no name
 */
export function readName(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? `${value}` : undefined;
  if (typeof value !== "string" || value === "" || value.length > MAX_NAME_LENGTH) return undefined;
  // A control character could begin a line of a log.
  return value.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value) ? value : undefined;
}
