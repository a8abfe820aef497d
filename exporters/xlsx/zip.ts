/**
 * Writes a ZIP file with zip.js, in the one layout that every reader of worksheets accepts: small
 * parts with their sizes before them, sheets with a signed data descriptor of 16 bytes after them.
 *
 * zip.js writes every record: headers, descriptors, the central directory, ZIP64 where an offset
 * needs it. The bytes of a sheet do not pass through it, because they would wait in it: it cuts
 * what enters and what leaves a codec into pieces of `chunkSize` and keeps the last piece, so that
 * the first rows would leave with some 2,500 others, and its ten streams read on while nobody
 * reads them. A sheet is deflated beside it, and it is told how many bytes went by, in blanks that
 * are dropped where they come out: 4 % of the time of an export.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { crc32, deflateRawSync } from "node:zlib";
import { configure, Uint8ArrayReader, ZipWriter } from "@zip.js/zip.js";
import { BLOCK_BYTES, createDeflater, type Deflater, type DeflateTotals } from "./deflate.ts";

/** A ZIP file that is being written; one entry at a time. */
export interface Zip {
  /** Writes a small part, whole. */
  add(name: string, text: string): Promise<void>;
  /** Begins an entry of any size below 4 GiB. */
  begin(name: string): Promise<void>;
  /** Writes text to the entry; its bytes are ready in blocks. */
  write(text: string): void;
  /** Makes all that was written to the entry ready. */
  flush(): void;
  /** Bytes of text in the entry so far. */
  size(): number;
  /** Ends the entry. */
  end(): Promise<void>;
  /** Writes the central directory, without which the file is no ZIP file. */
  close(): Promise<void>;
  /** Gives up; no promise is left that nobody catches. */
  abort(reason: unknown): void;
  /** Takes the bytes that are ready, in a buffer of their own; undefined where there are none. */
  take(): Uint8Array<ArrayBuffer> | undefined;
}

/** 1980-01-01 00:00:00 as MS-DOS writes it (APPNOTE 4.4.6): no clock, and no time zone either. */
const DOS_EPOCH = 0x00210000;

/** An entry that is written beside zip.js. */
interface Entry {
  readonly deflater: Deflater;
  /** Tells zip.js of the text. */
  readonly text: ReadableStreamDefaultController<Uint8Array>;
  /** Settles when zip.js has written the entry's last record. */
  readonly written: Promise<unknown>;
}

/** What the codec asks about the entry that zip.js made it for. */
interface Account {
  totals(): DeflateTotals;
  /** Hears of blanks that will come out of zip.js. */
  blank(bytes: number): void;
}

/**
 * Begins a ZIP file.
 *
 * @param level the deflate level, 0 to 9
 */
export function createZip(level: number): Zip {
  const ready: Uint8Array[] = [];
  let blanks = 0;
  let entry: Entry | undefined;

  const writer = new ZipWriter(
    new WritableStream<Uint8Array>({
      write(bytes) {
        const dropped = Math.min(blanks, bytes.length);
        blanks -= dropped;
        if (dropped < bytes.length) ready.push(bytes.subarray(dropped));
      },
    }),
    {
      extendedTimestamp: false,
      useUnicodeFileNames: false,
      msDosCompatible: true,
      rawLastModDate: DOS_EPOCH,
    },
  );

  async function begin(name: string): Promise<void> {
    const started = Promise.withResolvers<void>();
    let text!: ReadableStreamDefaultController<Uint8Array>;
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => void (text = controller),
    });
    let untold = 0;
    const deflater = createDeflater(level, (deflated, plain) => {
      ready.push(deflated);
      // Pieces of another size would each be copied twice.
      untold += plain;
      for (; untold >= BLANK.length; untold -= BLANK.length) text.enqueue(BLANK);
      if (plain === 0 && untold > 0) text.enqueue(BLANK.subarray(0, untold));
    });
    const account: Account = {
      totals: deflater.totals,
      blank: (bytes) => void (blanks += bytes),
    };
    const written = accounts.run(
      account,
      () =>
        // Without `zip64: false` zip.js writes ZIP64 fields of zeros into the local header of an
        // entry of unknown size, which Excel, SheetJS and Java's ZipInputStream refuse.
        writer.add(name, source, { zip64: false, onstart: () => started.resolve() }),
    );
    written.catch(started.reject);
    entry = { deflater, text, written };
    await started.promise;
  }

  async function add(name: string, text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    // With everything known beforehand, zip.js writes no data descriptor.
    await writer.add(name, new Uint8ArrayReader(deflateRawSync(bytes, { level })), {
      passThrough: true,
      compressionMethod: 8,
      uncompressedSize: bytes.length,
      crc32: crc32(bytes),
    });
  }

  async function end(): Promise<void> {
    const { deflater, text, written } = entry!;
    deflater.end();
    text.close();
    await written;
    entry = undefined;
  }

  return {
    add,
    begin,
    write: (text) => entry!.deflater.write(text),
    flush: () => entry!.deflater.flush(),
    size: () => entry!.deflater.totals().plain,
    end,
    close: async () => void await writer.close(),
    abort: (reason) => entry?.text.error(reason),
    take() {
      if (ready.length === 0) return undefined;
      // Copied also where there is one: a buffer that zlib gives may be part of a pool.
      const bytes = concat(ready);
      ready.length = 0;
      return bytes;
    },
  };
}

/** What zip.js is told of instead of bytes; as long as a piece of its own. */
const BLANK = new Uint8Array(BLOCK_BYTES);

/** The header of a gzip stream, and the CRC-32 and the size after it (RFC 1952, 2.3). */
const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** Tells a codec which entry zip.js makes it for: `configure` is one for all. */
const accounts = new AsyncLocalStorage<Account>();

/**
 * The codec that zip.js asks for gzip, so as to find the CRC-32 at its end instead of computing it.
 * For an entry of ours it gives blanks; for anybody else's it is the platform's own.
 */
class AccountingCodec {
  static readonly supportedFormats = ["deflate-raw", "gzip"];
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<BufferSource>;

  constructor(format: string) {
    const account = accounts.getStore();
    const { readable, writable } = account
      ? createAccounting(account)
      : new CompressionStream(format as CompressionFormat);
    this.readable = readable;
    this.writable = writable;
  }
}

function createAccounting({ totals, blank }: Account): TransformStream<BufferSource, Uint8Array> {
  let told = 0;
  function tell(controller: TransformStreamDefaultController<Uint8Array>): void {
    const untold = totals().deflated - told;
    told += untold;
    blank(untold);
    for (let rest = untold; rest > 0; rest -= BLANK.length) {
      controller.enqueue(BLANK.subarray(0, Math.min(rest, BLANK.length)));
    }
  }
  return new TransformStream({
    start: (controller) => controller.enqueue(BLANK.subarray(0, GZIP_HEADER_BYTES)),
    transform: (_piece, controller) => tell(controller),
    flush(controller) {
      tell(controller);
      const trailer = new DataView(new ArrayBuffer(GZIP_TRAILER_BYTES));
      trailer.setUint32(0, totals().crc, true);
      trailer.setUint32(4, totals().plain, true);
      controller.enqueue(new Uint8Array(trailer.buffer));
    },
  });
}

configure({
  useWebWorkers: false,
  useCompressionStream: true,
  CompressionStream: AccountingCodec,
  chunkSize: BLANK.length,
  // Not a number of workers, of which there are none, but of entries in the whole process that may
  // be open at once: at the default of one a core, a client that stalls would stop the others.
  maxWorkers: Number.MAX_SAFE_INTEGER,
});

function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
