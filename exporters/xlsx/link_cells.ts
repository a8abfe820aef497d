/**
 * Writes the cells of a column of links: the only formulas that a workbook of ours has.
 *
 * A formula is `HYPERLINK` of one or two literals and nothing else. A string literal ends at a `"`
 * alone, and one within it is doubled (ECMA-376 part 1, 18.17.2.1), so that no cell gets out of it.
 */

import type { Cell, Column } from "../../table/table.ts";
import type { Warnings } from "../warnings.ts";
import { cellStart, styleXml, type WriteCell } from "./cells.ts";
import { markup } from "./xml_bytes.ts";
import { xmlText } from "./xml_text.ts";

/** UTF-16 units of a string literal in a formula (Excel's specifications and limits). */
const MAX_LITERAL_UNITS = 255;

/** Stands for the cell in a link that a column declares. */
const SLOT = "{}";

/** How to write the cells of a column of links. */
export interface LinkOptions {
  /** The column's letters. */
  readonly letters: string;
  /** The style of a cell that is a link. */
  readonly style: number;
  /** Writes the column's other cells. */
  readonly plain: WriteCell;
}

/**
 * Makes the function that writes the cells of a column of links. What cannot be a link is written as
 * any other cell, and counted.
 *
 * @param warnings counts the cells that are no links
 */
export function createLinkWriter(
  { name, link }: Column,
  { letters, style, plain }: LinkOptions,
  warnings: Warnings,
): WriteCell {
  const start = markup(cellStart(letters));
  const textMiddle = markup(`${styleXml(style)} t="str"><f>`);
  const numberMiddle = markup(`${styleXml(style)}><f>`);

  return function writeLink(value, xml) {
    if (value === "") return plain(value, xml);
    const formula = typeof link === "string" ? formulaOf(value, link) : formulaOfUrl(value);
    if (formula === undefined) {
      warnings.count("link-as-text", name);
      return plain(value, xml);
    }
    xml.startCell(start, typeof value === "string" ? textMiddle : numberMiddle);
    xml.addXml(`${xmlText(formula)}</f><v>${xmlText(String(value))}</v></c>`);
  };
}

function formulaOfUrl(url: NonNullable<Cell>): string | undefined {
  if (typeof url !== "string" || !isUrl(url)) return undefined;
  const literal = stringLiteral(url);
  return literal && `HYPERLINK(${literal})`;
}

function formulaOf(cell: NonNullable<Cell>, link: string): string | undefined {
  const label = typeof cell === "string" ? labelLiteral(cell) : numberLiteral(cell);
  if (label === undefined) return undefined;
  // The @ of an address stays: RFC 6068 has it so, and it means nothing behind a host name.
  const url = link.replaceAll(SLOT, () => encodeURIComponent(String(cell)).replaceAll("%40", "@"));
  const literal = isUrl(url) ? stringLiteral(url) : undefined;
  return literal && `HYPERLINK(${literal},${label})`;
}

/** A text that a formula can hold as it is, white space within included. */
function labelLiteral(text: string): string | undefined {
  return text.isWellFormed() && !UNSAFE.test(text) && text === text.trim()
    ? stringLiteral(text)
    : undefined;
}

/** A whole number of so few digits that Excel shows every one; it stays a number. */
function numberLiteral(cell: NonNullable<Cell>): string | undefined {
  if (typeof cell !== "number" && typeof cell !== "bigint") return undefined;
  const digits = String(cell);
  return /^-?\d{1,15}$/.test(digits) ? digits : undefined;
}

function stringLiteral(text: string): string | undefined {
  const literal = text.replaceAll('"', '""');
  return literal.length <= MAX_LITERAL_UNITS ? `"${literal}"` : undefined;
}

/** Whether a text is a URL that a spreadsheet may open, with nothing in it that readers read apart. */
function isUrl(text: string): boolean {
  return SCHEME.test(text) && !UNSAFE.test(text) && !/\s/.test(text) && text.isWellFormed() &&
    URL.canParse(text);
}

/** The web and mail. A file or a script of the reader's own computer is not a link's to open. */
const SCHEME = /^(?:https?:\/\/|mailto:)[^/?#]/i;

// Control characters, what XML cannot hold, and what some readers take for an escape of such a one
// (ECMA-376 part 1, 22.9.2.19) while others do not, in a formula.
// deno-lint-ignore no-control-regex -- they are what is looked for
const UNSAFE = /[\0-\x1f\x7f-\x9f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_/;
