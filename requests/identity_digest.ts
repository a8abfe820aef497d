/** Tells whether two requests have the same values of params that come from who asks, without keeping the values. */

import { createHash } from "node:crypto";
import { identityParams, type ParamOrigin } from "../access/identity_params.ts";
import type { Principal } from "../access/principal.ts";
import type { ExportDefinition } from "../catalog/config.ts";

/** Where the values of the params come from that have them of the identity, by name. */
export function originsOf(params: ExportDefinition["params"]): ReadonlyMap<string, ParamOrigin> {
  return new Map(
    [...params.values()].flatMap(({ name, from }) => from === undefined ? [] : [[name, from]]),
  );
}

/**
 * A digest of the values that params of exports have of the identity; nothing where there are none. The items of a
 * list may be in any order. It is of few values, which could be tried out: it is for the ledger alone.
 */
export function identityDigest(
  exports: readonly Pick<ExportDefinition, "name" | "params">[],
  principal: Principal,
): string | undefined {
  const values = exports.flatMap(({ name, params }) => {
    const { values } = identityParams(originsOf(params), [], principal);
    return [...values].map(([param, texts]) => [name, param, texts.toSorted()] as const);
  });
  if (values.length === 0) return undefined;
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}
