/** What every store of finished files offers: put a file under a key, get it back, whole or a range. */

import type { RefusalReason, Reservation } from "./disk/quota.ts";

/**
 * What the owner of a file wants to know of it again. Text only, and not much of it, because object
 * storage keeps it in headers: {@linkcode METADATA_BYTES}.
 */
export interface ObjectMetadata {
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** The name to save it under. */
  readonly filename: string;
  /** Whose it is: whose share of the quota it takes, today and after a restart; absent: no tenant's. */
  readonly tenant?: string;
  /** Whatever else: the content coding. */
  readonly [name: string]: string;
}

/** A file in a store, without its bytes. */
export interface StoredObject {
  /** The key that it was put under. */
  readonly key: string;
  /** Bytes in the file. */
  readonly size: number;
  /** The SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** Its strong entity tag, quotes included. */
  readonly etag: string;
  /** When it was complete. */
  readonly createdAt: Date;
  /** From when on it is gone. */
  readonly expiresAt: Date;
  /** What was put with it. */
  readonly metadata: ObjectMetadata;
}

/** How to put a file. */
export interface PutOptions {
  /** What to keep with it. */
  readonly metadata: ObjectMetadata;
  /** From when on it is gone: a date, or what makes it of the one on which the file is complete. */
  readonly expiresAt: Date | ((createdAt: Date) => Date);
  /** Bytes that it must have, where they are known: room is taken for all of them at once. */
  readonly size?: number;
  /**
   * Room that was taken for it. The store takes it over: it grows with the file, is cut to the file's
   * size, and comes back when the file goes, or when it cannot be put.
   *
   * @default the store takes room itself
   */
  readonly reservation?: Reservation;
}

/** A stretch of bytes, both ends included, in the words of RFC 9110, 14.1.2. */
export interface ByteRange {
  /** The offset of its first byte. */
  readonly first: number;
  /** The offset of its last byte. */
  readonly last: number;
}

/** How to give a file an address. */
export interface PresignOptions {
  /** Milliseconds for which the address leads to the file. */
  readonly expiresIn: number;
}

/** A file that is being got. */
export interface StoredFile {
  /** What is known of it. */
  readonly object: StoredObject;
  /**
   * Its bytes, read as they are pulled: exactly those that were asked for, or an error. It holds the
   * file until it ends, errors or is cancelled, even where the object is replaced or deleted.
   */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * A store. The first two methods are all it takes. The others are what it can do besides: one that it has not
 * is absent, so that who needs it asks for it by type, and who could do without it looks whether it is there.
 */
export interface Store {
  /**
   * Puts a file under a key, all or nothing: it is there, whole, once this resolves, and a file that was
   * there before stays where this rejects. Of several that are put under one key the last one stays.
   *
   * @param body is read to its end, or cancelled; where it errors, so does this, with the same error
   * @throws {RangeError} for what cannot be a key, too much metadata, or a body that is not of its size
   * @throws {NoRoomError} where there is no room for it
   */
  put(key: string, body: ReadableStream<Uint8Array>, options: PutOptions): Promise<StoredObject>;
  /**
   * Gets a file; undefined where there is none. Its body must be read or cancelled.
   *
   * @throws {RangeError} for what cannot be a key
   */
  get(key: string): Promise<StoredFile | undefined>;
  /**
   * Gets some bytes of a file. A store without this gives whole files only.
   *
   * @throws {RangeError} for what cannot be a key, or a range that is not within the file
   */
  range?(key: string, range: ByteRange): Promise<StoredFile | undefined>;
  /**
   * An address that gives the file to who has it and nothing else, for a while; undefined where there is no file.
   * A store without this has its files sent by the server.
   */
  presign?(key: string, options: PresignOptions): Promise<URL | undefined>;
  /** What is known of a file, without opening it. A store without this is asked with `get`. */
  head?(key: string): Promise<StoredObject | undefined>;
  /** All files that have not expired, in any order. A store without this does not know them. */
  list?(): Promise<readonly StoredObject[]>;
  /** Deletes a file, where there is one. A store without this keeps it until it expires. */
  delete?(key: string): Promise<void>;
  /**
   * Removes every file that has expired by then; how many bytes those files had. A store without this
   * has rules of its own that do it.
   */
  expire?(now: Date): Promise<number>;
  /**
   * Removes files before they expire, those that were got least recently first, until so many bytes of room
   * are free; which files those were. Where all that may go would not be enough, none goes, and neither
   * does one that is being read.
   *
   * @param isNeeded whether the file of a key must stay
   */
  evict?(bytes: number, isNeeded: (key: string) => boolean): Promise<readonly StoredObject[]>;
}

/** There is no room for a file. */
export class NoRoomError extends Error {
  override readonly name = "NoRoomError";
  /** Why there is none. */
  readonly reason: RefusalReason;

  /** Names the file and the reason. */
  constructor(key: string, reason: RefusalReason) {
    super(`Cannot store "${key}": no room (${reason})`);
    this.reason = reason;
  }
}

/** Bytes of metadata as JSON in UTF-8: what S3 keeps with an object. */
export const METADATA_BYTES = 2 * 1024;

/**
 * Refuses what is not one of our ids. A key becomes part of a file's name and of a URL, so that nothing
 * may be in it that means something there.
 *
 * @throws {RangeError} where it is not 1 to 64 small letters, digits and hyphens
 */
export function checkKey(key: string): void {
  if (!/^[a-z0-9-]{1,64}$/.test(key)) {
    throw new RangeError(
      `Cannot use ${
        JSON.stringify(key)
      } as a key: it must be 1 to 64 of the characters a-z, 0-9 and -`,
    );
  }
}

/**
 * Refuses metadata that a store might not hold.
 *
 * @throws {RangeError} where it is more than {@linkcode METADATA_BYTES}
 */
export function checkMetadata(metadata: ObjectMetadata): void {
  const { length } = new TextEncoder().encode(JSON.stringify(metadata));
  if (length > METADATA_BYTES) {
    throw new RangeError(`Cannot store ${length} bytes of metadata: at most ${METADATA_BYTES}`);
  }
}
