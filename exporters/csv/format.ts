/** What CSV and TSV are to the server, and what may be set of them. */

import { z } from "zod";
import { defineFormat, type Format, mustBe } from "../format.ts";
import { flag, HEADER } from "../options.ts";
import { type CsvOptions, DIALECTS } from "./options.ts";

/**
 * What may stand for null, `NULL`, `\N` or `n/a`: nothing that any reader takes for a separator or a
 * formula, as a link may name it.
 */
const NULL_TEXT = /^[A-Za-z0-9_./\\-]{0,64}$/;

const settings = {
  // `on` and `off` are text in YAML 1.2.
  formula_guard: z.union([z.boolean(), z.enum(["on", "off", "spreadsheets"])], {
    error: "on, off or spreadsheets",
  }).transform((guard) => guard === "spreadsheets" ? guard : guard === true || guard === "on")
    .default(true)
    .meta({
      description: "off leaves formula-like text in CSV and TSV as it is, spreadsheets in the " +
        "postgres dialect alone",
    }),
};

const options = {
  header: HEADER,
  bom: flag().meta({
    description: "a byte order mark in front; the excel dialects have one anyway",
    examples: ["true"],
  }),
  null: z.string().regex(NULL_TEXT, mustBe("at most 64 letters, digits and _ . / \\ -")).meta({
    description: "what stands for null: letters, digits, _, ., /, \\, -",
    examples: ["NULL"],
  }),
};

/** Comma-separated values; `dialect` names another kind. */
export const csv: Format = defineFormat({
  key: "csv",
  mediaType: "text/csv; charset=utf-8",
  compressible: true,
  settings,
  options: {
    dialect: z.enum(DIALECTS, mustBe(`one of ${DIALECTS.join(", ")}`)).meta({
      description: "rfc4180 (the default), excel, excel-semicolon, postgres, tsv",
      examples: ["excel"],
    }),
    ...options,
  },
  toExporterOptions: ({ formula_guard }, options) =>
    ({ formulaGuard: formula_guard, ...options }) satisfies CsvOptions,
});

/** Tab-separated values. */
export const tsv: Format = defineFormat({
  key: "tsv",
  mediaType: "text/tab-separated-values; charset=utf-8",
  compressible: true,
  settings,
  options,
  toExporterOptions: ({ formula_guard }, options) =>
    ({ formulaGuard: formula_guard, ...options }) satisfies CsvOptions,
});
