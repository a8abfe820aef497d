/** What may be said of a file that is read: in a URL, on the command line, in the configuration. */

import { z } from "zod";
import { COLUMN_TYPES, type ColumnType } from "../../table/table.ts";
import { UPLOAD_FORMATS, type UploadFormat } from "./config.ts";
import type { ReadingOptions } from "./reader.ts";

/** The longest part of a bad value that a message repeats. */
const QUOTED_UNITS = 80;

function mustBe(expected: string) {
  return {
    error: ({ input }: { input?: unknown }) =>
      `must be ${expected}, not ${JSON.stringify(`${input}`.slice(0, QUOTED_UNITS))}`,
  };
}

/** A character between or around fields; line ends and quotes of their own would be no text any more. */
const ONE_ASCII = /^[\t\x20-\x7e]$/;

/** Words for characters that are hard to write in a URL or a shell. */
const CHARACTERS: Readonly<Record<string, string>> = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
  pipe: "|",
  space: " ",
  none: "",
};

function character(expected: string, allowed: (text: string) => boolean) {
  return z.string().transform((text) => CHARACTERS[text] ?? text).refine(allowed, {
    error: `must be ${expected}`,
  });
}

/** `B3:F100`, `B:F`, `3:100`. */
const RANGE =
  /^(?:[A-Z]{1,3}[1-9]\d{0,6}(?::[A-Z]{1,3}[1-9]\d{0,6})?|[A-Z]{1,3}:[A-Z]{1,3}|[1-9]\d{0,6}:[1-9]\d{0,6})$/i;

/** The params of a conversion, by name: each from text. */
export const READING_OPTIONS = {
  format: z.enum(UPLOAD_FORMATS, mustBe(`one of ${UPLOAD_FORMATS.join(", ")}`)).meta({
    description: "what the file is, where its content shall not tell",
    examples: ["csv"],
  }),
  header: z.enum(["true", "false"], mustBe("true or false")).transform((text) => text === "true")
    .meta({ description: "whether the first row names the columns", examples: ["false"] }),
  separator: character(
    "one ASCII character, or comma, semicolon, tab, pipe, space",
    (text) => ONE_ASCII.test(text) && text !== '"',
  ).meta({ description: "what stands between two fields of text", examples: ["semicolon"] }),
  quote: character(
    "one ASCII character, or none",
    (text) => text === "" || ONE_ASCII.test(text),
  ).meta({ description: "what stands around fields of text", examples: ["none"] }),
  encoding: z.string().refine(isLabel, mustBe("an encoding such as utf-8, euc-kr, windows-1252"))
    .meta({ description: "the encoding of text", examples: ["euc-kr"] }),
  sheet: z.string().min(1, { error: "must not be empty" })
    .meta({ description: "the sheet of a workbook, by its name or its number", examples: ["2"] }),
  range: z.string().regex(RANGE, mustBe("a range such as B3:F100 or B:F"))
    .transform((text) => text.toUpperCase())
    .meta({ description: "the cells of a sheet that are read", examples: ["B3:F100"] }),
};

/** What they give. */
export interface ReadingValues extends ReadingOptions {
  /** What the file is. */
  readonly format?: UploadFormat;
}

/** Encodings that are read; none that is not ASCII in its first half, as separators are. */
function isLabel(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== "replacement";
  } catch {
    return false;
  }
}

/** Bytes beside each byte of a packed file, and of any, for what is unpacked of it and does not fit into memory. */
const SCRATCH_RATIO = 8;
const MIN_SCRATCH_BYTES = 64 * 1024;

/**
 * Bytes that what is unpacked of a file may take on the disk; none where it is not packed, as a workbook is.
 *
 * @param begin its first bytes
 */
export function scratchBytes(begin: Uint8Array, size: number): number {
  const packed = begin[0] === 0x50 && begin[1] === 0x4b || begin[0] === 0x1f && begin[1] === 0x8b ||
    begin[0] === 0x28 && begin[1] === 0xb5;
  return packed ? SCRATCH_RATIO * size + MIN_SCRATCH_BYTES : 0;
}

/**
 * Reads `amount:decimal,when:datetime`: the types of columns, by name. A name may hold a colon, and a comma where
 * it is percent-encoded.
 *
 * @throws {Error} with what is wrong with it
 */
export function parseTypes(text: string): Readonly<Record<string, ColumnType>> {
  const types: Record<string, ColumnType> = Object.create(null);
  for (const item of text.split(",")) {
    const colon = item.lastIndexOf(":");
    const name = decode(item.slice(0, Math.max(0, colon)));
    const type = COLUMN_TYPES.find((known) => known === item.slice(colon + 1));
    if (name === "" || type === undefined) {
      throw new Error(
        `must be names and types such as amount:decimal,when:datetime, with types of ${
          COLUMN_TYPES.join(", ")
        }`,
      );
    }
    if (Object.hasOwn(types, name)) throw new Error(`names ${JSON.stringify(name)} more than once`);
    types[name] = type;
  }
  return types;
}

function decode(name: string): string {
  return name.replaceAll(/%2c/gi, ",").replaceAll(/%3a/gi, ":").replaceAll(/%25/g, "%");
}
