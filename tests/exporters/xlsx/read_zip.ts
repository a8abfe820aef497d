/** Reads a ZIP file from its start, as a reader of a stream must, then by its central directory. */

import assert from "node:assert/strict";
import { crc32, inflateRawSync } from "node:zlib";

/** One entry, every field of its records as it is in the file (APPNOTE 4.3). */
export interface ZipEntry {
  readonly name: string;
  readonly local: Readonly<Record<string, number>>;
  /** The data descriptor; undefined where the local header says that there is none. */
  readonly descriptor: Readonly<Record<string, number>> | undefined;
  readonly central: Readonly<Record<string, number>>;
  readonly content: Uint8Array;
}

/**
 * Reads every entry of a file that is nothing but local entries, a central directory and its end.
 *
 * @throws when one byte is missing, left over or at odds with another record
 */
export function readZip(bytes: Uint8Array): readonly ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const u16 = () => view.getUint16((at += 2) - 2, true);
  const u32 = () => view.getUint32((at += 4) - 4, true);
  const text = (length: number) => new TextDecoder().decode(bytes.subarray(at, at += length));

  const locals: Omit<ZipEntry, "central">[] = [];
  while (view.getUint32(at, true) === 0x04034b50) {
    const start = at;
    const local = {
      start,
      signature: u32(),
      version: u16(),
      flags: u16(),
      method: u16(),
      time: u16(),
      date: u16(),
      crc: u32(),
      deflated: u32(),
      plain: u32(),
      nameLength: u16(),
      extraLength: u16(),
    };
    const name = text(local.nameLength);
    at += local.extraLength;
    const { content, length } = inflateFrom(bytes, at);
    at += length;
    const descriptor = (local.flags & 8) === 0
      ? undefined
      : { signature: u32(), crc: u32(), deflated: u32(), plain: u32() };
    const stated = descriptor ?? local;
    assert.equal(stated.crc, crc32(content), name);
    assert.equal(stated.deflated, length, name);
    assert.equal(stated.plain, content.length, name);
    locals.push({ name, local, descriptor, content });
  }

  const directory = at;
  const entries = locals.map((entry) => {
    const central = {
      signature: u32(),
      madeBy: u16(),
      version: u16(),
      flags: u16(),
      method: u16(),
      time: u16(),
      date: u16(),
      crc: u32(),
      deflated: u32(),
      plain: u32(),
      nameLength: u16(),
      extraLength: u16(),
      commentLength: u16(),
      disk: u16(),
      internal: u16(),
      external: u32(),
      offset: u32(),
    };
    assert.equal(text(central.nameLength), entry.name);
    at += central.extraLength + central.commentLength;
    return { ...entry, central };
  });
  const size = at - directory;
  assert.deepEqual(
    [u32(), u16(), u16(), u16(), u16(), u32(), u32(), u16()],
    [0x06054b50, 0, 0, entries.length, entries.length, size, directory, 0],
    "end of central directory",
  );
  assert.equal(at, bytes.length);
  return entries;
}

/** Inflates the stream at an offset, and tells where it ends: the stream knows, no header does. */
function inflateFrom(bytes: Uint8Array, at: number): { content: Uint8Array; length: number } {
  // deno-lint-ignore no-explicit-any -- `info` is in node:zlib, and not in its types for Deno
  const { buffer, engine } = inflateRawSync(bytes.subarray(at), { info: true } as any) as any;
  return { content: buffer, length: engine.bytesWritten };
}
