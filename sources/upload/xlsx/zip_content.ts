/** Inflates an entry of a ZIP file on a disk, piece by piece, and checks what comes of it. */

import { Buffer } from "node:buffer";
import { pipeline, Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { UploadError, type UploadFile } from "../reader.ts";
import { quoted } from "../../quoted.ts";
import { type InflatedPiece, inflateInThread, ThreadError } from "./inflate_helper.ts";
import { readExactly, type ZipEntry } from "./zip_directory.ts";

/** Bytes that are read from the file at a time. */
const INPUT_BYTES = 64 * 1024;

/** Bytes that are inflated at a time: 2.3 GB/s, which smaller pieces do not reach. */
const CONTENT_BYTES = 256 * 1024;

/** The fewest that zlib makes at a time. */
const MIN_CONTENT_BYTES = 64;

/**
 * The smallest content that is worth a thread, whose start takes 25 ms of this core: inflating it takes 55
 * (docs/design.md, "How a file is read").
 */
const MIN_THREAD_BYTES = 32 * 1024 * 1024;

const LOCAL_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;

const STORED = 0;
const DEFLATED = 8;

/** How the content of an entry is read. */
export interface ContentOptions {
  /** Whether a thread may inflate a large one. @default false */
  readonly inThread?: boolean;
  /** What that runs, for tests. @default the thread that inflates */
  readonly thread?: URL;
}

/**
 * The content of an entry. It is read as it is asked for, and never more of it than the directory says.
 *
 * @throws {UploadError} where it is not what the directory says
 * @throws {ThreadError} where a thread breaks in the middle of it
 */
export async function* readContent(
  file: UploadFile,
  entry: ZipEntry,
  options: ContentOptions = {},
): AsyncGenerator<Uint8Array> {
  const name = quoted(entry.name);
  const start = contentStart(file, entry);
  let size = 0;
  let crc = 0;
  for await (const piece of decompress(file, entry, start, options)) {
    size += piece.bytes.length;
    if (size > entry.size) break;
    crc = piece.crc;
    yield piece.bytes;
  }
  if (size > entry.size) throw new UploadError(`its entry ${name} is larger than it says`);
  if (size < entry.size) throw new UploadError(`its entry ${name} is smaller than it says`);
  if (crc !== entry.crc) {
    throw new UploadError(`its entry ${name} is damaged: its checksum is another one`);
  }
}

/** Where the content starts: behind the local header, whose own sizes are often zeros (APPNOTE 4.4.4). */
function contentStart(file: UploadFile, entry: ZipEntry): number {
  const header = Buffer.from(readExactly(file, entry.offset, LOCAL_BYTES).buffer);
  const start = entry.offset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (header.readUInt32LE(0) !== LOCAL_SIGNATURE || start + entry.compressedSize > entry.end) {
    throw new UploadError(`its entry ${quoted(entry.name)} is not where it should be`);
  }
  return start;
}

function decompress(
  file: UploadFile,
  { name, method, size, compressedSize }: ZipEntry,
  start: number,
  { inThread = false, thread }: ContentOptions,
): AsyncIterable<InflatedPiece> {
  const input = () => blocks(file, start, compressedSize);
  if (method === STORED) return withChecksum(input());
  if (method !== DEFLATED) {
    throw new UploadError(
      `its entry ${quoted(name)} is compressed by method ${method}, which is not read`,
    );
  }
  const pieceBytes = Math.max(MIN_CONTENT_BYTES, Math.min(size, CONTENT_BYTES));
  const here = () => withChecksum(inflate(input(), pieceBytes));
  const inflated = inThread && size >= MIN_THREAD_BYTES
    ? orElse(inflateInThread(input(), pieceBytes, thread), here)
    : here();
  return refusing(inflated, name);
}

/** What a thread gives; where it breaks before it has given anything, what this one does. */
async function* orElse(
  given: AsyncIterable<InflatedPiece>,
  here: () => AsyncIterable<InflatedPiece>,
): AsyncGenerator<InflatedPiece> {
  let begun = false;
  try {
    for await (const piece of given) {
      begun = true;
      yield piece;
    }
  } catch (error) {
    if (begun || !(error instanceof ThreadError)) throw error;
    yield* here();
  }
}

async function* inflate(
  input: Iterable<Uint8Array>,
  chunkSize: number,
): AsyncGenerator<Uint8Array> {
  const inflater = createInflateRaw({ chunkSize });
  // Its errors are the iteration's.
  pipeline(Readable.from(input, { objectMode: true, highWaterMark: 1 }), inflater, () => {});
  yield* inflater;
}

async function* withChecksum(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<InflatedPiece> {
  let crc = 0;
  for await (const bytes of content) yield { bytes, crc: crc = crc32(bytes, crc) };
}

/** The same, whose errors say which entry is damaged. */
async function* refusing(
  inflated: AsyncIterable<InflatedPiece>,
  name: string,
): AsyncGenerator<InflatedPiece> {
  try {
    yield* inflated;
  } catch (cause) {
    if (cause instanceof UploadError || cause instanceof ThreadError) throw cause;
    throw new UploadError(`its entry ${quoted(name)} is damaged: it cannot be inflated`, {
      cause,
    });
  }
}

function* blocks(
  file: UploadFile,
  start: number,
  length: number,
): Generator<Uint8Array<ArrayBuffer>, void> {
  for (let at = 0; at < length; at += INPUT_BYTES) {
    yield readExactly(file, start + at, Math.min(INPUT_BYTES, length - at));
  }
}
