/** Whose share of the slots runs take, and how much of it. */

import type { Principal } from "../access/principal.ts";
import type { Format } from "../exporters/format.ts";
import type { SourceDescriptor } from "../sources/descriptor.ts";
import type { RunTask } from "./protocol.ts";

/** What a run weighs that makes no file. */
const DESCRIBE_WEIGHT = 1;

/** Makes the function that says what the run of a task weighs: as much as its sources, and what its format adds. */
export function createScale(
  formats: Readonly<Record<string, Pick<Format, "weight">>>,
  descriptors: Readonly<Record<string, Pick<SourceDescriptor<never>, "weight">>>,
): (task: RunTask) => number {
  return ({ tables, format, describe }) => {
    if (describe) return DESCRIBE_WEIGHT;
    const sources = tables.map(({ source }) => descriptors[source.type]!.weight ?? 1);
    return sources.reduce((sum, weight) => sum + weight) + formats[format]!.weight - 1;
  };
}

/**
 * Whose share a run takes. Of principals without a tenant, each key, each subject and each secret of links has
 * one; of those that gave no credential, each client.
 *
 * @param address what the client is told from others by
 */
export function shareOf(principal: Principal | undefined, address: string | undefined): string {
  if (!principal) return "server";
  const { id, tenant, via } = principal;
  if (tenant !== undefined) return `tenant ${tenant}`;
  return via === "anonymous" ? `address ${address ?? ""}` : `principal ${id}`;
}
