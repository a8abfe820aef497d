/**
 * Reads the items of a large part, such as the rows of a sheet: bytes go to a scanner as long as it takes them,
 * and from then on, as what comes before the first item and behind the last, to saxes.
 */

import { UploadError } from "../reader.ts";
import { quoted } from "../../quoted.ts";
import { createXmlParser, encodingOf, type XmlHandler } from "./xml_parser.ts";
import { GT, isNameEnd, LT, SLASH, SPACE } from "./xml_bytes.ts";

/** What reads a part. */
export interface ItemReader {
  /** The element that holds the items. */
  readonly container: string;
  /** The element of an item. */
  readonly item: string;
  /** Whether what was read is to be taken before more is. */
  readonly full: boolean;
  /** Takes what the scanner does not, from the start of an item on. */
  readonly handler: XmlHandler;
  /**
   * Takes whole items. The bytes behind `to` end with {@linkcode SENTINEL}, so that a loop to the next byte of a
   * kind needs no bound.
   *
   * @param prefix bytes of the prefix of all names, with its colon
   * @returns where it stopped: at `to`; behind an item, when it is full; else at what it does not take
   */
  scan(bytes: Uint8Array, from: number, to: number, prefix: number): number;
}

/** Every byte that a scanner looks for, and again behind the longest prefix. */
const SENTINEL = new TextEncoder().encode(`="'/></>`.repeat(16));

/** Bytes of a prefix with its colon. */
const MAX_PREFIX = 64;

/** Bytes that saxes is given at a time, so that what is made of them is not much. */
const PIECE_BYTES = 4 * 1024;

const COLON = 0x3a;

/** Encodings in which a byte of ASCII is one. */
const BYTE_ENCODINGS: readonly string[] = ["utf-8", "utf8", "us-ascii", "ascii"];

/**
 * Reads a part to its end, and gives turns: when the reader is full, and at times when it is not.
 *
 * @param maxItem the bytes of an item
 * @throws {UploadError} where the part is no XML, or has a larger item
 */
export async function* readItems(
  part: string,
  content: AsyncIterable<Uint8Array>,
  reader: ItemReader,
  maxItem: number,
): AsyncGenerator<void> {
  const parser = createXmlParser(part, reader.handler, maxItem);
  let state: "head" | "items" | "rest" = "head";
  let buffer = new Uint8Array(64 * 1024);
  let length = 0;
  /** Where what was not read yet starts. */
  let start = 0;
  let prefix = 0;

  function append(bytes: Uint8Array): void {
    if (start > 0) buffer.copyWithin(0, start, length);
    length -= start;
    start = 0;
    if (length > maxItem) {
      throw new UploadError(
        `its part ${quoted(part)} has a ${reader.item} of more than ${maxItem} bytes`,
      );
    }
    const needed = length + bytes.length + SENTINEL.length;
    if (needed > buffer.length) {
      const larger = new Uint8Array(Math.max(needed, buffer.length * 2));
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(bytes, length);
    length += bytes.length;
    buffer.set(SENTINEL, length);
  }

  function* parse(bytes: Uint8Array): Generator<void> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      parser.write(bytes.subarray(at, at + PIECE_BYTES));
      if (reader.full) yield;
    }
  }

  /** Reads the items that are whole. Gives whether what follows them is for saxes. */
  function* scan(searched: number): Generator<void, boolean> {
    const to = lastBoundary(buffer, Math.max(start, searched), length, prefix, reader.item);
    while (start < to) {
      start = reader.scan(buffer, start, to, prefix);
      if (reader.full) yield;
      else if (start < to) return true;
    }
    return isOther(buffer, start, length, prefix, reader.item);
  }

  for await (const bytes of content) {
    if (state === "rest") {
      yield* parse(bytes);
      continue;
    }
    let searched = length - start - reader.item.length - prefix - 2;
    append(bytes);
    let isRest = false;
    if (state === "head") {
      const found = findContainer(buffer, length, reader.container);
      if (found === undefined && length <= maxItem) continue;
      isRest = found === undefined || found === "other";
      if (typeof found === "object") {
        state = "items";
        prefix = found.prefix;
        searched = start = found.end;
        parser.write(buffer.subarray(0, start));
      }
    }
    if (!isRest) isRest = yield* scan(searched);
    if (!isRest) continue;
    state = "rest";
    yield* parse(buffer.subarray(start, length));
  }
  if (state !== "rest") yield* parse(buffer.subarray(start, length));
  parser.end();
}

/**
 * Finds the tag behind which items come. A comment, CDATA or a DTD before it, another encoding or an empty
 * container are `"other"`; undefined where more bytes are needed.
 */
function findContainer(
  bytes: Uint8Array,
  length: number,
  container: string,
): { readonly end: number; readonly prefix: number } | "other" | undefined {
  if (!BYTE_ENCODINGS.includes(encodingOf(bytes.subarray(0, length)))) return "other";
  for (let at = bytes.indexOf(LT); at >= 0 && at < length; at = bytes.indexOf(LT, at + 1)) {
    if (bytes[at + 1] === 0x21) return "other";
    let end = at + 1;
    let local = end;
    while (end < length && !isNameEnd(bytes[end]!)) {
      if (bytes[end++] === COLON) local = end;
    }
    if (end - local !== container.length || !hasName(bytes, local, container)) continue;
    const close = bytes.indexOf(GT, end);
    if (close < 0 || close >= length) return undefined;
    const prefix = local - at - 1;
    if (bytes[close - 1] === SLASH || prefix > MAX_PREFIX) return "other";
    return { end: close + 1, prefix };
  }
  return undefined;
}

function hasName(bytes: Uint8Array, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (bytes[at + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** The last start of an item, or the end of one behind it; 0 where there is none. */
function lastBoundary(
  bytes: Uint8Array,
  from: number,
  to: number,
  prefix: number,
  item: string,
): number {
  for (let at = to - 1; at >= from; at--) {
    if (bytes[at] !== LT) continue;
    const isEnd = bytes[at + 1] === SLASH;
    const name = at + 1 + Number(isEnd) + prefix;
    const end = name + item.length;
    if (end >= to || !hasName(bytes, name, item) || !isNameEnd(bytes[end]!)) continue;
    if (!isEnd) return at;
    const close = bytes.indexOf(GT, end);
    if (close < to) return close + 1;
  }
  return 0;
}

/** Whether what comes next is surely no item, but the end of their container or a comment. */
function isOther(
  bytes: Uint8Array,
  from: number,
  to: number,
  prefix: number,
  item: string,
): boolean {
  let at = from;
  while (at < to && bytes[at]! <= SPACE) at++;
  const name = at + 1 + prefix;
  return name + item.length <= to && (bytes[at] !== LT || !hasName(bytes, name, item));
}
