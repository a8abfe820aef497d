/** What is wrong with a request, for the caller to read; how it is answered is for others to say. */

/** One thing that is wrong, by the name of the param or option that holds it. */
export interface RequestIssue {
  /** The param or option, as it was given. */
  readonly name: string;
  /** What is wrong with it, and what was expected. */
  readonly detail: string;
}

/** How to make a {@linkcode RequestError}. */
export interface RequestErrorOptions {
  /** Whether it asks for what is not there, and not in a wrong way. @default false */
  readonly unknown?: boolean;
  /** Every issue at once. @default none that has a name */
  readonly issues?: readonly RequestIssue[];
}

/** A request that nothing can be run for. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  /** Whether it asks for what is not there, and not in a wrong way. */
  readonly unknown: boolean;
  /** Every issue at once. */
  readonly issues: readonly RequestIssue[];

  /** Says what is wrong. */
  constructor(message: string, { unknown = false, issues = [] }: RequestErrorOptions = {}) {
    super(message);
    this.unknown = unknown;
    this.issues = issues;
  }
}

/** The error of a request with these issues. */
export function withIssues(issues: readonly RequestIssue[]): RequestError {
  const message = issues.map(({ name, detail }) => `${name}: ${detail}`).join("; ");
  return new RequestError(message, { issues });
}
