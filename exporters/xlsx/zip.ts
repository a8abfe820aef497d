/**
 * Writes a ZIP file with zip.js, in the one layout that every reader of worksheets accepts: small
 * parts with their sizes before them, sheets with a signed data descriptor of 16 bytes after them.
 */

import { crc32, deflateRawSync } from "node:zlib";
import { Uint8ArrayReader, ZipWriter } from "@zip.js/zip.js";
import type { Blocks, Deflate } from "./deflate_blocks.ts";
import { addDeflated } from "./zip_worker.ts";

/** A ZIP file that is being written; one entry at a time. */
export interface Zip {
  /** Writes a small part, whole. */
  add(name: string, text: string): Promise<void>;
  /** Writes an entry of any size below 4 GiB, as it is made. */
  addBlocks(name: string, blocks: Blocks): Promise<void>;
  /** Writes the central directory, without which the file is no ZIP file. */
  close(): Promise<void>;
}

/** 1980-01-01 00:00:00 as MS-DOS writes it (APPNOTE 4.4.6): no clock, and no time zone either. */
const DOS_EPOCH = 0x00210000;

/** The method "deflated" (APPNOTE 4.4.5). */
const DEFLATED = 8;

/**
 * Begins a ZIP file.
 *
 * @param output closed with the file; zip.js may look again at a buffer that it has written
 * @param deflate how its entries are deflated
 */
export function createZip(output: WritableStream<Uint8Array>, deflate: Deflate): Zip {
  const { level } = deflate;
  const writer = new ZipWriter(output, {
    extendedTimestamp: false,
    useUnicodeFileNames: false,
    msDosCompatible: true,
    rawLastModDate: DOS_EPOCH,
  });

  return {
    async add(name, text) {
      const bytes = new TextEncoder().encode(text);
      // With everything known beforehand, zip.js writes no data descriptor.
      await writer.add(name, new Uint8ArrayReader(deflateRawSync(bytes, { level })), {
        passThrough: true,
        compressionMethod: DEFLATED,
        uncompressedSize: bytes.length,
        crc32: crc32(bytes),
      });
    },
    addBlocks: (name, blocks) => addDeflated(writer, name, blocks, deflate),
    async close() {
      await writer.close();
    },
  };
}
