/** Names the file of an export after its params: `audit-{org}-{since}`. */

import type { ParamValue } from "../sources/source.ts";

/** A template, in pieces: literal text, and params by name. */
export type FilenameTemplate = readonly (string | { readonly param: string })[];

/** The most UTF-8 bytes of a name; file systems hold 255, the extension and ` (1)` included. */
export const MAX_FILENAME_BYTES = 200;

/** What some file system refuses, or a terminal or a browser takes for a control (C0, C1, Zl, Zp). */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029/\\:*?"<>|]/gu;

/** Marks that turn the order of text, so that `exe.csv` could be shown for `csv.exe` (UAX #9). */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Names of devices in Windows, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;

/** Reads a template; nothing when a brace in it does not belong to a `{param}`. */
export function parseFilename(text: string): FilenameTemplate | undefined {
  const pieces: (string | { readonly param: string })[] = [];
  for (const [index, piece] of text.split(/\{([a-z][a-z0-9_]*)\}/).entries()) {
    // What the group holds stands between the pieces of text.
    if (index % 2 === 1) pieces.push({ param: piece });
    else if (/[{}]/.test(piece)) return undefined;
    else if (piece !== "") pieces.push(piece);
  }
  return pieces;
}

/**
 * Fills in a template; a null is nothing, a list its items with commas between, and the result is a
 * {@linkcode safeFilename}.
 */
export function renderFilename(
  template: FilenameTemplate,
  values: Readonly<Record<string, ParamValue>>,
): string {
  return safeFilename(
    template.map((piece) => typeof piece === "string" ? piece : String(values[piece.param] ?? ""))
      .join(""),
  );
}

/**
 * Makes a name, without its extension, that every file system takes: `-` for what one of them
 * refuses, no dot or space at either end, no device of Windows, at most
 * {@linkcode MAX_FILENAME_BYTES}; `export` where nothing is left.
 */
export function safeFilename(name: string): string {
  const plain = name.toWellFormed().replace(DIRECTIONS, "").replace(UNSAFE, "-");
  const begun = plain.replace(/^[\s.]+/, "");
  const whole = firstBytes(begun, MAX_FILENAME_BYTES).replace(/[\s.]+$/, "");
  if (whole === "") return "export";
  return DEVICE.test(whole) ? `_${whole}` : whole;
}

/** The longest beginning of whole code points that fits. */
function firstBytes(text: string, bytes: number): string {
  // UTF-8 takes at most three bytes for a UTF-16 unit.
  if (3 * text.length <= bytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
