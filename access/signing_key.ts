/** Reads the keys that receipts are signed with: Ed25519, as PEM or as a JWK. */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

/** A key, as a JWK (RFC 8037, 2). */
export interface SigningKey {
  /** An octet key pair. */
  readonly kty: "OKP";
  /** The one curve that receipts are signed with. */
  readonly crv: "Ed25519";
  /** The public part. */
  readonly x: string;
  /** The private part; absent of a key that only verifies what it signed once. */
  readonly d?: string;
}

/**
 * Reads a key: PEM as `openssl genpkey -algorithm ed25519` writes it (PKCS #8), its public part as `openssl pkey
 * -pubout` does, or the JSON of a JWK. Gives nothing where the text is no such key.
 */
export function readSigningKey(text: string): SigningKey | undefined {
  try {
    const key = parseKey(text.trim());
    return key.asymmetricKeyType === "ed25519" ? toJwk(key) : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a key. */
export function newSigningKey(): SigningKey {
  return toJwk(generateKeyPairSync("ed25519").privateKey);
}

function parseKey(text: string): KeyObject {
  if (!text.startsWith("{")) {
    return text.includes("PRIVATE KEY-----") ? createPrivateKey(text) : createPublicKey(text);
  }
  const key = JSON.parse(text);
  const create = key.d === undefined ? createPublicKey : createPrivateKey;
  return create({ key, format: "jwk" });
}

/** The key with the public part that its private one has, whatever a JWK said. */
function toJwk(key: KeyObject): SigningKey {
  const { x, d } = key.export({ format: "jwk" });
  return { kty: "OKP", crv: "Ed25519", x: x!, ...(d === undefined ? {} : { d }) };
}
