/** XML: `<rows>` of `<row>`, one a line, whose elements are named after the columns. */

import type { Cell, Column, Row } from "../table/table.ts";
import { createCellText, isZoned, numberText } from "./cell_text.ts";
import type { Exporter } from "./exporter.ts";
import { defineFormat, type Format } from "./format.ts";
import { uniqueNames } from "./names.ts";
import { type TextFormat, textStream } from "./text_stream.ts";
import type { Warnings } from "./warnings.ts";

/** XML, as the server knows it; it has no options. */
export const xmlFormat: Format = defineFormat({
  key: "xml",
  mediaType: "application/xml; charset=utf-8",
  compressible: true,
});

/**
 * XML 1.0 (fifth edition). Null is an absent element and the empty string an empty one; white space
 * is kept, CR as `&#13;` (2.11 would make it LF). Characters that XML forbids become U+FFFD.
 */
export const xml: Exporter<unknown> = {
  encode: (table, _options, warnings) =>
    textStream(table, xmlText(table.columns, warnings), warnings),
};

function xmlText(columns: readonly Column[], warnings: Warnings): TextFormat {
  const width = columns.length;
  const names = uniqueNames(columns, warnings, toElementName);
  const starts = names.map((name) => `<${name}>`);
  const ends = names.map((name) => `</${name}>`);
  const empties = names.map((name) => `<${name}/>`);
  const cellTexts = columns.map((column) => createCellText(column));
  const zoned = columns.map(isZoned);

  function writeText(text: string, index: number): string {
    if (text === "") return empties[index]!;
    return starts[index]! + (SUSPECT.test(text) ? escape(text, index) : text) + ends[index]!;
  }

  function escape(text: string, index: number): string {
    const legal = text.replace(ILLEGAL, "\ufffd");
    if (legal !== text) warnings.count("illegal-character", columns[index]!.name);
    return legal.replace(MARKUP, (character) => ENTITIES[character]!);
  }

  function writeRare(cell: Cell | undefined, index: number): string {
    if (cell === null || cell === undefined) return "";
    return writeText(cellTexts[index]!(cell), index);
  }

  function row(cells: Row): string {
    let line = "<row>";
    for (let index = 0; index < width; index++) {
      const cell = cells[index];
      if (typeof cell === "string") {
        line += writeText(zoned[index] ? cellTexts[index]!(cell) : cell, index);
      } else if (typeof cell === "number") {
        line += starts[index]! + numberText(cell) + ends[index]!;
      } else line += writeRare(cell, index);
    }
    return line + "</row>\n";
  }

  return {
    head: '<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n',
    row,
    tail: "</rows>\n",
  };
}

/** `>` too, so that `]]>` cannot be (2.4). */
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\r": "&#13;",
};

const MARKUP = /[&<>\r]/g;

/** What is not production 2, `Char`; lone surrogates are the encoder's to replace. */
// deno-lint-ignore no-control-regex
const ILLEGAL = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** Either of them: one search where there is nothing to do. */
// deno-lint-ignore no-control-regex
const SUSPECT = /[&<>\r\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/**
 * The rule for element names: every character that no `NameChar` (production 4a) is becomes `_`, as
 * does `:`, which is for namespaces; then `_` is put before a name that is empty, whose first
 * character is no `NameStartChar` (4), or that begins with `xml` in any case (2.3: reserved).
 */
function toElementName(name: string): string {
  const legal = name.replace(NOT_NAME, "_");
  return NAME_START.test(legal) && !/^xml/i.test(legal) ? legal : "_" + legal;
}

/** Production 4 without `:`. */
const NAME_START_CHAR = "A-Z_a-z\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff" +
  "\\u200c\\u200d\\u2070-\\u218f\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd" +
  "\\u{10000}-\\u{effff}";
const NAME_START = new RegExp(`^[${NAME_START_CHAR}]`, "u");
const NOT_NAME = new RegExp(
  `[^${NAME_START_CHAR}\\-.0-9\\xb7\\u0300-\\u036f\\u203f\\u2040]`,
  "gu",
);
