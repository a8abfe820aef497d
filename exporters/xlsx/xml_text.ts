/** Writes text as XML, as the parts of a workbook spell it. */

/** What comes before the root element of every part. */
export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

/** Whether a text begins or ends with a space, a tab or a line break. */
export function hasOuterSpace(text: string): boolean {
  return text.charCodeAt(0) <= 0x20 || text.charCodeAt(text.length - 1) <= 0x20;
}

/**
 * Writes text as the content of an element. Characters that XML 1.0 cannot hold, and CR, which a
 * parser would read as LF, become `_xHHHH_`; an underscore that a reader would take for the start
 * of such an escape becomes `_x005F_` (ECMA-376 part 1, 22.9.2.19, ST_Xstring).
 */
export function xmlText(text: string): string {
  return text.replace(ESCAPED, escapeUnit).replace(MARKUP, (character) => ENTITIES[character]!);
}

// An underscore counts as a start also where what closes it is itself about to become `_xHHHH_`:
// `_x005F` and U+0001 would else be read as `_`, `x0001_`.
const ESCAPED =
  // deno-lint-ignore no-control-regex -- they are what is looked for
  /[\0-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}[_\0-\x08\x0b-\x1f\ufffe\uffff])/g;

function escapeUnit(unit: string): string {
  return `_x${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`;
}

const MARKUP = /[&<>]/g;

/** Writes text as the value of an attribute in double quotes. */
export function xmlAttribute(text: string): string {
  return xmlText(text).replace(/["\t\n]/g, (character) => ENTITIES[character]!);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  // A parser would read both as a space (XML 1.0, 3.3.3).
  "\t": "&#9;",
  "\n": "&#10;",
};
