/** Hides cells: a part of a text, all of it, or behind a hash that only equal cells share. */

import { createHmac } from "node:crypto";
import type { Cell } from "./table.ts";

/** How the cells of a column are hidden. */
export const MASKS = ["partial", "redact", "hash"] as const;

/** One of them. */
export type Mask = typeof MASKS[number];

/** Hides a cell: what comes out is text, or null. */
export type MaskCell = (cell: Cell) => string | null;

/** What stands for what is hidden; always as long, so that it tells no length. */
const HIDDEN = "***";

/** UTF-16 units that a text must have for its last ones to be shown; of a shorter one they tell too much. */
const MIN_LENGTH = 8;

/** UTF-16 units that are shown. */
const SHOWN = 4;

/** Hexadecimal digits of a hash: 128 bits, so that no two cells share one by chance. */
const HASH_DIGITS = 32;

/**
 * Makes what hides the cells of a column.
 *
 * | mask | `ann@example.com` | `4111111111111111` | `Ann` | null |
 * |---|---|---|---|---|
 * | partial | `a***@example.com` | `***1111` | `***` | null |
 * | redact | `***` | `***` | `***` | `***` |
 * | hash | 32 hexadecimal digits, the same for equal cells under one key | | | null |
 *
 * @param key what hashes are keyed with
 * @throws {Error} for a hash without a key, which could be guessed
 */
export function createMask(mask: Mask, key?: string): MaskCell {
  switch (mask) {
    case "redact":
      return () => HIDDEN;
    case "partial":
      return (cell) => cell === null ? null : partial(cell);
    case "hash":
      if (key === undefined) throw new Error("Cannot hash a column: there is no key");
      return (cell) => cell === null ? null : hash(cell, key);
  }
}

function partial(cell: NonNullable<Cell>): string {
  if (typeof cell !== "string" && typeof cell !== "number" && typeof cell !== "bigint") {
    return HIDDEN;
  }
  const text = String(cell);
  // One code point, as half of one is no text.
  const [, first, host] = /^(.)[^@]*(@[^@\s]+)$/su.exec(text) ?? [];
  if (first !== undefined && first !== "@") return `${first}${HIDDEN}${host}`;
  return text.length < MIN_LENGTH ? HIDDEN : HIDDEN + text.slice(-SHOWN).toWellFormed();
}

function hash(cell: NonNullable<Cell>, key: string): string {
  const bytes = cell instanceof Uint8Array ? cell : String(cell);
  return createHmac("sha256", key).update(bytes).digest("hex").slice(0, HASH_DIGITS);
}
