/** The kinds of sources that a configuration can name. */

import type { z } from "zod";
import type { SourceKind } from "./source.ts";
import { sqlite } from "./sqlite.ts";

/** Some kind, whose configuration only it knows. */
type AnyKind = Omit<SourceKind<never>, "config"> & { readonly config: z.ZodType };

/** Every kind, by its `type` in the configuration. */
export const sources = { sqlite } satisfies Readonly<Record<string, AnyKind>>;
