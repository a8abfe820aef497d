/** Signs receipts, so that who has a file can prove what it is without asking the server: JWS (RFC 7515), EdDSA. */

import { calculateJwkThumbprint, CompactSign, type JWK } from "jose";
import type { SigningKey } from "../access/signing_key.ts";
import { type Receipt, receiptJson } from "./receipt.ts";

/** How receipts are signed (RFC 8037, 3.1). */
export const RECEIPT_ALGORITHM = "EdDSA";

/** What the header of a signed receipt calls it: a key of receipts signs nothing else (RFC 8725, 3.11). */
export const RECEIPT_TYPE = "spillway-receipt+jws";

/** Signs receipts. */
export interface ReceiptSigner {
  /** The receipt as a compact JWS, whose header has the key that verifies it. */
  sign(receipt: Receipt): Promise<string>;
  /** The public part of every key (RFC 7517, 5). */
  publicKeys(): Promise<{ readonly keys: readonly JWK[] }>;
}

/**
 * Signs with the first of several keys. The others are published, so that what they signed can be verified.
 *
 * @throws {RangeError} where the first has no private part
 */
export function createReceiptSigner(keys: readonly SigningKey[]): ReceiptSigner {
  const [first] = keys;
  if (first?.d === undefined) throw new RangeError("Cannot sign receipts without a private key");
  const { kty, crv, x } = first;
  const encoder = new TextEncoder();
  const header = keyId(first).then((kid) => ({
    alg: RECEIPT_ALGORITHM,
    typ: RECEIPT_TYPE,
    kid,
    jwk: { kty, crv, x },
  }));
  return {
    async sign(receipt) {
      const payload = encoder.encode(JSON.stringify(receiptJson(receipt)));
      return await new CompactSign(payload).setProtectedHeader(await header).sign({ ...first });
    },
    async publicKeys() {
      return { keys: await Promise.all(keys.map(toPublic)) };
    },
  };
}

/** What a key is called: its thumbprint (RFC 7638), which no other key has. */
export function keyId({ kty, crv, x }: SigningKey): Promise<string> {
  return calculateJwkThumbprint({ kty, crv, x });
}

async function toPublic(key: SigningKey): Promise<JWK> {
  const { kty, crv, x } = key;
  return { kty, crv, x, kid: await keyId(key), use: "sig", alg: RECEIPT_ALGORITHM };
}
