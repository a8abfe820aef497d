/** Opens a stored file, and proves that it is the one that was stored. */

import { createDigest } from "../digest.ts";
import type { FileInfo, FileSystem, OpenFile } from "../disk/file_system.ts";
import type { StoredObject } from "../store.ts";

/** What tells a file from any other that has its name. */
export interface FileIdentity {
  /** The device that it is on. */
  readonly device: number;
  /** Its number there. */
  readonly inode: number | null;
  /** Its bytes. */
  readonly size: number;
}

/** What has the name of a stored file is not that file. */
export class ForeignFileError extends Error {
  override readonly name = "ForeignFileError";
}

/** A file that is open, and is what its name leads to. */
export interface OwnFile {
  /** The file, to be closed. */
  readonly file: OpenFile;
  /** Its identity. */
  readonly identity: FileIdentity;
}

/** Bytes in a read. */
const READ_BYTES = 256 * 1024;

/** The identity of a file. */
export function identityOf({ device, inode, size }: FileInfo): FileIdentity {
  return { device, inode, size };
}

/**
 * Opens a file to read it, through no symbolic link: the name is looked at before and the open file after, as
 * Deno has no `O_NOFOLLOW`.
 *
 * @param expected the identity that it must have. @default any
 * @throws {ForeignFileError} where something else has its name
 */
export async function openOwnFile(
  files: FileSystem,
  path: string,
  expected?: FileIdentity,
): Promise<OwnFile> {
  const named = await files.statName(path);
  if (!named.isFile) throw new ForeignFileError(`${path} is no file`);
  const file = await files.open(path, { read: true });
  try {
    const identity = identityOf(await file.stat());
    for (const other of [identityOf(named), expected ?? identity]) {
      if (!isSame(identity, other)) throw new ForeignFileError(`${path} is another file by now`);
    }
    return { file, identity };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Reads a file of an object whole, and compares its digest, which takes about a second a GiB: once, of a file
 * that was found after a restart, before its first byte is sent.
 *
 * @throws {ForeignFileError} where its bytes are others
 */
export async function proveOwnFile(
  files: FileSystem,
  path: string,
  { size, sha256 }: StoredObject,
): Promise<FileIdentity> {
  const { file, identity } = await openOwnFile(files, path);
  try {
    const digest = createDigest();
    const buffer = new Uint8Array(READ_BYTES);
    for (let left = size; left > 0;) {
      const count = await file.read(buffer.subarray(0, Math.min(left, buffer.length)));
      if (!count) throw new ForeignFileError(`${path} has fewer bytes than were stored`);
      digest.update(buffer.subarray(0, count));
      left -= count;
    }
    if (digest.finish() !== sha256) throw new ForeignFileError(`${path} has other bytes`);
    return identity;
  } finally {
    file.close();
  }
}

function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.device === other.device && one.inode === other.inode && one.size === other.size;
}
