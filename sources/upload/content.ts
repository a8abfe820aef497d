/** Finds out what an uploaded file is: its format, below what packs it. */

import { isJson } from "../../table/is_json.ts";
import { type ByteReader, decode, fileCoding, readFile } from "./byte_reader.ts";
import type { UploadFormat } from "./config.ts";
import { findEncoding } from "./encoding.ts";
import { type ScratchFile, UploadError, type UploadFile } from "./reader.ts";
import { toUtf8 } from "./utf8_text.ts";
import { readContent } from "./xlsx/zip_content.ts";
import { readDirectory, type ZipDirectory, type ZipEntry } from "./xlsx/zip_directory.ts";

/** What a file is. */
export type UploadContent =
  /** Text, and how to begin to read it anew. */
  | { readonly format: Exclude<UploadFormat, "xlsx">; readonly open: () => ByteReader }
  /** A workbook. */
  | { readonly format: "xlsx"; readonly file: UploadFile };

/** What is known of a file besides its bytes. */
export interface ContentOptions {
  /** What its sender says that it is. @default it is found out */
  readonly format?: UploadFormat | undefined;
  /** Where a workbook is unpacked that is in another file. @default it is not read then */
  readonly scratch?: (() => ScratchFile) | undefined;
  /** Ends its unpacking. @default nothing does */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of text that tell CSV from JSON. */
const BEGIN_BYTES = 64 * 1024;

/** Files that are sent by mistake, by how they begin. */
const OTHER_KINDS: readonly (readonly [begin: string, kind: string])[] = [
  ["%PDF-", "a PDF"],
  ["\x89PNG", "a picture"],
  ["\xff\xd8\xff", "a picture"],
  ["GIF8", "a picture"],
  ["PAR1", "a Parquet file"],
  ["SQLite format 3", "an SQLite database"],
  ["{\\rtf", "a document (RTF)"],
  ["7z\xbc\xaf", "a 7z archive"],
  ["Rar!", "a RAR archive"],
];

const NAMES: Readonly<Record<UploadFormat, string>> = {
  csv: "CSV",
  tsv: "TSV",
  ndjson: "NDJSON",
  json: "JSON",
  xlsx: "an XLSX workbook",
};

/**
 * Finds out what a file is.
 *
 * @throws {UploadError} where it is not what its sender says, or nothing that is read
 */
export async function findContent(
  file: UploadFile,
  options: ContentOptions = {},
): Promise<UploadContent> {
  if (file.size === 0) throw new UploadError("it is empty");
  const head = new Uint8Array(16);
  file.readAt(0, head);
  const coding = fileCoding(head);
  if (coding) return await findPacked(() => decode(readFile(file), coding), options);
  if (isZip(head)) return await findInZip(file, options);
  if (isCompound(head)) return workbook(file, options);
  return await findText(() => readFile(file), options);
}

const isZip = (head: Uint8Array) => head[0] === 0x50 && head[1] === 0x4b && head[2]! < 9;
const isCompound = (head: Uint8Array) => head[0] === 0xd0 && head[1] === 0xcf && head[2] === 0x11;

function workbook(file: UploadFile, { format }: ContentOptions): UploadContent {
  if (format === undefined || format === "xlsx") return { format: "xlsx", file };
  throw new UploadError(`it is said to be ${NAMES[format]}, and is a workbook`);
}

async function findInZip(file: UploadFile, options: ContentOptions): Promise<UploadContent> {
  const directory = readDirectory(file);
  if (isPackage(directory)) return workbook(file, options);
  if (directory.has("mimetype")) {
    throw new UploadError("it is an OpenDocument file (ODS); XLSX is read", { kind: "type" });
  }
  const entry = onlyEntry(directory);
  return await findPacked(() => toByteReader(readContent(file, entry)), options);
}

/** Whether a ZIP is a package (ECMA-376 part 2, 7.3), as a workbook is one. */
function isPackage(directory: ZipDirectory): boolean {
  return directory.has("[content_types].xml") || directory.has("_rels/.rels");
}

/** The only file of a ZIP, besides what macOS puts beside it. */
function onlyEntry(directory: ZipDirectory): ZipEntry {
  const entries = [...directory.values()].filter(({ name }) =>
    !name.endsWith("/") && !name.startsWith("__MACOSX/") && !name.endsWith(".DS_Store")
  );
  if (entries.length === 1) return entries[0]!;
  throw new UploadError(`it is a ZIP of ${entries.length} files, and one is read`);
}

function toByteReader(bytes: AsyncGenerator<Uint8Array>): ByteReader {
  return {
    read: async () => (await bytes.next()).value ?? undefined,
    close: async () => void await bytes.return(undefined),
  };
}

/** What is packed in the file: text, or a workbook, which is unpacked as it is read from several places. */
async function findPacked(
  open: () => ByteReader,
  options: ContentOptions,
): Promise<UploadContent> {
  const head = await readBegin(open(), 16);
  if (fileCoding(head)) throw new UploadError("it is packed more than once");
  if (!isZip(head)) return await findText(open, options);
  if (!options.scratch) {
    throw new UploadError("a workbook that is packed once more is not read here");
  }
  const file = options.scratch();
  const content = open();
  try {
    for (let piece; (piece = await content.read()) !== undefined;) {
      options.signal?.throwIfAborted();
      file.append(piece);
    }
  } finally {
    await content.close();
  }
  if (isPackage(readDirectory(file))) return workbook(file, options);
  throw new UploadError("it is packed more than once");
}

async function readBegin(content: ByteReader, bytes: number): Promise<Uint8Array> {
  const begin = new Uint8Array(bytes);
  let filled = 0;
  try {
    while (filled < bytes) {
      const piece = await content.read();
      if (piece === undefined) break;
      const part = piece.subarray(0, bytes - filled);
      begin.set(part, filled);
      filled += part.length;
    }
  } finally {
    await content.close();
  }
  return begin.subarray(0, filled);
}

async function findText(
  open: () => ByteReader,
  { format }: ContentOptions,
): Promise<UploadContent> {
  const head = String.fromCharCode(...await readBegin(open(), 16));
  const other = OTHER_KINDS.find(([begin]) => head.startsWith(begin));
  if (other) throw new UploadError(`it is ${other[1]}`, { kind: "type" });
  const label = await findEncoding(open, () => {});
  const begin = new TextDecoder().decode(
    await readBegin(toUtf8(open(), label, () => {}), BEGIN_BYTES),
  ).trimStart();
  if (/^<(?:!|\?|[a-z])/i.test(begin)) {
    throw new UploadError("it is HTML or XML, also where it is called XLS", { kind: "type" });
  }
  if (format === "xlsx") throw new UploadError("it is said to be an XLSX workbook, and is text");
  return { format: format ?? textFormat(begin), open };
}

function textFormat(begin: string): Exclude<UploadFormat, "xlsx"> {
  if (/^\{\s*["}]/.test(begin)) return "ndjson";
  if (!/^\[\s*[[{\]"]/.test(begin)) return "csv";
  // An array in a line of its own, and another line below it.
  const [line = "", next] = begin.split(/\r?\n/);
  return next !== undefined && next.trim() !== "" && isJson(line) ? "ndjson" : "json";
}
