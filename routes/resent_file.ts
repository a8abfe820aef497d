/** Says who was sent what of a file that is kept, for the log. */

import type { Principal } from "../access/principal.ts";
import type { StoredObject } from "../storage/store.ts";
import type { ResentFile } from "./dependencies.ts";
import { namesOf } from "./refusals.ts";

/** Who asked, and for what. */
export interface ResentOptions {
  /** Who asked. */
  readonly principal: Principal;
  /** The client's address, where it is known. */
  readonly client: string | undefined;
  /** Why, where that was said. */
  readonly reason: string | undefined;
  /** The name of the export; of several in one file, with commas between. */
  readonly export: string;
  /** The key of the format. */
  readonly format: string;
}

/** Describes an answer from a kept file. */
export function describeResent(
  { method, headers }: Request,
  { status }: Response,
  { key, sha256 }: Pick<StoredObject, "key"> & { readonly sha256: string | undefined },
  { principal, client, reason, ...of }: ResentOptions,
): ResentFile {
  const { credential } = principal;
  const range = headers.get("Range");
  return {
    id: key,
    ...namesOf(principal),
    ...(credential === undefined ? {} : { credential }),
    ...(client === undefined ? {} : { client }),
    ...(reason === undefined ? {} : { reason }),
    ...of,
    method,
    status,
    ...(range === null ? {} : { range }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}
