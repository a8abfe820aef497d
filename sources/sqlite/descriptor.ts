/** What an SQLite source is to the server. */

import { z } from "zod";
import type { SqliteConfig } from "./config.ts";
import type { SourceDescriptor } from "../descriptor.ts";
import { maxRow } from "../settings.ts";

const PATH = "the path of a database file";

const config: z.ZodType<SqliteConfig> = z.strictObject({
  path: z.string({ error: PATH }).min(1, { error: PATH }),
  max_row: maxRow(),
});

/** SQLite. */
export const sqlite: SourceDescriptor<SqliteConfig> = {
  config,
  language: { query: "required" },
  snapshot: true,
  paths: ["path"],
  blocking: "learn",
};
