/** Finds the run that another one goes on from. */

import type { Principal } from "../access/principal.ts";
import type { ExportDefinition } from "../catalog/config.ts";
import type { Receipt } from "../runs/receipt.ts";
import { identityDigest } from "./identity_digest.ts";
import { type CursorBegin, NO_SUCH_RUN } from "./run_request.ts";
import { withIssues } from "./request_error.ts";

/** What an id looks like: no attempt is looked up. */
const ID = /^[a-z0-9-]{1,64}$/;

/** Names and texts, as a query string has them. */
export type Pairs = readonly (readonly [name: string, text: string])[];

/**
 * Where a request begins that says `_since`; nothing where it does not.
 *
 * @param find looks a run up by its id
 * @throws {RequestError} where the caller has no such run, it is not complete or not handed over, or it is one of
 * another request
 */
export async function findSince(
  pairs: Pairs,
  exports: readonly ExportDefinition[],
  { principal, find }: {
    readonly principal: Principal;
    readonly find: ((id: string) => Promise<Receipt | undefined>) | undefined;
  },
): Promise<readonly CursorBegin[] | undefined> {
  const id = pairs.find(([name]) => name === "_since")?.[1];
  if (id === undefined) return undefined;
  const run = ID.test(id) ? await find?.(id) : undefined;
  if (!run || !isOf(run, principal)) throw refusal(NO_SUCH_RUN);
  if (!run.cursors) throw refusal("the run follows no column");
  if (run.handedOverAt === undefined) throw refusal(NO_SUCH_RUN);
  if (!goesOnFrom(run, pairs, exports)) {
    throw refusal("the run was of other exports or other params");
  }
  if (run.identity !== identityDigest(exports, principal)) {
    throw refusal("the run was with other values of params that come from who you are");
  }
  return endsOf(run);
}

/**
 * Where the next run of a schedule begins: where its last one ended, or at the start where that was another's or of
 * another request.
 */
export function beginAfter(
  last: Receipt | undefined,
  pairs: Pairs,
  exports: readonly ExportDefinition[],
  principal: Principal,
): readonly CursorBegin[] | undefined {
  return last && isOf(last, principal) && goesOnFrom(last, pairs, exports) &&
      last.identity === identityDigest(exports, principal)
    ? endsOf(last)
    : undefined;
}

function refusal(detail: string) {
  return withIssues([{ name: "_since", detail }]);
}

function isOf(run: Receipt, { id, tenant }: Principal): boolean {
  return run.principal === id && run.tenant === tenant;
}

/** Whether a request gives what the one of a run did, but for its options. */
function goesOnFrom(
  { request }: Receipt,
  pairs: Pairs,
  exports: readonly ExportDefinition[],
): boolean {
  const asked = pairs.filter(([name]) => !name.startsWith("_"));
  const before = Object.entries(request.params).flatMap(([name, texts]) =>
    [texts].flat().map((text) => [name, text] as const)
  );
  const names = exports.map(({ name }) => name);
  return request.exports.join() === names.join() && textOf(asked) === textOf(before);
}

/** The texts of each param, whatever the order of the params. */
function textOf(pairs: Pairs): string {
  return JSON.stringify(pairs.toSorted(([one], [other]) => one < other ? -1 : one > other ? 1 : 0));
}

function endsOf({ cursors = [] }: Receipt): readonly CursorBegin[] {
  return cursors.map(({ from: _, to, ...cursor }) => ({ ...cursor, value: to }));
}
