/** The error of a request that its principal may not make. */

/** What a request holds that its principal may not have. */
export interface AccessIssue {
  /** The param or option, by its name. */
  readonly name: string;
  /** A sentence for the caller. */
  readonly detail: string;
}

/**
 * Why: the identity has no value for a param that comes from it (`missing`) or none that the param takes
 * (`misfit`), or may not have the format (`format`) or do that at all (`scope`).
 */
export type AccessErrorKind = "missing" | "misfit" | "format" | "scope";

/** A request that its principal may not make. */
export class AccessError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "AccessError";
  /** Why. */
  readonly kind: AccessErrorKind;
  /** Every issue of this kind. */
  readonly issues: readonly AccessIssue[];

  /** Takes what is wrong. */
  constructor(kind: AccessErrorKind, issues: readonly AccessIssue[]) {
    super(issues.map(({ name, detail }) => `${name}: ${detail}`).join("; "));
    this.kind = kind;
    this.issues = issues;
  }
}
