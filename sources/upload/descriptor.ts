/** What a file of rows is to the server. */

import { z } from "zod";
import type { SourceDescriptor } from "../descriptor.ts";
import { maxRow } from "../settings.ts";
import { UPLOAD_FORMATS, type UploadConfig } from "./config.ts";
import { READING_OPTIONS } from "./options.ts";

const PATH = "the path of a file";

const CELLS = "a whole number of at least 1";

const { separator, quote, encoding, range } = READING_OPTIONS;

/** Cells that a file may have, where nothing else is said: ten million rows of ten columns. */
export const MAX_CELLS = 100_000_000;

const config: z.ZodType<UploadConfig> = z.strictObject({
  path: z.string({ error: PATH }).min(1, { error: PATH }),
  format: z.enum(UPLOAD_FORMATS, { error: `one of ${UPLOAD_FORMATS.join(", ")}` }).optional(),
  header: z.boolean({ error: "true or false" }).optional(),
  separator: separator.optional(),
  quote: quote.optional(),
  encoding: encoding.optional(),
  sheet: z.union([z.string().min(1), z.int().min(1)], {
    error: "the name or the number of a sheet",
  })
    .optional(),
  range: range.optional(),
  max_cells: z.int({ error: CELLS }).min(1, { error: CELLS }).default(MAX_CELLS),
  max_row: maxRow(),
});

/** A file: a table that was uploaded, or one that stays where it is. */
export const upload: SourceDescriptor<UploadConfig> = {
  config,
  language: { query: "none" },
  paths: ["path"],
  // Its files are read at once, and no other run waits for them.
  blocking: true,
  permissions: ({ scratch }) => scratch ? { read: [scratch.path], write: [scratch.path] } : {},
};
