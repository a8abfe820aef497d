/** Reads JSON with the platform's parser, numbers in the digits that the file has. */

import assert from "node:assert/strict";

/** What the parser knows of a value's text (ECMA-262, JSON.parse source text access). */
interface RawJSON {
  readonly rawJSON: string;
}

const { rawJSON, isRawJSON } = JSON as typeof JSON & {
  rawJSON(text: string): RawJSON;
  isRawJSON(value: unknown): value is RawJSON;
};

/** Parses a text, and keeps each number as its own digits. */
export function parseExact(text: string): unknown {
  const reviver = (_key: string, value: unknown, context?: { readonly source: string }) =>
    typeof value === "number" ? rawJSON(context!.source) : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}

/** The cells of an object as text, once it is sure that its keys are these, in this order. */
export function cellsOf(object: unknown, header: readonly string[]): (string | null)[] {
  assert.ok(typeof object === "object" && object !== null && !Array.isArray(object));
  assert.deepEqual(Object.keys(object), header);
  return Object.values(object).map((value: unknown) => {
    if (value === null || typeof value === "string") return value;
    return isRawJSON(value) ? value.rawJSON : JSON.stringify(value);
  });
}
