/**
 * Keys: `sw_{id}_{secret}`, looked up by id and compared by hash.
 *
 * The configuration holds the SHA-256 of the whole key, as `printf %s "$KEY" | sha256sum` prints it. A
 * slow hash is for passwords, which can be guessed; a secret here has 187 bits of chance.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type Caps, NO_CLAIMS, type Principal } from "./principal.ts";
import type { Rejected } from "./refusal.ts";

/** A key as the configuration has it. */
export interface KeySetting {
  /** What it is looked up by, and called in logs. */
  readonly id: string;
  /** The SHA-256 of the whole key, in 64 hexadecimal digits. */
  readonly sha256: string;
  /** Whose data it is for; absent: no tenant's. */
  readonly tenant?: string;
  /** Who has it, as the application calls them. */
  readonly subject?: string;
  /** Patterns of the exports that it sees. @default every one */
  readonly exports: readonly string[];
  /** The formats that it may ask for. @default every one */
  readonly formats?: readonly string[];
  /** How much its exports may take. */
  readonly caps: Caps;
  /** What it may do besides. @default nothing */
  readonly scopes: readonly string[];
  /** From when on it is not taken, in milliseconds since 1970. @default never */
  readonly expires?: number;
}

/** A key that was just made. */
export interface NewKey {
  /** The key, which is shown once. */
  readonly key: string;
  /** Its id. */
  readonly id: string;
  /** Its hash, for the configuration. */
  readonly sha256: string;
}

/** The keys of the configuration. */
export interface Keyring {
  /** Who has a key. The work is the same, whether its id is known or not. */
  verify(key: string, now: number): Principal | Rejected;
  /** The setting of a key that is still taken, by its id. */
  current(id: string, now: number): KeySetting | undefined;
}

/** What every key begins with; it tells a key from a token, and scanners of sources know it. */
export const KEY_PREFIX = "sw_";

/** Letters and digits that are not taken for each other: no 0 and o, no 1, i and l. */
const ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz";

/** Letters that an id begins with: YAML takes none of them for a number. */
const ID_LETTERS = "abcdefghjkmnpqrstuvwxyz";

/** Base58: letters and digits without 0, O, I and l. */
const SECRET_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** 31^7 ids for each letter. */
const ID_LENGTH = 8;

/** 32 letters of 58 are 187 bits. */
const SECRET_LENGTH = 32;

/** A key; 22 letters of base64url are 128 bits, for keys that were made elsewhere. */
const KEY = /^sw_([a-z0-9]{6,8})_[A-Za-z0-9_-]{22,128}$/;

/** What is compared where the id is unknown: no key has this hash. */
const NO_HASH = randomBytes(32);

/** Makes a key. */
export function newKey(): NewKey {
  const id = randomText(ID_LETTERS, 1) + randomText(ID_ALPHABET, ID_LENGTH - 1);
  const key = `${KEY_PREFIX}${id}_${randomText(SECRET_ALPHABET, SECRET_LENGTH)}`;
  return { key, id, sha256: hashKey(key).toString("hex") };
}

/** The SHA-256 of a whole key. */
export function hashKey(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** The id of a key; nothing when it is none. */
export function keyId(key: string): string | undefined {
  return KEY.exec(key)?.[1];
}

/**
 * Takes the keys of the configuration.
 *
 * @param equal compares two hashes, in a time that does not depend on where they differ
 */
export function createKeyring(
  settings: readonly KeySetting[],
  equal: (one: Buffer, other: Buffer) => boolean = timingSafeEqual,
): Keyring {
  const keys = new Map(
    settings.map((setting) => [
      setting.id,
      { setting, principal: principalOfKey(setting), hash: Buffer.from(setting.sha256, "hex") },
    ]),
  );
  return {
    verify(key, now) {
      const known = keys.get(keyId(key) ?? "");
      const same = equal(hashKey(key), known?.hash ?? NO_HASH);
      if (known === undefined) return { reason: "key-unknown" };
      const { setting, principal } = known;
      if (!same) return { reason: "key-secret", credential: setting.id };
      if (isExpired(setting, now)) return { reason: "key-expired", credential: setting.id };
      return principal;
    },
    current(id, now) {
      const setting = keys.get(id)?.setting;
      return setting === undefined || isExpired(setting, now) ? undefined : setting;
    },
  };
}

/** Whether a key is not taken any more. */
export function isExpired({ expires = Infinity }: KeySetting, now: number): boolean {
  return now >= expires;
}

/** Who has a key. */
export function principalOfKey(setting: KeySetting): Principal {
  const { id, tenant, subject, exports, formats, caps, scopes, expires } = setting;
  return {
    id: `key:${id}`,
    via: "key",
    credential: id,
    ...(tenant === undefined ? {} : { tenant }),
    ...(subject === undefined ? {} : { subject }),
    scopes,
    exports,
    ...(formats === undefined ? {} : { formats }),
    caps,
    claims: NO_CLAIMS,
    ...(expires === undefined ? {} : { expires }),
  };
}

/** Letters of an alphabet, each as likely as the others: bytes beyond its last multiple are dropped. */
function randomText(alphabet: string, length: number): string {
  const limit = 256 - 256 % alphabet.length;
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
