/** Whose data a command is for: who has the configuration says so. */

import { ANONYMOUS, type Principal } from "../access/principal.ts";

/** For whom a run or a link is, as it is typed. */
export interface PrincipalArguments {
  /** Whose data it is, for params from the tenant. */
  readonly tenant?: string | undefined;
  /** Who it is for, for params from the principal. */
  readonly subject?: string | undefined;
  /** What they may do besides, such as see hidden columns; with commas between. */
  readonly scopes?: string | undefined;
}

/** The principal that it is for. */
export function principalOf({ tenant, subject, scopes }: PrincipalArguments): Principal {
  return {
    ...ANONYMOUS,
    id: subject === undefined ? "cli" : `cli:${subject}`,
    ...(tenant === undefined ? {} : { tenant }),
    ...(subject === undefined ? {} : { subject }),
    ...(scopes === undefined ? {} : { scopes: scopes.split(",") }),
  };
}
