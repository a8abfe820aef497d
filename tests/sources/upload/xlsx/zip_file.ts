/** Makes ZIP files byte by byte, also such as no program should. */

import { crc32, deflateRawSync } from "node:zlib";

/** An entry to make. */
export interface ZipPart {
  readonly name: string;
  readonly content: string | Uint8Array;
  /** 0 stores it. @default 8 */
  readonly method?: number;
  /** Whether its sizes follow it, and its local header has zeros. @default false */
  readonly descriptor?: boolean;
  /** Whether its sizes are in fields of ZIP64, in both headers. @default false */
  readonly zip64?: boolean;
  /** Fields of its central record that are others than they should be. */
  readonly stated?: {
    readonly crc?: number;
    readonly size?: number;
    readonly compressedSize?: number;
    readonly offset?: number;
    readonly flags?: number;
  };
}

/** How the file ends. */
export interface ZipEnd {
  /** Whether it ends with ZIP64's records too. @default false */
  readonly zip64?: boolean;
  /** Its comment. @default none */
  readonly comment?: string;
  /** The number of entries that it says there are. @default as many as there are */
  readonly entries?: number;
}

const encoder = new TextEncoder();

/** Numbers of 2, 4 and 8 bytes, little endian, by the letters of a pattern: `HIQ`. */
function pack(pattern: string, ...numbers: number[]): Uint8Array {
  const sizes = [...pattern].map((letter) => letter === "H" ? 2 : letter === "I" ? 4 : 8);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  sizes.forEach((size, index) => {
    const number = numbers[index]!;
    if (size === 2) view.setUint16(at, number, true);
    else if (size === 4) view.setUint32(at, number, true);
    else view.setBigUint64(at, BigInt(number), true);
    at += size;
  });
  return bytes;
}

/** Bytes one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Makes a ZIP file. */
export function zipFile(
  parts: readonly ZipPart[],
  { zip64 = false, comment = "", entries = parts.length }: ZipEnd = {},
): Uint8Array {
  const locals: Uint8Array[] = [];
  const centrals: Uint8Array[] = [];
  let offset = 0;
  for (const part of parts) {
    const { method = 8, descriptor = false, stated = {} } = part;
    const content = typeof part.content === "string" ? encoder.encode(part.content) : part.content;
    const data = method === 8 ? deflateRawSync(content, { level: 6 }) : content;
    const name = encoder.encode(part.name);
    const crc = stated.crc ?? crc32(content);
    const size = stated.size ?? content.length;
    const compressedSize = stated.compressedSize ?? data.length;
    const flags = stated.flags ?? (descriptor ? 0x808 : 0x800);
    const wide = part.zip64 ? 0xffffffff : undefined;
    const shown = descriptor ? [0, 0, 0] : [crc, wide ?? compressedSize, wide ?? size];
    const localExtra = part.zip64 ? pack("HHQQ", 1, 16, size, compressedSize) : new Uint8Array(0);
    const local = joined([
      pack(
        "IHHHHHIIIHH",
        0x04034b50,
        20,
        flags,
        method,
        0,
        0x21,
        ...shown,
        name.length,
        localExtra.length,
      ),
      name,
      localExtra,
      data,
      descriptor ? pack("IIII", 0x08074b50, crc, compressedSize, size) : new Uint8Array(0),
    ]);
    const start = stated.offset ?? offset;
    const extra = part.zip64
      ? pack("HHQQQ", 1, 24, size, compressedSize, start)
      : new Uint8Array(0);
    centrals.push(joined([
      pack(
        "IHHHHHHIIIHHHHHII",
        ...[0x02014b50, 20, 20, flags, method, 0, 0x21, crc, wide ?? compressedSize, wide ?? size],
        ...[name.length, extra.length, 0, 0, 0, 0, wide ?? start],
      ),
      name,
      extra,
    ]));
    locals.push(local);
    offset += local.length;
  }
  const directory = joined(centrals);
  const text = encoder.encode(comment);
  const wideEnd = zip64
    ? joined([
      pack("IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, entries, entries, directory.length, offset),
      pack("IIQI", 0x07064b50, 0, offset + directory.length, 1),
    ])
    : new Uint8Array(0);
  const [count, size, start] = zip64
    ? [0xffff, 0xffffffff, 0xffffffff]
    : [entries, directory.length, offset];
  return joined([
    ...locals,
    directory,
    wideEnd,
    pack("IHHHHIIH", 0x06054b50, 0, 0, count!, count!, size!, start!, text.length),
    text,
  ]);
}
