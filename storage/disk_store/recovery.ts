/** What a disk store finds in its directory when it starts: whole files, and what a dead process left. */

import { join } from "node:path";
import type { FileSystem, OpenFile } from "../disk/file_system.ts";
import { ForeignFileError, openOwnFile } from "./own_file.ts";
import type { StoredObject } from "../store.ts";
import { decodeTrailer, TRAILER_MAX_BYTES } from "./trailer.ts";

/** What became of the files that were there. */
export interface Recovery {
  /** How many objects are kept. */
  readonly objects: number;
  /** Bytes of their files. */
  readonly bytes: number;
  /** How many of them the quota has no room for, though they are there; it is asked again later. */
  readonly uncounted: number;
  /** Names of files that were removed because they were not finished, or had been replaced. */
  readonly unfinished: readonly string[];
  /** Names of files that were removed because they had expired. */
  readonly expired: readonly string[];
  /** Names of files that were removed because they are not what their trailer says. */
  readonly damaged: readonly string[];
  /** Files that are left where they are, because the disk would not read or remove them. */
  readonly refused: readonly { readonly name: string; readonly error: unknown }[];
}

/** A whole file. */
export interface FoundObject {
  /** What its trailer says. */
  readonly object: StoredObject;
  /** Its name. */
  readonly name: string;
  /** Its number in the order of all files that were published: the higher replaces the lower. */
  readonly number: number;
  /** How long it is, trailer included. */
  readonly bytes: number;
}

/** What was found, and what was done about it. */
export interface Findings extends Omit<Recovery, "objects" | "bytes" | "uncounted"> {
  /** What is kept: the newest of each key. */
  readonly found: readonly FoundObject[];
  /** The highest number in use, 0 where there is none. */
  readonly highest: number;
}

const NAME = /^([a-z0-9-]{1,64})\.(\d{1,15})(\.part)?$/;

/** The name of a file: one of its own for every put, so that a put that fails replaces nothing. */
export function fileName(key: string, number: number): string {
  return `${key}.${number}`;
}

/** The name of a file that is not finished. */
export function partName(key: string, number: number): string {
  return `${fileName(key, number)}.part`;
}

/**
 * Looks through a directory, and removes what is unfinished, replaced, expired or damaged, and names that
 * lead elsewhere. Digests are not looked at, which would hold up a start by minutes, but before a file is
 * first read.
 */
export async function recoverDirectory(
  files: FileSystem,
  dir: string,
  now: Date,
): Promise<Findings> {
  const found = new Map<string, FoundObject>();
  const unfinished: string[] = [];
  const damaged: string[] = [];
  const refused: { name: string; error: unknown }[] = [];
  let highest = 0;

  for (const name of await files.list(dir)) {
    const [, key, digits, part] = NAME.exec(name) ?? [];
    if (key === undefined) continue; // not ours
    const number = Number(digits);
    highest = Math.max(highest, number);
    if (part) {
      unfinished.push(name);
      continue;
    }
    try {
      const { object, bytes } = await readFacts(files, join(dir, name));
      const other = found.get(key);
      if (object?.key !== key) {
        damaged.push(name);
      } else if (other && other.number > number) {
        unfinished.push(name);
      } else {
        if (other) unfinished.push(other.name);
        found.set(key, { object, name, number, bytes });
      }
    } catch (error) {
      refused.push({ name, error });
    }
  }
  // Not before every file is known: what an expired one had replaced does not come back.
  const expired = [...found.values()].filter(({ object }) => object.expiresAt <= now);
  for (const { object } of expired) found.delete(object.key);

  const names = expired.map(({ name }) => name);
  for (const name of [...unfinished, ...damaged, ...names]) {
    await files.remove(join(dir, name)).catch((error) => refused.push({ name, error }));
  }
  return { found: [...found.values()], highest, unfinished, damaged, expired: names, refused };
}

/** Reads what a file says of itself; no object, where it is not whole. */
async function readFacts(
  files: FileSystem,
  path: string,
): Promise<{ readonly object: StoredObject | undefined; readonly bytes: number }> {
  const own = await openOwnFile(files, path).catch((error) => {
    if (error instanceof ForeignFileError) return undefined;
    throw error;
  });
  if (!own) return { object: undefined, bytes: 0 };
  const { file, identity: { size: bytes } } = own;
  try {
    const end = new Uint8Array(Math.min(bytes, TRAILER_MAX_BYTES));
    await file.seek(bytes - end.length);
    const whole = await fill(file, end);
    return { object: whole ? decodeTrailer(end, bytes) : undefined, bytes };
  } finally {
    file.close();
  }
}

/** Reads until a buffer is full; whether there was as much. */
async function fill(file: OpenFile, into: Uint8Array): Promise<boolean> {
  for (let done = 0; done < into.length;) {
    const count = await file.read(into.subarray(done));
    if (!count) return false;
    done += count;
  }
  return true;
}
