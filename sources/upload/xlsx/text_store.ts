/** Keeps a great many texts as bytes: in memory up to a bound, then in a file. */

import { type ScratchFile, UploadError } from "../reader.ts";

/** Where a text stands. */
export interface StoredText {
  /** Bytes with others around them. */
  readonly bytes: Uint8Array;
  /** Where in them it starts. */
  readonly from: number;
  /** Where it ends. */
  readonly to: number;
}

/** Texts by their numbers; first all are added, then they are looked up. */
export interface TextStore {
  /** How many there are. */
  readonly length: number;
  /** Adds the next one, of some parts. */
  add(parts: readonly StoredText[]): void;
  /** One of them, until the next is asked for. */
  at(index: number): StoredText;
}

/** Texts between two whose offsets are kept: the others are found by the lengths in front of them. */
const STRIDE = 16;

/** More than this many are no workbook's: at 8 bytes a {@linkcode STRIDE}, their offsets take 32 MiB. */
const MAX_TEXTS = 64 * 1024 * 1024;

/** Bytes of a block of memory. */
const BLOCK_SHIFT = 20;
const BLOCK_BYTES = 1 << BLOCK_SHIFT;

/** Bytes of the file that are read at a time: 1.3 us for a text at random. */
const PAGE_SHIFT = 12;
const PAGE_BYTES = 1 << PAGE_SHIFT;

/** Pages that are kept: 16 MiB. */
const PAGES = 4096;

/** How to keep texts. */
export interface TextStoreOptions {
  /** Bytes in memory; a multiple of 1 MiB. @default 32 MiB */
  readonly memoryBytes?: number;
  /** Makes the file for the rest. @default there is none, and more is an error */
  readonly scratch?: (() => ScratchFile) | undefined;
}

/** Makes a store. */
export function createTextStore(
  { memoryBytes = 32 * BLOCK_BYTES, scratch }: TextStoreOptions = {},
): TextStore {
  const blocks: Uint8Array[] = [];
  const offsets: number[] = [];
  let length = 0;
  let end = 0;
  let file: ScratchFile | undefined;
  /** Where in the file the texts start. */
  let fileStart = 0;
  /** The bytes that are not in the file yet. */
  let unwritten: Uint8Array | undefined;
  let unwrittenBytes = 0;
  const pages: Uint8Array[] = [];
  const pageNumbers = new Int32Array(PAGES).fill(-1);

  function addBytes(bytes: Uint8Array, from: number, to: number): void {
    while (from < to) {
      const target = end < memoryBytes ? blockAt(end) : fileBuffer();
      const start = end < memoryBytes ? end & BLOCK_BYTES - 1 : unwrittenBytes;
      const count = Math.min(to - from, BLOCK_BYTES - start);
      target.set(bytes.subarray(from, from + count), start);
      if (end >= memoryBytes) unwrittenBytes += count;
      end += count;
      from += count;
    }
  }

  function blockAt(offset: number): Uint8Array {
    return blocks[offset >>> BLOCK_SHIFT] ??= new Uint8Array(BLOCK_BYTES);
  }

  function fileBuffer(): Uint8Array {
    if (!file) {
      if (!scratch) {
        throw new UploadError(`its shared strings have more than ${memoryBytes} bytes`);
      }
      file = scratch();
      fileStart = file.size;
      unwritten = new Uint8Array(BLOCK_BYTES);
    }
    if (unwrittenBytes === BLOCK_BYTES) flush();
    return unwritten!;
  }

  function flush(): void {
    file!.append(unwritten!.subarray(0, unwrittenBytes));
    unwrittenBytes = 0;
  }

  /** The bytes around an offset, and where in them it is. */
  let bytes: Uint8Array = new Uint8Array(0);
  let at = 0;

  function moveTo(offset: number): void {
    if (offset < memoryBytes) {
      bytes = blocks[offset >>> BLOCK_SHIFT]!;
      at = offset & BLOCK_BYTES - 1;
    } else {
      const page = (offset - memoryBytes) / PAGE_BYTES | 0;
      bytes = pageAt(page);
      at = (offset - memoryBytes) % PAGE_BYTES;
    }
  }

  function pageAt(page: number): Uint8Array {
    const slot = page & PAGES - 1;
    if (pageNumbers[slot] !== page) {
      if (unwrittenBytes > 0) flush();
      const found = pages[slot] ??= new Uint8Array(PAGE_BYTES);
      file!.readAt(fileStart + page * PAGE_BYTES, found);
      pageNumbers[slot] = page;
    }
    return pages[slot]!;
  }

  /** The length of the text at an offset, which ends where `lengthEnd` says. */
  let lengthEnd = 0;

  function lengthAt(offset: number): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      if (shift === 0 || at === bytes.length) moveTo(offset);
      const byte = bytes[at++]!;
      offset++;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        lengthEnd = offset;
        return value;
      }
    }
  }

  const lengthBytes = new Uint8Array(5);

  function addLength(value: number): void {
    let count = 0;
    while (value >= 0x80) {
      lengthBytes[count++] = value & 0x7f | 0x80;
      value >>>= 7;
    }
    lengthBytes[count++] = value;
    addBytes(lengthBytes, 0, count);
  }

  return {
    get length() {
      return length;
    },
    add(parts) {
      if (length === MAX_TEXTS) {
        throw new UploadError(`it has more than ${MAX_TEXTS} shared strings`);
      }
      if (length % STRIDE === 0) offsets.push(end);
      length++;
      let size = 0;
      for (const { from, to } of parts) size += to - from;
      addLength(size);
      for (const { bytes, from, to } of parts) addBytes(bytes, from, to);
    },
    at(index) {
      let offset = offsets[index / STRIDE | 0]!;
      let size = lengthAt(offset);
      for (let rest = index % STRIDE; rest > 0; rest--) {
        offset = lengthEnd + size;
        size = lengthAt(offset);
      }
      offset = lengthEnd;
      if (size === 0) return { bytes, from: 0, to: 0 };
      moveTo(offset);
      if (at + size <= bytes.length) return { bytes, from: at, to: at + size };
      const whole = new Uint8Array(size);
      for (let done = 0; done < size;) {
        moveTo(offset + done);
        const part = bytes.subarray(at, Math.min(bytes.length, at + size - done));
        whole.set(part, done);
        done += part.length;
      }
      return { bytes: whole, from: 0, to: size };
    },
  };
}
