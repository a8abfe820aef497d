/** Inflates an entry of a ZIP file on a disk, piece by piece, and checks what comes of it. */

import { Buffer } from "node:buffer";
import { pipeline, Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { UploadError, type UploadFile } from "../reader.ts";
import { quoted } from "../../quoted.ts";
import { readExactly, type ZipEntry } from "./zip_directory.ts";

/** Bytes that are read from the file at a time. */
const INPUT_BYTES = 64 * 1024;

/** Bytes that are inflated at a time: 2.3 GB/s, which smaller pieces do not reach. */
const CONTENT_BYTES = 256 * 1024;

/** The fewest that zlib makes at a time. */
const MIN_CONTENT_BYTES = 64;

const LOCAL_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;

const STORED = 0;
const DEFLATED = 8;

/**
 * The content of an entry. It is read as it is asked for, and never more of it than the directory says.
 *
 * @throws {UploadError} where it is not what the directory says
 */
export async function* readContent(file: UploadFile, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const name = quoted(entry.name);
  const start = contentStart(file, entry);
  let size = 0;
  let crc = 0;
  for await (const bytes of decompress(file, entry, start)) {
    size += bytes.length;
    if (size > entry.size) break;
    crc = crc32(bytes, crc);
    yield bytes;
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
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  const input = pieces(file, start, compressedSize);
  if (method === STORED) return input;
  if (method !== DEFLATED) {
    throw new UploadError(
      `its entry ${quoted(name)} is compressed by method ${method}, which is not read`,
    );
  }
  return inflate(input, name, Math.max(MIN_CONTENT_BYTES, Math.min(size, CONTENT_BYTES)));
}

async function* inflate(
  input: Iterable<Uint8Array>,
  name: string,
  chunkSize: number,
): AsyncGenerator<Uint8Array> {
  const inflater = createInflateRaw({ chunkSize });
  // Its errors are the iteration's.
  pipeline(Readable.from(input, { objectMode: true, highWaterMark: 1 }), inflater, () => {});
  try {
    yield* inflater;
  } catch (cause) {
    if (cause instanceof UploadError) throw cause;
    throw new UploadError(`its entry ${quoted(name)} is damaged: it cannot be inflated`, {
      cause,
    });
  }
}

function* pieces(file: UploadFile, start: number, length: number): Generator<Uint8Array> {
  for (let at = 0; at < length; at += INPUT_BYTES) {
    yield readExactly(file, start + at, Math.min(INPUT_BYTES, length - at));
  }
}
