/** Reads the table of shared strings, which most cells of text are numbers of. */

import type { ReaderContext } from "../reader.ts";
import { GT, isNameEnd, LT, SLASH } from "./xml_bytes.ts";
import { type ItemReader, readItems } from "./xml_items.ts";
import type { PackageParts } from "./package_parts.ts";
import { createTextStore, type StoredText, type TextStore } from "./text_store.ts";
import { decodeText, encodeText } from "./xml_text.ts";
import type { XmlHandler } from "./xml_parser.ts";

/** The texts of a workbook by their numbers. */
export interface SharedStrings {
  /** How many there are. */
  readonly length: number;
  /**
   * One of them.
   *
   * @throws {XmlTextError} when its bytes are no text
   */
  text(index: number): string;
}

/** Strings that are kept as such; a number has one slot. */
const CACHE_SLOTS = 64 * 1024;

/** UTF-16 units of a string that is kept: all take 32 MiB at most. */
const CACHE_UNITS = 256;

/** Bytes of an item: a text has 32,767 characters, and its runs have fonts. */
const MAX_ITEM_BYTES = 4 * 1024 * 1024;

/** Reads the strings of a part; none where there is no part. */
export async function readSharedStrings(
  parts: PackageParts,
  part: string | undefined,
  { scratch, signal }: Pick<ReaderContext, "scratch" | "signal">,
): Promise<SharedStrings> {
  const store = createTextStore({ scratch });
  if (part !== undefined && parts.has(part)) {
    const reader = createStringReader(store);
    const content = untilAborted(parts.content(part), signal);
    for await (const _ of readItems(part, content, reader, MAX_ITEM_BYTES));
  }
  return cached(store);
}

/** Bytes, until the run is cancelled: all of them are read before the first row is. */
async function* untilAborted(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of content) {
    signal?.throwIfAborted();
    yield bytes;
  }
}

/** The strings of a store, of which those that were last looked up are kept. */
function cached(store: TextStore): SharedStrings {
  const slots = Math.min(CACHE_SLOTS, store.length);
  const texts = new Array<string>(slots).fill("");
  const numbers = new Int32Array(slots).fill(-1);
  return {
    length: store.length,
    text(index) {
      const slot = index % CACHE_SLOTS;
      if (numbers[slot] === index) return texts[slot]!;
      const { bytes, from, to } = store.at(index);
      const text = decodeText(bytes, from, to);
      if (text.length <= CACHE_UNITS) {
        texts[slot] = text;
        numbers[slot] = index;
      }
      return text;
    },
  };
}

function createStringReader(store: TextStore): ItemReader {
  return {
    container: "sst",
    item: "si",
    full: false,
    handler: createStringHandler(store),
    scan: (bytes, from, to, prefix) => scanStrings(store, bytes, from, to, prefix),
  };
}

/** Takes the strings from saxes. */
function createStringHandler(store: TextStore): XmlHandler {
  let text = "";
  let inText = false;
  let inPhonetic = false;
  return {
    open(element) {
      if (element === "si") text = "";
      else if (element === "rPh") inPhonetic = true;
      else if (element === "t") inText = !inPhonetic;
    },
    text(more) {
      if (inText) text += more;
    },
    close(element) {
      if (element === "t") inText = false;
      else if (element === "rPh") inPhonetic = false;
      else if (element === "si") {
        const bytes = encodeText(text);
        store.add([{ bytes, from: 0, to: bytes.length }]);
      }
    },
  };
}

const LOWER_I = 0x69;
const LOWER_R = 0x72;
const LOWER_S = 0x73;
const LOWER_T = 0x74;
const UPPER_P = 0x50;

/**
 * Takes the strings from bytes: `<si>`, in it `<t>` alone or in `<r>`, and not in `<rPh>`. All other elements are
 * passed over by their tags. The bytes end with what ends every loop.
 *
 * @returns where it stopped: at `to`, or at the start of what is no item
 */
export function scanStrings(
  store: TextStore,
  bytes: Uint8Array,
  from: number,
  to: number,
  prefix: number,
): number {
  const texts: StoredText[] = [];
  let at = from;
  let start = from;
  let inItem = false;
  let inPhonetic = false;
  for (;;) {
    while (bytes[at] !== LT) at++;
    if (at >= to) return inItem ? start : to;
    const isEnd = bytes[at + 1] === SLASH;
    const name = at + 1 + Number(isEnd) + prefix;
    const first = bytes[name]!;
    const second = bytes[name + 1]!;
    const tag = at;
    while (bytes[at] !== GT) at++;
    const isEmpty = bytes[at - 1] === SLASH;
    at++;
    if (at > to) return inItem ? start : tag;
    if (first === LOWER_S && second === LOWER_I && isNameEnd(bytes[name + 2]!)) {
      if (isEnd !== inItem) return inItem ? start : tag;
      if (isEnd || isEmpty) {
        store.add(texts);
        texts.length = 0;
        inItem = false;
      } else {
        inItem = true;
        start = tag;
        inPhonetic = false;
      }
    } else if (!inItem || !isLetter(first)) {
      return inItem ? start : tag;
    } else if (first === LOWER_T && isNameEnd(second)) {
      if (isEnd || isEmpty) continue;
      const text = at;
      while (bytes[at] !== LT) at++;
      if (at >= to || bytes[at + 1] !== SLASH) return start;
      if (!inPhonetic) texts.push({ bytes, from: text, to: at });
    } else if (first === LOWER_R && second === UPPER_P && isPhonetic(bytes, name)) {
      inPhonetic = !isEnd && !isEmpty;
    }
  }
}

function isPhonetic(bytes: Uint8Array, name: number): boolean {
  return bytes[name + 2] === 0x68 && isNameEnd(bytes[name + 3]!);
}

function isLetter(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a || byte >= 0x41 && byte <= 0x5a;
}
