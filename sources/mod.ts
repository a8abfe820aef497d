/** The kinds of sources that a configuration can name. */

import type { z } from "zod";
import type { SourceKind } from "./source.ts";
import { http } from "./http.ts";
import { module } from "./module.ts";
import { mysql } from "./mysql.ts";
import { postgres } from "./postgres.ts";
import { sqlite } from "./sqlite.ts";

/** Some kind, whose configuration only it knows. */
export type AnyKind = Omit<SourceKind<never>, "config"> & { readonly config: z.ZodType };

/** Every kind, by its `type` in the configuration. */
export const sources = { http, module, mysql, postgres, sqlite } satisfies Readonly<
  Record<string, AnyKind>
>;
