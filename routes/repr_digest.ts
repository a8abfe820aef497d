/** The digest of a file for its reader to check: `Repr-Digest` (RFC 9530, section 3). */

/**
 * The header's value for a SHA-256 in hexadecimal: a dictionary whose member is a byte sequence
 * (RFC 9651, 3.3.5), which is base64 between colons.
 *
 * @throws {SyntaxError} where the digest is not hexadecimal
 */
export function reprDigest(sha256: string): string {
  return `sha-256=:${Uint8Array.fromHex(sha256).toBase64()}:`;
}
