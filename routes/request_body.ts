/** Bodies that ask for a file: JSON, with the params and options that would else stand in a URL. */

import { z } from "zod";
import { readText } from "../table/read_text.ts";
import { badRequest, ProblemError, tooLarge } from "./problems.ts";

/** Bytes of a body: as long as the URL that it becomes may be. */
const MAX_BODY_BYTES = 64 * 1024;

const value = z.union([z.string(), z.number(), z.boolean()], {
  error: "must be text, a number, true or false",
});

/** The members that say which file. */
export const FILE_MEMBERS = {
  /** The name of an export, or several with commas between. */
  export: z.string({ error: "must be the name of an export" }),
  /** The key of a format. */
  format: z.string({ error: "must be the key of a format" }),
  /** Values of params by name. */
  params: z.record(z.string(), z.union([value, z.array(value)], { error: "must be a value" }), {
    error: "must be an object of values by name",
  }).default({}),
  /** Values of options by name. */
  options: z.record(z.string(), value, {
    error: "must be an object of values by name, without the leading _",
  }).default({}),
};

/** A value in JSON of a param or an option. */
export type Value = string | number | boolean;

/** The values of a body that say what the file holds. */
export interface FileValues {
  /** Values of params by name. */
  readonly params: Readonly<Record<string, Value | readonly Value[]>>;
  /** Values of options by name. */
  readonly options: Readonly<Record<string, Value>>;
}

/**
 * Reads a body.
 *
 * @throws {ProblemError} 413 where it is too long, 400 with every issue by name
 */
export async function readBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const text = await readText(request, MAX_BODY_BYTES);
  if (text === undefined) throw new ProblemError(tooLarge(MAX_BODY_BYTES));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ProblemError(badRequest([{ name: "body", detail: "must be JSON" }]));
  }
  const { data, error } = schema.safeParse(json);
  if (!error) return data;
  const issues = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ name: key, detail: "is not known here" }))
      : [{ name: issue.path.join(".") || "body", detail: issue.message }]
  );
  throw new ProblemError(badRequest(issues));
}

/** Params and options as they stand in a URL; a list is its name repeated. */
export function toPairs(
  { params, options }: FileValues,
): readonly (readonly [string, string])[] {
  const wrong = Object.keys(params).filter((name) => name.startsWith("_"));
  if (wrong.length > 0) {
    const detail = "is no param; options stand in options, without the leading _";
    throw new ProblemError(badRequest(wrong.map((name) => ({ name, detail }))));
  }
  return [
    ...Object.entries(params).flatMap(([name, given]) =>
      [given].flat().map((one) => [name, String(one)] as const)
    ),
    ...Object.entries(options).map(([name, given]) => [`_${name}`, String(given)] as const),
  ];
}
