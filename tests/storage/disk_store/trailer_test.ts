import assert from "node:assert/strict";
import {
  decodeTrailer,
  encodeTrailer,
  TRAILER_MAX_BYTES,
} from "../../../storage/disk_store/trailer.ts";
import { METADATA_BYTES, type StoredObject } from "../../../storage/store.ts";

const SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const OBJECT: StoredObject = {
  key: "run-1",
  size: 3,
  sha256: SHA256,
  etag: `"${SHA256}"`,
  createdAt: new Date("2026-01-02T12:00:00.123Z"),
  expiresAt: new Date("2026-01-03T12:00:00Z"),
  metadata: { mediaType: "text/csv", filename: "두.csv" },
};

const JSON_TEXT = '{"key":"run-1","size":3,' +
  '"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",' +
  '"createdAt":"2026-01-02T12:00:00.123Z","expiresAt":"2026-01-03T12:00:00.000Z",' +
  '"metadata":{"mediaType":"text/csv","filename":"두.csv"}}';

// The length is 235; the CRC-32 is what Python's zlib.crc32 makes of the JSON.
const TRAILER = new Uint8Array([
  ...new TextEncoder().encode(JSON_TEXT),
  ...[0, 0, 0, 235],
  ...[0xb6, 0x27, 0xa3, 0xa6],
  ...new TextEncoder().encode("spillway"),
]);

/** A file of three bytes and a trailer. */
function fileOf(trailer: Uint8Array): Uint8Array {
  return new Uint8Array([97, 98, 99, ...trailer]);
}

Deno.test("a trailer is JSON, its length, its CRC-32 and a word", () => {
  assert.deepEqual(encodeTrailer(OBJECT), TRAILER);
});

Deno.test("a trailer is read from a file, and from the end of one", () => {
  const file = fileOf(TRAILER);
  assert.deepEqual(decodeTrailer(file, file.length), OBJECT);
  assert.deepEqual(decodeTrailer(file.subarray(3), file.length), OBJECT);
  const large = new Uint8Array([
    ...new Uint8Array(10_000),
    ...encodeTrailer({ ...OBJECT, size: 10_000 }),
  ]);
  assert.equal(decodeTrailer(large.subarray(-TRAILER_MAX_BYTES), large.length)?.size, 10_000);
});

Deno.test("a file that was cut anywhere has no trailer", () => {
  const file = fileOf(TRAILER);
  for (let length = 0; length < file.length; length++) {
    assert.equal(decodeTrailer(file.subarray(0, length), length), undefined, `${length} bytes`);
  }
});

Deno.test("a file that lost or gained bytes in front of its trailer is not what it says", () => {
  for (const bytes of [[], [97, 98], [97, 98, 99, 100]]) {
    const file = new Uint8Array([...bytes, ...TRAILER]);
    assert.equal(decodeTrailer(file, file.length), undefined, `${bytes.length} bytes`);
  }
});

Deno.test("a trailer with a wrong bit anywhere is none", () => {
  for (let bit = 0; bit < 8 * TRAILER.length; bit++) {
    const trailer = TRAILER.slice();
    trailer[bit >> 3]! ^= 1 << (bit & 7);
    const file = fileOf(trailer);
    assert.equal(decodeTrailer(file, file.length), undefined, `bit ${bit}`);
  }
});

Deno.test("the largest trailer fits in one read", () => {
  const overhead = '{"mediaType":"","filename":""}'.length;
  const largest = encodeTrailer({
    ...OBJECT,
    key: "k".repeat(64),
    size: Number.MAX_SAFE_INTEGER,
    // The latest date that there is, in the longest form that a date has.
    expiresAt: new Date(8.64e15),
    metadata: { mediaType: "", filename: "x".repeat(METADATA_BYTES - overhead) },
  });
  assert(largest.length < TRAILER_MAX_BYTES, `${largest.length} bytes`);
});
