/** Keeps text that repeats, to be written once: the part `xl/sharedStrings.xml` (ECMA-376 part 1, 18.4). */

import { createUtf8Chunk } from "../utf8_chunk.ts";
import { Warnings } from "../warnings.ts";
import { BLOCK_BYTES } from "./block_deflater.ts";
import type { Blocks } from "./deflate_blocks.ts";
import { textXml } from "./text_xml.ts";
import { XML_DECLARATION } from "./xml_text.ts";

/** Texts in the table. A reader keeps all of them in memory, and so does a run. */
const MAX_ENTRIES = 64 * 1024;

/** UTF-16 units of all of them: 8 MiB. */
const MAX_UNITS = 4 * 1024 * 1024;

/** Units of one: longer text seldom repeats, and takes long to look up. */
const MAX_TEXT_UNITS = 1024;

/** Cells of a column after which is decided whether it goes on: four batches. */
const TRIAL_CELLS = 1024;

/** How much there is room for. */
export interface SharedStringLimits {
  /** Texts. @default 64 Ki */
  readonly entries?: number;
  /** UTF-16 units of all of them. @default 4 Mi */
  readonly units?: number;
}

/** Gives the index of a cell's text in the table; nothing where the text is to stand in the cell. */
export type ShareText = (text: string) => number | undefined;

/** The table of a workbook's strings. */
export class SharedStrings {
  readonly #indexes = new Map<string, number>();
  readonly #maxEntries: number;
  readonly #maxUnits: number;
  #units = 0;
  #uses = 0;

  constructor({ entries = MAX_ENTRIES, units = MAX_UNITS }: SharedStringLimits = {}) {
    this.#maxEntries = entries;
    this.#maxUnits = units;
  }

  /** How many texts there are. */
  get size(): number {
    return this.#indexes.size;
  }

  /**
   * Makes the function that a column asks. It shares nothing more once fewer than half of some
   * {@linkcode TRIAL_CELLS} cells had text that was there already: a column of keys would fill the
   * table, and looking up each would be for nothing. Rows decide, and not batches: the same rows give
   * the same bytes.
   */
  column(): ShareText {
    let asked = 0;
    let found = 0;
    let repeats = true;
    return (text) => {
      if (!repeats || text.length > MAX_TEXT_UNITS) return undefined;
      const known = this.#indexes.get(text);
      if (known !== undefined) found++;
      if (++asked === TRIAL_CELLS) {
        repeats = found >= TRIAL_CELLS / 2;
        asked = found = 0;
      }
      const index = known ?? this.#add(text);
      if (index !== undefined) this.#uses++;
      return index;
    };
  }

  /** Adds a text where there is room, and where it can be written without a word of warning. */
  #add(text: string): number | undefined {
    const index = this.#indexes.size;
    if (index >= this.#maxEntries || this.#units + text.length > this.#maxUnits) return undefined;
    if (!text.isWellFormed() || text.includes("\ufffd")) return undefined;
    this.#indexes.set(text, index);
    this.#units += text.length;
    return index;
  }

  /** The part. */
  async *xml(): Blocks {
    const block = createUtf8Chunk(BLOCK_BYTES);
    const none = new Warnings();
    block.add(
      `${XML_DECLARATION}<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"` +
        ` count="${this.#uses}" uniqueCount="${this.size}">`,
    );
    for (const text of this.#indexes.keys()) {
      block.add(`<si>${textXml(text, "", none)}</si>`);
      if (block.bytes >= BLOCK_BYTES) yield block.take().bytes;
    }
    block.add("</sst>");
    yield block.take().bytes;
  }
}
