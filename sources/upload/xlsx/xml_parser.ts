/** Parses the XML of parts by saxes, in any encoding and with bounds: what its parts are made of is small. */

import { SaxesParser } from "saxes";
import { UploadError } from "../reader.ts";
import { quoted } from "../../quoted.ts";

/** Elements within elements; those of a workbook are some ten. */
const MAX_DEPTH = 256;

/** What is called for an element's start, its end, and the text between them. */
export interface XmlHandler {
  /**
   * An element starts.
   *
   * @param attributes by their names without a prefix; `relationship` is an `id` of that namespace
   */
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  /** An element ends. */
  close?(name: string): void;
  /** Text and CDATA, also between elements that have none. */
  text?(text: string): void;
}

/** A parser of one part. */
export interface XmlParser {
  /** Adds bytes. */
  write(bytes: Uint8Array): void;
  /** Says that no more come. */
  end(): void;
}

/** Characters of what saxes says is wrong, which has names of the part in it. */
const MAX_REASON = 100;

/** The end of the namespaces of relationships, of both kinds of OOXML. */
const RELATIONSHIPS = /\/relationships$/;

/**
 * Makes a parser.
 *
 * @param part its name, for errors
 * @param maxItem the bytes of a tag, of a text, of a comment
 * @throws {UploadError} from its functions, where the part is no XML or has a DTD
 */
export function createXmlParser(part: string, handler: XmlHandler, maxItem: number): XmlParser {
  const parser = new SaxesParser({ xmlns: true, position: false });
  let decoder: TextDecoder | undefined;
  let head: Uint8Array = new Uint8Array(0);
  let depth = 0;
  let unseen = 0;

  function fail(reason: string, cause?: unknown): never {
    throw new UploadError(`its part ${quoted(part)} ${reason}`, { cause });
  }

  parser.on("opentag", ({ local, attributes }) => {
    unseen = 0;
    if (++depth > MAX_DEPTH) fail(`has elements within more than ${MAX_DEPTH} others`);
    const own: Record<string, string> = {};
    for (const { local, uri, value } of Object.values(attributes)) {
      if (local === "id" && RELATIONSHIPS.test(uri)) own.relationship = value;
      else if (uri === "") own[local] = value;
    }
    handler.open?.(local, own);
  });
  parser.on("closetag", ({ local }) => {
    unseen = 0;
    depth--;
    handler.close?.(local);
  });
  parser.on("text", (text) => {
    unseen = 0;
    handler.text?.(text);
  });
  parser.on("cdata", (text) => {
    unseen = 0;
    handler.text?.(text);
  });
  parser.on("doctype", () => fail("has a DTD, which no workbook has"));
  parser.on("error", (error) => fail(`is no XML: ${error.message.slice(0, MAX_REASON)}`, error));

  function decode(bytes: Uint8Array | undefined): void {
    try {
      parser.write(bytes ? decoder!.decode(bytes, { stream: true }) : decoder!.decode());
    } catch (error) {
      if (error instanceof UploadError) throw error;
      if (error instanceof TypeError) fail("is not in the encoding that it says", error);
      throw error;
    }
    // What saxes keeps until its end comes: a tag or a text without one.
    unseen += bytes?.length ?? 0;
    if (unseen > maxItem) fail(`has a tag or a text of more than ${maxItem} bytes`);
  }

  /** Chooses the decoder, once the declaration is there. */
  function start(): void {
    const encoding = encodingOf(head);
    try {
      decoder = new TextDecoder(encoding, { fatal: true });
    } catch (cause) {
      fail(`is in the encoding ${quoted(encoding)}, which is not read`, cause);
    }
    decode(head);
  }

  return {
    write(bytes) {
      if (decoder) return decode(bytes);
      head = concatenated(head, bytes);
      if (head.length >= DECLARATION_BYTES) start();
    },
    end() {
      if (!decoder) start();
      decode(undefined);
      parser.close();
      if (depth > 0) fail("ends within an element");
    },
  };
}

/** Bytes in which a declaration ends. */
const DECLARATION_BYTES = 200;

/** The label of a part's encoding (XML 1.0, appendix F). */
export function encodingOf(head: Uint8Array): string {
  const [first, second] = head;
  if (first === 0xff && second === 0xfe || first === 0x3c && second === 0) return "utf-16le";
  if (first === 0xfe && second === 0xff || first === 0 && second === 0x3c) return "utf-16be";
  const text = new TextDecoder("latin1").decode(head.subarray(0, DECLARATION_BYTES));
  const [, label = "utf-8"] = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/
    .exec(text) ?? [];
  return label.toLowerCase();
}

/** Bytes, and others behind them. */
export function concatenated(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
