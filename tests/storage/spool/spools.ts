/** What tests of the spool share: spools and bytes to put into them. */

import {
  type OpenedSpool,
  openSpool,
  type Segment,
  type SpoolOptions,
} from "../../../storage/spool/mod.ts";

/** 1 MiB, the quota of {@linkcode openTestSpool}. */
export const MiB = 1024 * 1024;

/** Opens a spool of 1 MiB that may use the whole disk, memory too. */
export function openTestSpool(
  dir: string,
  options: Partial<SpoolOptions> = {},
): Promise<OpenedSpool> {
  return openSpool({ dir, maxBytes: MiB, minFreeBytes: 0, allowMemory: true, ...options });
}

/** Bytes of a sequence that tells one place from another, from a place on. */
export function pattern(length: number, start = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const place = start + index;
    bytes[index] = (place * 167) ^ (place >> 8) ^ (place >> 16);
  }
  return bytes;
}

/** Reads to the end of what was written. */
export async function readAll(segment: Segment, maxBytes = 65_536): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let chunk = await segment.read(maxBytes); chunk; chunk = await segment.read(maxBytes)) {
    if (chunk.length === 0 || chunk.length > maxBytes) throw new Error(`Read ${chunk.length}`);
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** What the descriptors of this process lead to in a directory. Linux alone tells. */
export async function openDescriptors(dir: string): Promise<string[]> {
  const links: string[] = [];
  for await (const { name } of Deno.readDir("/proc/self/fd")) {
    const link = await Deno.readLink(`/proc/self/fd/${name}`).catch(() => "");
    if (link.startsWith(`${dir}/`)) links.push(link);
  }
  return links.sort();
}
