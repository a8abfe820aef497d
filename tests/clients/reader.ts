/** What the tests ask of a reader of workbooks, and how what it finds is compared. */

import assert from "node:assert/strict";
import type { Program } from "./programs.ts";

/** A value as a reader finds it: dates and times are serials, days since 1899-12-30. */
export type ReadValue = null | boolean | number | string;

/** What a reader finds: the name of a sheet, then each of its rows; then those of the next sheet. */
export type Found = string | readonly ReadValue[];

/** A value that a reader should find; a date or a time is one that it may keep to the millisecond. */
export type WantedValue = ReadValue | { readonly serial: number };

/** What a reader should find, in the same order. */
export type Wanted = string | readonly WantedValue[];

/** How a cell holds a text: in the sheet or in the table of strings (ECMA-376 part 1, 18.18.11). */
export type TextType = "inlineStr" | "s";

/** A way to read workbooks. */
export interface Reader {
  /** What it is called in the tests. */
  readonly name: string;
  /** The programs that it needs. */
  readonly programs: readonly Program[];
  /** Reads a file. */
  read(file: string): AsyncIterable<Found>;
  /** Whether what it found is what it should have. @default as {@linkcode sameValue} has it */
  agrees?(wanted: WantedValue, found: ReadValue): boolean;
  /**
   * What it makes of a text, where it is wrong about the files of other programs too, which
   * `misread_test.ts` proves. @default the text
   */
  misread?(text: string, type: TextType): string;
}

const MILLISECOND = 1 / 86_400_000;

/** Whether two values are the same, of one type and to the last digit. */
export function sameValue(wanted: WantedValue, found: ReadValue): boolean {
  if (wanted === null || typeof wanted !== "object") return wanted === found;
  return typeof found === "number" && Math.abs(found - wanted.serial) < MILLISECOND;
}

/** The most mistakes that are told of one file. */
const MAX_MISTAKES = 20;

/**
 * Compares every value that a reader finds with what it should find, row by row. A row may end with
 * nulls or without them.
 *
 * @throws {AssertionError} that tells the first mistakes, each with its place
 */
export async function assertFinds(
  { read, agrees = sameValue }: Pick<Reader, "read" | "agrees">,
  file: string,
  wanted: Iterable<Wanted>,
): Promise<void> {
  const mistakes: string[] = [];
  const rest = wanted[Symbol.iterator]();
  let sheet = "";
  let row = 0;
  for await (const found of read(file)) {
    const next = rest.next();
    const want = next.done ? undefined : next.value;
    if (typeof found === "string" || typeof want === "string" || want === undefined) {
      if (found !== want) mistakes.push(`${sheet}, row ${row + 1}: ${mistake(want, found)}`);
      if (found !== want || typeof found !== "string") break;
      sheet = found;
      row = 0;
      continue;
    }
    row++;
    for (let at = 0; at < want.length || at < found.length; at++) {
      const [value, cell] = [want[at] ?? null, found[at] ?? null];
      if (agrees(value, cell)) continue;
      mistakes.push(`${sheet}, row ${row}, column ${at + 1}: ${mistake(value, cell)}`);
    }
    if (mistakes.length >= MAX_MISTAKES) break;
  }
  if (mistakes.length === 0) {
    const next = rest.next();
    if (!next.done) mistakes.push(`${sheet}, row ${row + 1}: ${mistake(next.value, "the end")}`);
  }
  assert.deepEqual(mistakes, []);
}

function mistake(wanted: unknown, found: unknown): string {
  return `expected ${short(wanted)}, not ${short(found)}`;
}

function short(value: unknown): string {
  const json = JSON.stringify(value) ?? "nothing";
  return json.length <= 200 ? json : `${json.slice(0, 100)}… of ${json.length} characters`;
}
