/** The versions of Spillway that are measured in one run: this one, and another checkout beside it. */

import { fileURLToPath } from "node:url";

/** A checkout. */
export interface Version {
  /** What tables call it. */
  readonly name: string;
  /** Its folder. */
  readonly folder: string;
}

/** This checkout, and before it the one whose folder `SPILLWAY_BASE` names, if it does. */
export function versions(): readonly Version[] {
  const base = Deno.env.get("SPILLWAY_BASE");
  const here = { name: "now", folder: fileURLToPath(new URL("../", import.meta.url)) };
  return base === undefined ? [here] : [{ name: "before", folder: base }, here];
}
