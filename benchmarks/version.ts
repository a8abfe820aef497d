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

/** The section of limits that lets all clients of a benchmark in, which come from one address. */
export async function openLimits({ folder }: Version): Promise<string> {
  const known = await Deno.readTextFile(`${folder}/docs/configuration.md`);
  const perAddress = known.includes("per_address") ? ", per_address: 256" : "";
  return `limits: { concurrent: 256${perAddress} }\n`;
}
