/** A store on a disk: each object one file, published by one rename. */

import { join } from "node:path";
import { diskErrorCode, toDiskError } from "./disk_error.ts";
import { fileName, partName, recoverDirectory, type Recovery } from "./disk_recovery.ts";
import { ExpiryQueue } from "./expiry_queue.ts";
import { type OnDisk, streamFile } from "./file_stream.ts";
import { type FileSystem, type OpenFile, type OpenMode, systemFiles } from "./file_system.ts";
import { type DiskRoom, Holding, RESERVE_BYTES, UNLIMITED, wholeBlocks } from "./holding.ts";
import { mountPoint } from "./mounts.ts";
import { writeObject } from "./object_writer.ts";
import {
  type FileIdentity,
  ForeignFileError,
  identityOf,
  openOwnFile,
  proveOwnFile,
} from "./own_file.ts";
import {
  checkKey,
  checkMetadata,
  NoRoomError,
  type PutOptions,
  type Store,
  type StoredObject,
} from "./store.ts";
import { TRAILER_MAX_BYTES } from "./trailer.ts";

/** How to keep files on a disk. */
export interface DiskStoreOptions {
  /** The directory, for this store alone; made where there is none. */
  readonly dir: string;
  /** The file system. @default {@linkcode systemFiles} */
  readonly files?: FileSystem;
  /** Gives it room, and hears of what it writes, frees and fails in. @default all the disk has */
  readonly room?: DiskRoom;
  /** The time. @default the system's clock */
  readonly now?: () => Date;
}

/** A store on a disk, which can do all that a store can. */
export interface DiskStore extends Required<Store> {
  /** What was found in the directory at the start. */
  readonly recovery: Recovery;
}

/** An object that is there. */
interface Kept {
  readonly object: StoredObject;
  readonly path: string;
  /** Its place in the order of all that were published. */
  readonly number: number;
  readonly holding: Holding;
  /** Which file it is: known of one that was put here, to be proved of one that was found. */
  identity: Promise<FileIdentity> | undefined;
}

/**
 * Opens a store in a directory. What a dead process left unfinished is removed, and room is taken for
 * what it finished. No other process may use the directory.
 *
 * What is known of the objects is kept in memory; the disk is asked for their bytes alone. One that was
 * found is read whole once, before it is first got: it must have the digest that it says it has. One that is
 * another file by then, or whose name is a symbolic link, is removed, told to the room and gone.
 *
 * @throws {DiskError} where the directory cannot be made or listed
 */
export async function createDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  const { dir, files = systemFiles, now = () => new Date() } = options;
  const room = options.room ?? wholeDisk(files, dir);
  /** All objects by key, those that were got least recently first. */
  const index = new Map<string, Kept>();
  const expiries = new ExpiryQueue<Kept>();
  /** Files that are no objects, and whose names the disk would not remove. */
  const leftovers = new Set<Holding>();
  /** Objects that were found, and that there was no room for. */
  let uncounted: { readonly kept: Kept; readonly bytes: number }[] = [];

  const onDisk = (action: string): OnDisk => async (call) => {
    try {
      return await call;
    } catch (error) {
      throw diskErrorCode(error) === undefined ? error : await room.failed(action, error);
    }
  };

  async function reserve(key: string, { size, metadata }: PutOptions) {
    const bytes = size === undefined ? RESERVE_BYTES : wholeBlocks(size + TRAILER_MAX_BYTES);
    const reservation = await room.reserve(bytes, metadata.tenant);
    if (typeof reservation === "string") throw new NoRoomError(key, reservation);
    return reservation;
  }

  function live(key: string): Kept | undefined {
    checkKey(key);
    const kept = index.get(key);
    return kept && kept.object.expiresAt > now() ? kept : undefined;
  }

  /** Removes a file that is no object; where that fails, `expire` tries again. */
  async function drop(holding: Holding): Promise<void> {
    leftovers.add(holding);
    await onDisk("remove a stored file")(holding.remove(files))
      .then(() => leftovers.delete(holding), () => {});
  }

  function add(kept: Kept): void {
    index.set(kept.object.key, kept);
    expiries.add(kept, kept.object.expiresAt);
  }

  /** Whether it was there until then. */
  function forget(kept: Kept): boolean {
    const { key } = kept.object;
    expiries.delete(kept);
    return index.get(key) === kept && index.delete(key);
  }

  /** Removes an object; whether it was there until then. */
  async function remove(kept: Kept): Promise<boolean> {
    await onDisk(`delete "${kept.object.key}"`)(kept.holding.remove(files));
    return forget(kept);
  }

  /** Makes a file, and the directory too where it was removed. */
  async function create(path: string): Promise<OpenFile> {
    const mode: OpenMode = { write: true, createNew: true };
    try {
      return await files.open(path, mode);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await room.restore();
      await files.makeDirectory(dir);
      return await files.open(path, mode);
    }
  }

  /** Which file an object is; a proof that the disk failed is begun anew the next time. */
  function identify(kept: Kept): Promise<FileIdentity> {
    return kept.identity ??= proveOwnFile(files, kept.path, kept.object).catch((error) => {
      kept.identity = undefined;
      throw error;
    });
  }

  /** The same for each of several; one that fails does not keep the others. */
  async function removeAll(several: Iterable<Kept>): Promise<{
    readonly removed: readonly StoredObject[];
    readonly failed: readonly { readonly kept: Kept; readonly error: unknown }[];
  }> {
    const removed: StoredObject[] = [];
    const failed: { kept: Kept; error: unknown }[] = [];
    for (const kept of several) {
      try {
        if (await remove(kept)) removed.push(kept.object);
      } catch (error) {
        failed.push({ kept, error });
      }
    }
    return { removed, failed };
  }

  /** Makes a whole file the object of its key, and removes the one that it replaces. */
  async function publish(kept: Kept): Promise<void> {
    const { key } = kept.object;
    const other = index.get(key);
    // One that was named after this one may have been through before it.
    if (other && other.number > kept.number) return await drop(kept.holding);
    if (other) forget(other);
    add(kept);
    if (other) await drop(other.holding);
  }

  /** Takes room for what was there before: all bytes first, since the disk is looked at as it is. */
  async function countIn(found: typeof uncounted): Promise<void> {
    for (const { kept, bytes } of found) kept.holding.wrote(bytes);
    for (const one of found) {
      const { object, holding } = one.kept;
      if (!await holding.countIn(object.metadata.tenant)) uncounted.push(one);
    }
  }

  await onDisk("make the directory of a store")(files.makeDirectory(dir));
  const findings = await onDisk("open a store")(recoverDirectory(files, dir, now()));
  const { found, highest, ...removed } = findings;
  let number = highest;
  await countIn(found.map(({ object, name, number, bytes }) => {
    const path = join(dir, name);
    const holding = new Holding([path], UNLIMITED, room);
    const kept: Kept = { object, path, number, holding, identity: undefined };
    add(kept);
    return { kept, bytes };
  }));

  return {
    recovery: {
      objects: found.length,
      bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
      uncounted: uncounted.length,
      ...removed,
    },

    async put(key, body, options) {
      const onPut = onDisk(`store "${key}"`);
      let reservation = options.reservation;
      let holding: Holding | undefined;
      try {
        checkKey(key);
        checkMetadata(options.metadata);
        reservation ??= await reserve(key, options);
        const part = join(dir, partName(key, ++number));
        holding = new Holding([part], reservation, room);
        const file = await onPut(create(part));
        let object: StoredObject;
        let identity: FileIdentity;
        try {
          object = await writeObject(file, { ...options, key, body, now }, holding, onPut);
          identity = identityOf(await onPut(file.stat()));
        } finally {
          file.close();
        }
        holding.trim();
        const place = ++number;
        const path = join(dir, fileName(key, place));
        holding.paths = [part, path]; // a rename that fails may have been done all the same
        await onPut(files.rename(part, path));
        await onPut(files.syncDirectory(dir));
        holding.paths = [path];
        await publish({
          object,
          path,
          number: place,
          holding,
          identity: Promise.resolve(identity),
        });
        return object;
      } catch (error) {
        body.cancel(error).catch(() => {}); // of one that is locked or errored
        if (holding) await drop(holding);
        else reservation?.release();
        throw error;
      }
    },

    async get(key, { range } = {}) {
      for (let kept = live(key); kept; kept = live(key)) {
        const { object, path, holding } = kept;
        const { first, last } = range ?? { first: 0, last: object.size - 1 };
        if (range && !(0 <= first && first <= last && last < object.size)) {
          throw new RangeError(
            `Cannot read bytes ${first} to ${last} of "${key}": it has ${object.size}`,
          );
        }
        index.delete(key);
        index.set(key, kept);
        const release = holding.enter();
        const onRead = onDisk(`read "${key}"`);
        let file: OpenFile | undefined;
        try {
          ({ file } = await onRead(openOwnFile(files, path, await onRead(identify(kept)))));
          const stretch = { file, offset: first, bytes: last - first + 1, release };
          return { object, body: await streamFile(stretch, onRead) };
        } catch (error) {
          file?.close();
          release();
          if (error instanceof ForeignFileError) {
            await room.noticed("trust a stored file", error);
          } else if (!(error instanceof Deno.errors.NotFound)) throw error;
          // Replaced or deleted since it was looked up, or behind our back.
          forget(kept);
          await drop(holding);
        }
      }
      return undefined;
    },

    head: (key) => Promise.try(() => live(key)?.object),

    async delete(key) {
      checkKey(key);
      const kept = index.get(key);
      if (!kept) return;
      await remove(kept);
      await onDisk(`delete "${key}"`)(files.syncDirectory(dir));
    },

    async expire(until) {
      for (const holding of [...leftovers]) await drop(holding);
      const { removed, failed } = await removeAll(expiries.takeExpired(until));
      for (const { kept } of failed) expiries.add(kept, kept.object.expiresAt);
      const again = uncounted.filter(({ kept }) => !kept.holding.removed);
      uncounted = [];
      await countIn(again);
      if (failed[0]) throw failed[0].error;
      return removed.reduce((sum, { size }) => sum + size, 0);
    },

    async evict(bytes, isNeeded) {
      const victims: Kept[] = [];
      let found = 0;
      for (const kept of index.values()) {
        if (found >= bytes) break;
        const { holding, object } = kept;
        if (holding.isRead || holding.reservedBytes === 0 || isNeeded(object.key)) continue;
        victims.push(kept);
        found += holding.reservedBytes;
      }
      return found < bytes ? [] : (await removeAll(victims)).removed;
    },
  };
}

/** The room of a disk that nobody else watches. */
function wholeDisk(files: FileSystem, dir: string): DiskRoom {
  return {
    reserve: () => Promise.resolve(UNLIMITED),
    wrote() {},
    freed() {},
    noticed: () => Promise.resolve(),
    restore: () => Promise.resolve(),
    async failed(action, error) {
      const [mount, freeBytes] = await Promise.all([
        mountPoint(files, dir).catch(() => dir),
        files.room(dir).then((found) => found.freeBytes, () => 0),
      ]);
      return toDiskError(error, { action, mount, freeBytes, reservedBytes: 0 });
    },
  };
}
