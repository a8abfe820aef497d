/** What a module is to the server. */

import { z } from "zod";
import type { ModuleConfig } from "./config.ts";
import type { SourceDescriptor } from "../descriptor.ts";
import { maxRow } from "../settings.ts";

const PATH = "the path of a TypeScript or JavaScript file";
const READ = "a list of files and folders";
const NET = "a list of hosts such as stats.internal:443";

const list = (error: string) => z.array(z.string({ error }).min(1, { error }), { error });

const config: z.ZodType<ModuleConfig> = z.strictObject({
  path: z.string({ error: PATH }).min(1, { error: PATH }),
  read: list(READ).optional(),
  net: list(NET).optional(),
  max_row: maxRow(),
});

/** Row generators in TypeScript. */
export const module: SourceDescriptor<ModuleConfig> = {
  config,
  language: { query: "none" },
  paths: ["path", "read"],
  blocking: true,
  runsCode: true,
  // Its rows cost no more time than those of SQLite (benchmarks/README.md), but its worker, which is its own
  // and takes 51 MB while it is busy, where runs that share one take 11 MB each.
  weight: 2,
  permissions: ({ read = [], net = [] }) => ({ read, net }),
};
