/** A store on a disk: each object one file, published by one rename. */

import { join } from "node:path";
import { type DiskRoom, UNLIMITED, wholeDisk } from "../disk/disk_room.ts";
import { diskErrorCode } from "../disk/error.ts";
import { type FileSystem, type OpenFile, type OpenMode, systemFiles } from "../disk/file_system.ts";
import type { Reservation } from "../disk/quota.ts";
import {
  type ByteRange,
  checkKey,
  checkMetadata,
  NoRoomError,
  type PutOptions,
  type Store,
  type StoredFile,
  type StoredObject,
} from "../store.ts";
import { type OnDisk, streamFile } from "./file_stream.ts";
import { Holding, RESERVE_BYTES, wholeBlocks } from "./holding.ts";
import { type IndexedObject, ObjectIndex } from "./object_index.ts";
import { writeObject } from "./object_writer.ts";
import {
  type FileIdentity,
  ForeignFileError,
  identityOf,
  openOwnFile,
  proveOwnFile,
} from "./own_file.ts";
import { fileName, partName, recoverDirectory, type Recovery } from "./recovery.ts";
import { TRAILER_MAX_BYTES } from "./trailer.ts";

/** How to keep files on a disk. */
export interface DiskStoreOptions {
  /** The directory, for this store alone; made where there is none. */
  readonly dir: string;
  /** The file system. @default {@linkcode systemFiles} */
  readonly files?: FileSystem;
  /** Gives it room, and learns what it writes, frees and fails in. @default all the disk has */
  readonly room?: DiskRoom;
  /** The time. @default the system's clock */
  readonly now?: () => Date;
}

/** A store on a disk. Its files have no addresses of their own. */
export interface DiskStore extends Required<Omit<Store, "presign">> {
  /** What was found in the directory at the start. */
  readonly recovery: Recovery;
}

/**
 * Opens a store in a directory. What a dead process left unfinished is removed, and room is taken for
 * what it finished. No other process may use the directory.
 *
 * One that was found is read whole once, before it is first got: it must have the digest that it says it has.
 * One that is another file by then, or whose name is a symbolic link, is removed, reported to the room and gone.
 *
 * What always holds:
 * - A name without `.part` is of a whole file; of two of one key, the higher number is the object.
 * - Every file of ours is in `index`, or in `leftovers`, or is being put.
 * - Room is reserved for every byte that is written, but for objects that are `uncounted`.
 *
 * @throws {DiskError} where the directory cannot be made or listed
 */
export async function createDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  const { dir, files = systemFiles, now = () => new Date() } = options;
  const room = options.room ?? wholeDisk(files, dir);
  const index = new ObjectIndex();
  /** Files that are no objects, and whose names the disk would not remove. */
  const leftovers = new Set<Holding>();
  /** Objects that were found, and that there was no room for. */
  let uncounted: Found[] = [];

  const onDisk = (action: string): OnDisk => async (call) => {
    try {
      return await call;
    } catch (error) {
      throw diskErrorCode(error) === undefined ? error : await room.failed(action, error);
    }
  };

  function live(key: string): IndexedObject | undefined {
    checkKey(key);
    const indexed = index.get(key);
    return indexed && indexed.object.expiresAt > now() ? indexed : undefined;
  }

  /** Removes a file that is no object; where that fails, `expire` tries again. */
  async function drop(holding: Holding): Promise<void> {
    leftovers.add(holding);
    await onDisk("remove a stored file")(holding.remove(files))
      .then(() => leftovers.delete(holding), () => {});
  }

  /** Removes an object; whether it was there until then. */
  async function remove(indexed: IndexedObject): Promise<boolean> {
    await onDisk(`delete "${indexed.object.key}"`)(indexed.holding.remove(files));
    return index.delete(indexed);
  }

  /** The same for each of several; one that fails does not keep the others. */
  async function removeAll(several: Iterable<IndexedObject>) {
    const removed: StoredObject[] = [];
    const failed: { readonly indexed: IndexedObject; readonly error: unknown }[] = [];
    for (const indexed of several) {
      try {
        if (await remove(indexed)) removed.push(indexed.object);
      } catch (error) {
        failed.push({ indexed, error });
      }
    }
    return { removed, failed };
  }

  /** Takes room for what was there before: all bytes first, since the disk is looked at as it is. */
  async function countIn(found: readonly Found[]): Promise<void> {
    for (const { indexed, bytes } of found) indexed.holding.wrote(bytes);
    for (const one of found) {
      const { object, holding } = one.indexed;
      if (!await holding.countIn(object.metadata.tenant)) uncounted.push(one);
    }
  }

  /** Takes the room that a put begins with. */
  async function reserve(key: string, { size, metadata }: PutOptions): Promise<Reservation> {
    const bytes = size === undefined ? RESERVE_BYTES : wholeBlocks(size + TRAILER_MAX_BYTES);
    const reservation = await room.reserve(bytes, metadata.tenant);
    if (typeof reservation === "string") throw new NoRoomError(key, reservation);
    return reservation;
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

  /** Writes an object to a file that is no object yet. */
  async function write(
    key: string,
    part: string,
    body: ReadableStream<Uint8Array>,
    options: PutOptions,
    holding: Holding,
  ): Promise<{ readonly object: StoredObject; readonly identity: FileIdentity }> {
    const onPut = onDisk(`store "${key}"`);
    const file = await onPut(create(part));
    try {
      const object = await writeObject(file, { ...options, key, body, now }, holding, onPut);
      return { object, identity: identityOf(await onPut(file.stat())) };
    } finally {
      file.close();
    }
  }

  /** Makes a whole file the object of its key, and removes the one that it replaces. */
  async function publish(
    { object, identity }: { readonly object: StoredObject; readonly identity: FileIdentity },
    part: string,
    holding: Holding,
  ): Promise<void> {
    const { key } = object;
    const onPut = onDisk(`store "${key}"`);
    holding.trim();
    const published = ++number;
    const path = join(dir, fileName(key, published));
    holding.paths = [part, path]; // a rename that fails may have been done all the same
    await onPut(files.rename(part, path));
    await onPut(files.syncDirectory(dir));
    holding.paths = [path];
    const other = index.get(key);
    // One that was named after this one may have been through before it.
    if (other && other.number > published) return await drop(holding);
    if (other) index.delete(other);
    index.add({ object, path, number: published, holding, identity: Promise.resolve(identity) });
    if (other) await drop(other.holding);
  }

  /** Which file an object is; a proof that the disk failed is begun anew the next time. */
  function identify(indexed: IndexedObject): Promise<FileIdentity> {
    return indexed.identity ??= proveOwnFile(files, indexed.path, indexed.object).catch((error) => {
      indexed.identity = undefined;
      throw error;
    });
  }

  /** Opens the file of an object; not there, where it was replaced or removed since it was looked up. */
  async function open(
    indexed: IndexedObject,
    { first, last }: ByteRange,
  ): Promise<StoredFile | undefined> {
    const { object, path, holding } = indexed;
    index.touch(indexed);
    const release = holding.acquire();
    const onRead = onDisk(`read "${object.key}"`);
    let file: OpenFile | undefined;
    try {
      ({ file } = await onRead(openOwnFile(files, path, await onRead(identify(indexed)))));
      const stretch = { file, offset: first, bytes: last - first + 1, release };
      return { object, body: await streamFile(stretch, onRead) };
    } catch (error) {
      file?.close();
      release();
      if (error instanceof ForeignFileError) await room.noticed("trust a stored file", error);
      else if (!(error instanceof Deno.errors.NotFound)) throw error;
      index.delete(indexed);
      await drop(holding);
      return undefined;
    }
  }

  await onDisk("make the directory of a store")(files.makeDirectory(dir));
  const findings = await onDisk("open a store")(recoverDirectory(files, dir, now()));
  const { found, highest, ...rest } = findings;
  let number = highest;
  await countIn(found.map(({ object, name, number, bytes }) => {
    const path = join(dir, name);
    const holding = new Holding([path], UNLIMITED, room);
    const indexed: IndexedObject = { object, path, number, holding, identity: undefined };
    index.add(indexed);
    return { indexed, bytes };
  }));

  return {
    recovery: {
      objects: found.length,
      bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
      uncounted: uncounted.length,
      ...rest,
    },

    async put(key, body, options) {
      let { reservation } = options;
      let holding: Holding | undefined;
      try {
        checkKey(key);
        checkMetadata(options.metadata);
        reservation ??= await reserve(key, options);
        const part = join(dir, partName(key, ++number));
        holding = new Holding([part], reservation, room);
        const written = await write(key, part, body, options, holding);
        await publish(written, part, holding);
        return written.object;
      } catch (error) {
        body.cancel(error).catch(() => {}); // of one that is locked or errored
        if (holding) await drop(holding);
        else reservation?.release();
        throw error;
      }
    },

    async get(key) {
      for (let indexed = live(key); indexed; indexed = live(key)) {
        const file = await open(indexed, { first: 0, last: indexed.object.size - 1 });
        if (file) return file;
      }
      return undefined;
    },

    async range(key, range) {
      for (let indexed = live(key); indexed; indexed = live(key)) {
        checkRange(indexed.object, range);
        const file = await open(indexed, range);
        if (file) return file;
      }
      return undefined;
    },

    head: (key) => Promise.try(() => live(key)?.object),

    list() {
      const objects = [...index.values()].map(({ object }) => object);
      return Promise.resolve(objects.filter(({ expiresAt }) => expiresAt > now()));
    },

    async delete(key) {
      checkKey(key);
      const indexed = index.get(key);
      if (!indexed) return;
      await remove(indexed);
      await onDisk(`delete "${key}"`)(files.syncDirectory(dir));
    },

    async expire(until) {
      for (const holding of [...leftovers]) await drop(holding);
      const { removed, failed } = await removeAll(index.takeExpired(until));
      for (const { indexed } of failed) index.expireAgain(indexed);
      const again = uncounted.filter(({ indexed }) => !indexed.holding.removed);
      uncounted = [];
      await countIn(again);
      if (failed[0]) throw failed[0].error;
      return removed.reduce((sum, { size }) => sum + size, 0);
    },

    async evict(bytes, isNeeded) {
      const victims: IndexedObject[] = [];
      let found = 0;
      for (const indexed of index.values()) {
        if (found >= bytes) break;
        const { holding, object } = indexed;
        if (holding.isRead || holding.reservedBytes === 0 || isNeeded(object.key)) continue;
        victims.push(indexed);
        found += holding.reservedBytes;
      }
      return found < bytes ? [] : (await removeAll(victims)).removed;
    },
  };
}

/** An object that was there at the start. */
interface Found {
  readonly indexed: IndexedObject;
  /** How long its file is. */
  readonly bytes: number;
}

function checkRange({ key, size }: StoredObject, { first, last }: ByteRange): void {
  if (0 <= first && first <= last && last < size) return;
  throw new RangeError(`Cannot read bytes ${first} to ${last} of "${key}": it has ${size}`);
}
