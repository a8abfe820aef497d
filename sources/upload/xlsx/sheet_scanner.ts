/** Takes the rows of a sheet from bytes: what it does not know, it leaves to saxes. */

import { DOUBLE_DIGITS, SAFE_DIGITS } from "./numbers.ts";
import { MAX_COLUMNS } from "./references.ts";
import { setValue } from "./sheet_handler.ts";
import type { SheetRows } from "./sheet_rows.ts";
import { APOSTROPHE, EQUALS, GT, isNameEnd, LT, QUOTE, SLASH, SPACE } from "./xml_bytes.ts";
import { decodeText } from "./xml_text.ts";

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const UPPER_P = 0x50;
const LOWER_C = 0x63;
const LOWER_F = 0x66;
const LOWER_H = 0x68;
const LOWER_I = 0x69;
const LOWER_N = 0x6e;
const LOWER_O = 0x6f;
const LOWER_R = 0x72;
const LOWER_S = 0x73;
const LOWER_T = 0x74;
const LOWER_V = 0x76;
const LOWER_W = 0x77;

/** What a scan found that it does not take. */
const UNKNOWN = -1;

/** Powers of ten that a double is: a whole number of 15 digits by one of them is rounded once, as by `Number`. */
const POWERS = Array.from({ length: 16 }, (_, power) => 10 ** power);

/** A scanner of rows, as `ItemReader.scan` is. */
export type RowScanner = (
  bytes: Uint8Array,
  from: number,
  to: number,
  prefix: number,
) => number;

/** Makes the scanner of a sheet. */
export function createRowScanner(rows: SheetRows): RowScanner {
  let bytes: Uint8Array = new Uint8Array(0);
  let to = 0;
  let prefix = 0;

  /** The value of an attribute, and the end of its name. */
  let valueStart = 0;
  let valueEnd = 0;

  /** Reads an attribute; gives where the next one or the end of the tag starts. */
  function scanAttribute(at: number): number {
    while (bytes[at] !== EQUALS) at++;
    let quote = bytes[++at]!;
    while (quote <= SPACE) quote = bytes[++at]!;
    if (quote !== QUOTE && quote !== APOSTROPHE) return UNKNOWN;
    valueStart = ++at;
    while (bytes[at] !== quote) at++;
    valueEnd = at;
    return at + 1;
  }

  /** A whole number that an attribute is; -1 where it is none. */
  function wholeNumber(): number {
    let number = 0;
    for (let at = valueStart; at < valueEnd; at++) {
      const byte = bytes[at]!;
      if (byte < ZERO || byte > NINE) return UNKNOWN;
      number = number * 10 + byte - ZERO;
    }
    return valueEnd === valueStart || valueEnd - valueStart > 7 ? UNKNOWN : number;
  }

  function isTrue(): boolean {
    return bytes[valueStart] === 0x31 || bytes[valueStart] === LOWER_T;
  }

  function isRow(name: number): boolean {
    return bytes[name] === LOWER_R && bytes[name + 1] === LOWER_O && bytes[name + 2] === LOWER_W &&
      isNameEnd(bytes[name + 3]!);
  }

  /** A row, from behind its name. */
  function scanRow(at: number): number {
    let number = 0;
    let hidden = false;
    for (;;) {
      const byte = bytes[at]!;
      if (byte <= SPACE) {
        at++;
      } else if (byte === GT) {
        at++;
        break;
      } else if (byte === SLASH) {
        if (bytes[at + 1] !== GT || at + 2 > to) return UNKNOWN;
        rows.startRow(number, hidden);
        rows.endRow();
        return at + 2;
      } else {
        const isNumber = byte === LOWER_R && isNameEnd(bytes[at + 1]!);
        const isHidden = byte === LOWER_H && bytes[at + 1] === LOWER_I;
        at = scanAttribute(at);
        if (at < 0 || at > to) return UNKNOWN;
        if (isNumber) {
          number = wholeNumber();
          if (number <= 0) return UNKNOWN;
        } else if (isHidden) hidden = isTrue();
      }
    }
    rows.startRow(number, hidden);
    for (;;) {
      while (bytes[at] !== LT) at++;
      if (at >= to) return UNKNOWN;
      const name = at + 1 + prefix;
      if (bytes[name] === LOWER_C && isNameEnd(bytes[name + 1]!)) {
        at = scanCell(name + 1);
        if (at < 0) return UNKNOWN;
      } else if (bytes[at + 1] === SLASH && isRow(name + 1)) {
        while (bytes[at] !== GT) at++;
        if (++at > to) return UNKNOWN;
        rows.endRow();
        return at;
      } else return UNKNOWN;
    }
  }

  /** The column that a reference says; 0 where it is no cell of the row. */
  function columnOf(): number {
    let column = 0;
    let at = valueStart;
    let byte = bytes[at]!;
    while (byte >= UPPER_A && byte <= UPPER_Z) {
      column = column * 26 + byte - UPPER_A + 1;
      byte = bytes[++at]!;
    }
    if (at - valueStart > 3 || column > MAX_COLUMNS) return 0;
    valueStart = at;
    return wholeNumber() === rows.row ? column : 0;
  }

  /** A cell, from behind its name. */
  function scanCell(at: number): number {
    let column = 0;
    let style = 0;
    let type = LOWER_N;
    for (;;) {
      const byte = bytes[at]!;
      if (byte <= SPACE) {
        at++;
      } else if (byte === GT) {
        at++;
        break;
      } else if (byte === SLASH) {
        if (bytes[at + 1] !== GT || at + 2 > to) return UNKNOWN;
        rows.startCell(column);
        return at + 2;
      } else {
        const isKnown = isNameEnd(bytes[at + 1]!);
        at = scanAttribute(at);
        if (at < 0 || at > to) return UNKNOWN;
        if (!isKnown) continue;
        if (byte === LOWER_R) {
          column = columnOf();
          if (column === 0) return UNKNOWN;
        } else if (byte === LOWER_S) {
          style = wholeNumber();
          if (style < 0) return UNKNOWN;
        } else if (byte === LOWER_T) {
          type = typeOf();
          if (type < 0) return UNKNOWN;
        }
      }
    }
    return scanValue(at, rows.startCell(column), style, type);
  }

  /** What `t` says, by its first letter; a formula's text is `f`. */
  function typeOf(): number {
    const length = valueEnd - valueStart;
    const first = bytes[valueStart]!;
    if (length === 1) return first;
    if (length === 3 && first === LOWER_S) return LOWER_F;
    return length === 9 && first === LOWER_I ? LOWER_I : UNKNOWN;
  }

  /** What is in a cell, and its end tag. */
  function scanValue(at: number, isWanted: boolean, style: number, type: number): number {
    let from = -1;
    let end = -1;
    let hasFormula = false;
    let inline: string | undefined;
    for (;;) {
      while (bytes[at] !== LT) at++;
      if (at >= to) return UNKNOWN;
      const name = at + 1 + prefix;
      const first = bytes[name]!;
      if (bytes[at + 1] === SLASH && bytes[name + 1] === LOWER_C && isNameEnd(bytes[name + 2]!)) {
        at = name + 2;
        while (bytes[at] !== GT) at++;
        if (++at > to) return UNKNOWN;
        break;
      }
      if ((first === LOWER_V || first === LOWER_F) && isNameEnd(bytes[name + 1]!)) {
        const isValue = first === LOWER_V;
        at = name + 1;
        while (bytes[at] !== GT) at++;
        const start = at + 1;
        if (bytes[at - 1] === SLASH) at++;
        else {
          while (bytes[at] !== LT) at++;
          if (at >= to || bytes[at + 1] !== SLASH) return UNKNOWN;
        }
        if (isValue) {
          from = start;
          end = Math.max(start, at);
        } else hasFormula = true;
        if (bytes[at] === LT) { while (bytes[at] !== GT) at++; }
      } else if (first === LOWER_I && bytes[name + 1] === LOWER_S && isNameEnd(bytes[name + 2]!)) {
        at = scanInline(name + 2, isWanted);
        if (at < 0) return UNKNOWN;
        inline = inlineText;
      } else return UNKNOWN;
    }
    if (!isWanted) return at;
    if (from < 0) {
      if (hasFormula) rows.setUnknown();
      else if (inline !== undefined) rows.setText(inline);
      return at;
    }
    if (type === LOWER_N) setNumber(from, end, style, hasFormula);
    else if (type === LOWER_S && end > from && end - from < 10) setShared(from, end);
    else setOther(type, from, end, hasFormula);
    return at;
  }

  function setNumber(from: number, end: number, style: number, hasFormula: boolean): void {
    let at = from;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const first = at;
    let number = 0;
    let byte = bytes[at]!;
    while (byte >= ZERO && byte <= NINE) {
      number = number * 10 + byte - ZERO;
      byte = bytes[++at]!;
    }
    let decimals = 0;
    let digits = at - first;
    if (byte === POINT) {
      const point = at;
      byte = bytes[++at]!;
      while (byte >= ZERO && byte <= NINE) {
        number = number * 10 + byte - ZERO;
        byte = bytes[++at]!;
      }
      decimals = at - point - 1;
      digits += decimals;
    }
    if (at !== end || digits === 0 || digits > (decimals > 0 ? DOUBLE_DIGITS : SAFE_DIGITS)) {
      return setValue(rows, "n", style, decodeBytes(from, end), hasFormula);
    }
    if (digits > SAFE_DIGITS) return rows.setNumber(Number(decodeBytes(from, end)), style);
    if (decimals > 0) number /= POWERS[decimals]!;
    rows.setNumber(isNegative && number !== 0 ? -number : number, style);
  }

  function setShared(from: number, end: number): void {
    let index = 0;
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (byte < ZERO || byte > NINE) return setOther(LOWER_S, from, end, false);
      index = index * 10 + byte - ZERO;
    }
    rows.setShared(index);
  }

  function setOther(type: number, from: number, end: number, hasFormula: boolean): void {
    const text = decodeBytes(from, end);
    // It has no escapes any more.
    if (type === LOWER_F || type === LOWER_I) return rows.setText(text);
    setValue(rows, String.fromCharCode(type), 0, text, hasFormula);
  }

  function decodeBytes(from: number, end: number): string {
    try {
      return decodeText(bytes, from, end);
    } catch (error) {
      throw rows.textError(error);
    }
  }

  let inlineText = "";

  /** An inline string, from behind its name: the text of each `t` that is not phonetic. */
  function scanInline(at: number, isWanted: boolean): number {
    inlineText = "";
    while (bytes[at] !== GT) at++;
    if (bytes[at - 1] === SLASH) return at + 1;
    let inPhonetic = false;
    for (;;) {
      while (bytes[at] !== LT) at++;
      if (at >= to) return UNKNOWN;
      const isEnd = bytes[at + 1] === SLASH;
      const name = at + 1 + prefix + (isEnd ? 1 : 0);
      const first = bytes[name]!;
      const second = bytes[name + 1]!;
      at = name;
      while (bytes[at] !== GT) at++;
      const isEmpty = bytes[at - 1] === SLASH;
      at++;
      if (isEnd) {
        if (first === LOWER_I && second === LOWER_S) return at;
        if (first === LOWER_R && second === UPPER_P && bytes[name + 2] === LOWER_H) {
          inPhonetic = false;
        }
      } else if (first === LOWER_T && isNameEnd(second)) {
        if (isEmpty) continue;
        const from = at;
        while (bytes[at] !== LT) at++;
        if (at >= to || bytes[at + 1] !== SLASH) return UNKNOWN;
        if (!inPhonetic && isWanted) {
          const text = decodeBytes(from, at);
          inlineText = inlineText === "" ? text : inlineText + text;
        }
      } else if (first === LOWER_R && second === UPPER_P && bytes[name + 2] === LOWER_H) {
        inPhonetic = !isEmpty;
      } else if (first < UPPER_A) return UNKNOWN;
    }
  }

  return (source, from, end, prefixBytes) => {
    bytes = source;
    to = end;
    prefix = prefixBytes;
    let at = from;
    for (;;) {
      while (bytes[at] !== LT) at++;
      if (at >= to) return to;
      const start = at;
      if (!isRow(at + 1 + prefix)) return start;
      at = scanRow(at + 4 + prefix);
      if (at < 0) {
        rows.dropRow();
        return start;
      }
      if (rows.full) return at;
    }
  };
}
