/**
 * What a stored file ends with: the facts of it, so that one rename publishes both, and a file that
 * lost its end is known by it.
 *
 * After the bytes of the object: JSON in UTF-8, its length (4 bytes, big-endian), its CRC-32 (4 bytes,
 * big-endian), and the word `spillway`.
 */

import { crc32 } from "node:zlib";
import { strongETag } from "../digest.ts";
import type { ObjectMetadata, StoredObject } from "../store.ts";

/** More than any trailer has: 2 KiB of metadata, a key, a digest and two dates. One read gets it. */
export const TRAILER_MAX_BYTES = 4 * 1024;

const FOOTER_BYTES = 16;
const MAGIC = new TextEncoder().encode("spillway");

/** The JSON, which tells all but what follows from it. */
interface Facts {
  readonly key: string;
  readonly size: number;
  readonly sha256: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly metadata: ObjectMetadata;
}

/** The trailer of an object. */
export function encodeTrailer(object: StoredObject): Uint8Array {
  const { key, size, sha256, createdAt, expiresAt, metadata } = object;
  const json = new TextEncoder().encode(
    JSON.stringify({ key, size, sha256, createdAt, expiresAt, metadata }),
  );
  const trailer = new Uint8Array(json.length + FOOTER_BYTES);
  const view = new DataView(trailer.buffer);
  trailer.set(json);
  view.setUint32(json.length, json.length);
  view.setUint32(json.length + 4, crc32(json));
  trailer.set(MAGIC, json.length + 8);
  return trailer;
}

/**
 * Reads the trailer of a file; undefined where it has none, or is not of the size that its trailer says.
 *
 * @param end the last {@linkcode TRAILER_MAX_BYTES} of the file, or all of it
 * @param fileBytes how long the file is
 */
export function decodeTrailer(end: Uint8Array, fileBytes: number): StoredObject | undefined {
  const jsonEnd = end.length - FOOTER_BYTES;
  if (jsonEnd < 0) return undefined;
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength);
  const length = view.getUint32(jsonEnd);
  if (length > jsonEnd || !MAGIC.every((byte, index) => end[jsonEnd + 8 + index] === byte)) {
    return undefined;
  }
  const json = end.subarray(jsonEnd - length, jsonEnd);
  if (view.getUint32(jsonEnd + 4) !== crc32(json)) return undefined;
  // The one cast: what has the right checksum was written above.
  const facts: Facts = JSON.parse(new TextDecoder().decode(json));
  if (facts.size + length + FOOTER_BYTES !== fileBytes) return undefined;
  return {
    key: facts.key,
    size: facts.size,
    sha256: facts.sha256,
    etag: strongETag(facts.sha256),
    createdAt: new Date(facts.createdAt),
    expiresAt: new Date(facts.expiresAt),
    metadata: facts.metadata,
  };
}
