/** Reads the central directory of a ZIP file on a disk: which entries there are, and where. */

import { FREE_BYTES, MAX_RATIO } from "../byte_reader.ts";
import { UploadError, type UploadFile } from "../reader.ts";
import { quoted } from "../../quoted.ts";

/** An entry, as the central directory has it (APPNOTE 4.3.12). */
export interface ZipEntry {
  /** Its name with slashes, without one in front. */
  readonly name: string;
  /** How it is compressed: 0 is stored, 8 is deflated. */
  readonly method: number;
  /** The CRC-32 of its content. */
  readonly crc: number;
  /** Bytes in the file. */
  readonly compressedSize: number;
  /** Bytes of its content. */
  readonly size: number;
  /** Where its local header starts. */
  readonly offset: number;
  /** Where what follows in the file starts: its bytes end before. */
  readonly end: number;
}

/** The entries by their names in lower case, as part names have no case (ECMA-376 part 2, 6.2.2.3). */
export type ZipDirectory = ReadonlyMap<string, ZipEntry>;

/** More than any workbook has parts, and few enough to keep. */
const MAX_ENTRIES = 10_000;

/** Of a whole directory: names are 30 bytes long, and may be 65,535. */
const MAX_DIRECTORY_BYTES = 4 * 1024 * 1024;

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_BYTES = 20;
const ZIP64_END_BYTES = 56;

const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;
const LOCATOR_SIGNATURE = 0x07064b50;
const ZIP64_END_SIGNATURE = 0x06064b50;

const ENCRYPTED = 1;
const UTF8 = 1 << 11;

/**
 * Reads the directory.
 *
 * @throws {UploadError} where the file is no whole ZIP file, or one made to fool its reader: of entries that
 * overlap, that have one name, that are larger than they can be
 */
export function readDirectory(file: UploadFile): ZipDirectory {
  const { offset, size, entries } = findDirectory(file);
  if (entries > MAX_ENTRIES) {
    throw new UploadError(`it has ${entries} entries, and at most ${MAX_ENTRIES} are read`);
  }
  if (size > MAX_DIRECTORY_BYTES) {
    throw new UploadError(`its central directory has ${size} bytes, and is no workbook's`);
  }
  const found = readEntries(readExactly(file, offset, size), entries);
  const inOrder = found.toSorted((one, other) => one.offset - other.offset);
  const directory = new Map<string, ZipEntry>();
  inOrder.forEach((entry, index) => {
    const end = inOrder[index + 1]?.offset ?? offset;
    if (entry.offset + LOCAL_BYTES + entry.compressedSize > end) {
      throw new UploadError(`its entry ${quoted(entry.name)} overlaps what follows it`);
    }
    const key = entry.name.toLowerCase();
    if (directory.has(key)) {
      throw new UploadError(`it has two entries of the name ${quoted(entry.name)}`);
    }
    directory.set(key, { ...entry, end });
  });
  return directory;
}

/** Reads bytes that are there. */
export function readExactly(file: UploadFile, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (offset + length > file.size || file.readAt(offset, bytes) !== length) {
    throw new UploadError("it is cut short");
  }
  return bytes;
}

interface DirectoryPosition {
  readonly offset: number;
  readonly size: number;
  readonly entries: number;
}

/** Finds the directory by the record at the end of the file (APPNOTE 4.3.16), or ZIP64's (4.3.14). */
function findDirectory(file: UploadFile): DirectoryPosition {
  const length = Math.min(file.size, END_BYTES + MAX_COMMENT_BYTES);
  const start = file.size - length;
  const bytes = readExactly(file, start, length);
  const view = viewOf(bytes);
  for (let at = length - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) > length) continue;
    const position = {
      entries: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    };
    const end = start + at;
    const isZip64 = position.entries === 0xffff || position.size === 0xffffffff ||
      position.offset === 0xffffffff;
    return checkPosition(isZip64 ? readZip64End(file, end) ?? position : position, end);
  }
  throw new UploadError("it is cut short: a ZIP file has a central directory at its end");
}

function readZip64End(file: UploadFile, end: number): DirectoryPosition | undefined {
  if (end < LOCATOR_BYTES) return undefined;
  const locator = viewOf(readExactly(file, end - LOCATOR_BYTES, LOCATOR_BYTES));
  if (locator.getUint32(0, true) !== LOCATOR_SIGNATURE) return undefined;
  const record = viewOf(readExactly(file, numberAt(locator, 8), ZIP64_END_BYTES));
  if (record.getUint32(0, true) !== ZIP64_END_SIGNATURE) {
    throw new UploadError("its ZIP64 end of central directory is not where it should be");
  }
  return {
    entries: numberAt(record, 32),
    size: numberAt(record, 40),
    offset: numberAt(record, 48),
  };
}

function checkPosition(position: DirectoryPosition, end: number): DirectoryPosition {
  if (position.offset + position.size <= end) return position;
  throw new UploadError("its central directory is not where it should be");
}

function readEntries(bytes: Uint8Array, count: number): Omit<ZipEntry, "end">[] {
  const view = viewOf(bytes);
  const entries: Omit<ZipEntry, "end">[] = [];
  let at = 0;
  while (entries.length < count) {
    if (at + CENTRAL_BYTES > bytes.length || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      throw new UploadError(
        `its central directory ends after ${entries.length} of ${count} entries`,
      );
    }
    const flags = view.getUint16(at + 8, true);
    const nameEnd = at + CENTRAL_BYTES + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const end = extraEnd + view.getUint16(at + 32, true);
    if (end > bytes.length) throw new UploadError("its central directory is cut short");
    const name = entryName(bytes.subarray(at + CENTRAL_BYTES, nameEnd), (flags & UTF8) !== 0);
    if ((flags & ENCRYPTED) !== 0) {
      throw new UploadError(`its entry ${quoted(name)} is encrypted`);
    }
    const stated = {
      size: view.getUint32(at + 24, true),
      compressedSize: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    };
    const sizes = { ...stated, ...zip64Sizes(viewOf(bytes.subarray(nameEnd, extraEnd)), stated) };
    if (sizes.size > FREE_BYTES && sizes.size > MAX_RATIO * sizes.compressedSize) {
      throw new UploadError(
        `its entry ${quoted(name)} inflates to more than ${MAX_RATIO} times its size`,
      );
    }
    entries.push({
      name,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      ...sizes,
    });
    at = end;
  }
  return entries;
}

type Sizes = Pick<ZipEntry, "size" | "compressedSize" | "offset">;

/** The fields of the ZIP64 extra field: those that the record has no room for, in this order (APPNOTE 4.5.3). */
function zip64Sizes(extra: DataView, stated: Sizes): Partial<Sizes> {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const id = extra.getUint16(at, true);
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (id === 1 && end <= extra.byteLength) {
      const sizes: { -readonly [Key in keyof Sizes]?: number } = {};
      let next = at + 4;
      for (const key of ["size", "compressedSize", "offset"] as const) {
        if (stated[key] !== 0xffffffff || next + 8 > end) continue;
        sizes[key] = numberAt(extra, next);
        next += 8;
      }
      return sizes;
    }
    at = end;
  }
  return {};
}

/** Some writers have backslashes, and some a slash in front. A name that leads out of the package is none. */
function entryName(bytes: Uint8Array, utf8: boolean): string {
  const name = new TextDecoder(utf8 ? "utf-8" : "latin1").decode(bytes)
    .replaceAll("\\", "/").replace(/^\/+/, "");
  if (name.split("/").includes("..") || name.includes("\0")) {
    throw new UploadError(`it has an entry of the name ${quoted(name)}`);
  }
  return name;
}

/** 64 bits as a number; what a double does not hold is larger than any file. */
function numberAt(view: DataView, at: number): number {
  const number = view.getBigUint64(at, true);
  return number > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(number);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
