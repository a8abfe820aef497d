/** The kinds of sources that a configuration can name. */

import type { z } from "zod";
import type { SourceKind } from "./source.ts";
import { http } from "./http/mod.ts";
import { module } from "./module/mod.ts";
import { mysql } from "./mysql/mod.ts";
import { postgres } from "./postgres/mod.ts";
import { sqlite } from "./sqlite/mod.ts";

/** Some kind, whose configuration only it knows. */
export type AnyKind = Omit<SourceKind<never>, "config"> & { readonly config: z.ZodType };

/** Every kind, by its `type` in the configuration. */
export const sources = { http, module, mysql, postgres, sqlite } satisfies Readonly<
  Record<string, AnyKind>
>;
