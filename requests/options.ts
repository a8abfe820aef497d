/** What a request may say besides the params of its exports: what every format has, and each one's own. */

import { z } from "zod";
import { type Format, mustBe, type OptionSchemas, quoted } from "../exporters/format.ts";

/** How a file can be delivered: streamed while it is made, or made first. */
export const DELIVERIES = ["auto", "direct", "whole"] as const;

/** One of {@linkcode DELIVERIES}. */
export type Delivery = typeof DELIVERIES[number];

const columns = z.string().transform((text, context) => {
  const names = text.split(",");
  const seen = new Set<string>();
  const again = names.find((name) => seen.size === seen.add(name).size);
  const message = names.includes("")
    ? `must be column names with commas between, not ${quoted(text)}`
    : again === undefined
    ? undefined
    : `names ${quoted(again)} more than once`;
  if (message === undefined) return names;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

/** UTF-16 units of a reason: a sentence or two, and not a document. */
const MAX_REASON_LENGTH = 500;

const REASON = `must be text on one line, of at most ${MAX_REASON_LENGTH} characters`;

/** What is on one line of a log, whatever reads it: no control character, and no turn of direction. */
const ONE_LINE = /^[^\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*$/u;

/** Options that every format has. */
export const COMMON_OPTIONS = {
  columns: columns.meta({
    description: "which columns, in which order",
    examples: ["a,b"],
  }),
  filename: z.string().min(1, { error: "must not be empty" }).meta({
    description: "the file's name; the extension is added",
    examples: ["report"],
  }),
  delivery: z.enum(DELIVERIES, mustBe(`one of ${DELIVERIES.join(", ")}`)).meta({
    description: "made first, then sent; auto and direct: streamed while it is made",
    examples: ["whole"],
  }),
  since: z.string().meta({
    description: "the run that params go on from which follow a column",
    examples: ["1f0c4a9e-7d0a-4a4e-9a53-2f6d3f1f6c11"],
  }),
  reason: z.string().regex(/\S/, { error: REASON }).regex(ONE_LINE, { error: REASON })
    .max(MAX_REASON_LENGTH, { error: REASON }).refine((text) => text.isWellFormed(), {
      error: REASON,
    }).meta({
      description: "why it is asked for, on one line; some exports need it",
      examples: ["audit"],
    }),
} satisfies OptionSchemas;

/** An option as a list of them shows it. */
export interface DescribedOption {
  /** Its name, with the leading `_`. */
  readonly name: string;
  /** The keys of the formats that have it. */
  readonly formats: readonly string[];
  /** What it says. */
  readonly description: string;
  /** A value. */
  readonly example: string;
}

/** The options of some formats: those that all formats have first. */
export function describeOptions(formats: readonly Format[]): readonly DescribedOption[] {
  const keys = formats.map(({ key }) => key);
  const schemas = new Map<z.ZodType, { name: string; formats: string[] }>();
  for (const [name, schema] of Object.entries(COMMON_OPTIONS)) {
    schemas.set(schema, { name, formats: [...keys] });
  }
  for (const { key, options } of formats) {
    for (const [name, schema] of Object.entries(options)) {
      const known = schemas.get(schema);
      if (known) known.formats.push(key);
      else schemas.set(schema, { name, formats: [key] });
    }
  }
  return [...schemas].map(([schema, { name, formats }]) => {
    const { description = "", examples } = schema.meta() ?? {};
    const [example = ""] = Array.isArray(examples) ? examples : [];
    return { name: `_${name}`, formats, description, example: String(example) };
  });
}
