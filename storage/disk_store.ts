/** A store on a disk: each object one file, published by one rename. */

import { join } from "node:path";
import { diskErrorCode, toDiskError } from "./disk_error.ts";
import { fileName, type FoundObject, partName, type Recovery } from "./disk_recovery.ts";
import { recoverDirectory } from "./disk_recovery.ts";
import { type FileSystem, systemFiles } from "./file_system.ts";
import { streamFile } from "./file_stream.ts";
import { Holding, NO_QUOTA, RESERVE_BYTES, type StoreQuota, UNLIMITED } from "./holding.ts";
import { wholeBlocks } from "./holding.ts";
import { mountPoint } from "./mounts.ts";
import { writeObject } from "./object_writer.ts";
import { checkKey, checkMetadata, NoRoomError, type PutOptions } from "./store.ts";
import type { Store, StoredObject } from "./store.ts";
import { TRAILER_MAX_BYTES } from "./trailer.ts";

/** How to keep files on a disk. */
export interface DiskStoreOptions {
  /** The directory, for this store alone; made where there is none. */
  readonly dir: string;
  /** The file system. @default {@linkcode systemFiles} */
  readonly files?: FileSystem;
  /** Where room is reserved, what is written is counted, and hears of failing writes. @default none */
  readonly quota?: StoreQuota;
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
  readonly number: number;
  readonly holding: Holding;
}

/**
 * Opens a store in a directory. What a dead process left unfinished is removed, and what it finished is
 * counted against the quota. No other process may use the directory.
 *
 * What is there is kept in memory, some 500 bytes an object; the disk is asked for bytes alone.
 *
 * @throws {DiskError} where the directory cannot be made or listed
 */
export async function createDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  const { dir, files = systemFiles, quota = NO_QUOTA, now = () => new Date() } = options;
  const index = new Map<string, Kept>();
  /** Files without an object whose names the disk would not remove; they still take its room. */
  const leftovers = new Set<Holding>();
  /** Objects that were found, and that the quota has no room for. */
  const uncounted = new Set<FoundObject>();
  let number = 0;

  /** Makes the error of a file system call one of ours, with what is known of the disk. */
  async function onDisk<Result>(action: string, work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      if (diskErrorCode(error) === undefined) throw error;
      const [mount, room] = await Promise.allSettled([mountPoint(files, dir), files.room(dir)]);
      throw toDiskError(error, {
        action,
        mount: mount.status === "fulfilled" ? mount.value : dir,
        freeBytes: room.status === "fulfilled" ? room.value.freeBytes : 0,
        reservedBytes: quota.reservedBytes,
      });
    }
  }

  /** The same for a call that takes room: where it fails, nobody else need try for a while. */
  async function onWrite<Result>(action: string, work: Promise<Result>): Promise<Result> {
    return await onDisk(
      action,
      work.catch((error) => {
        if (diskErrorCode(error) !== undefined) quota.writeFailed();
        throw error;
      }),
    );
  }

  async function reserve(key: string, { size, metadata }: PutOptions) {
    const bytes = size === undefined ? RESERVE_BYTES : wholeBlocks(size + TRAILER_MAX_BYTES);
    const reservation = await quota.reserve(bytes, metadata.tenant);
    if (typeof reservation === "string") throw new NoRoomError(key, reservation);
    return reservation;
  }

  /** Removes the names of a file that is none of the objects; what fails is tried again by `expire`. */
  async function drop(holding: Holding): Promise<void> {
    leftovers.add(holding);
    await holding.remove(files).then(() => leftovers.delete(holding), () => {});
  }

  /** Removes an object. */
  async function remove(kept: Kept): Promise<void> {
    await onDisk("delete a stored file", kept.holding.remove(files));
    if (index.get(kept.object.key) === kept) index.delete(kept.object.key);
  }

  /** Makes a file that is whole the object of its key, and removes what was it. */
  async function publish(kept: Kept): Promise<void> {
    const other = index.get(kept.object.key);
    // Another put may have been named after this one and have come through before it.
    const last = other === undefined || other.number < kept.number;
    if (last) index.set(kept.object.key, kept);
    const replaced = last ? other : kept;
    if (replaced) await drop(replaced.holding);
  }

  function live(key: string): Kept | undefined {
    checkKey(key);
    const kept = index.get(key);
    return kept && kept.object.expiresAt > now() ? kept : undefined;
  }

  /** Counts what was found against the quota. All bytes first: the quota looks at the disk as it is. */
  async function countIn(found: Iterable<FoundObject>): Promise<void> {
    const kept = [...found].map((one) => ({ one, kept: index.get(one.object.key) }))
      .filter(({ one, kept }) => kept?.object === one.object);
    for (const { one, kept } of kept) {
      uncounted.delete(one);
      kept!.holding.wrote(one.bytes);
    }
    for (const { one, kept } of kept) {
      if (!await kept!.holding.countIn(one.object.metadata.tenant)) uncounted.add(one);
    }
  }

  await onWrite("make the directory of the store", files.makeDirectory(dir));
  const findings = await onDisk("open the store", recoverDirectory(files, dir, now()));
  const { found, highest, ...removed } = findings;
  number = highest;
  for (const one of found) {
    const path = join(dir, one.name);
    const holding = new Holding([path], UNLIMITED, quota);
    index.set(one.object.key, { object: one.object, path, number: one.number, holding });
  }
  await countIn(found);
  const recovery: Recovery = {
    objects: found.length,
    bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    uncounted: uncounted.size,
    ...removed,
  };

  return {
    recovery,

    async put(key, body, options) {
      let reservation = options.reservation;
      let holding: Holding | undefined;
      try {
        checkKey(key);
        checkMetadata(options.metadata);
        reservation ??= await reserve(key, options);
        const part = join(dir, partName(key, ++number));
        holding = new Holding([part], reservation, quota);
        const onPut = <Result>(work: Promise<Result>) => onWrite(`store "${key}"`, work);
        const file = await onPut(files.open(part, { write: true, createNew: true }));
        let object: StoredObject;
        try {
          object = await writeObject(file, { ...options, key, body, now }, holding, onPut);
        } finally {
          file.close();
        }
        holding.trim();
        const place = ++number;
        const path = join(dir, fileName(key, place));
        // A rename that fails may have been done all the same.
        holding.paths = [part, path];
        await onPut(files.rename(part, path));
        await onPut(files.syncDirectory(dir));
        holding.paths = [path];
        await publish({ object, path, number: place, holding });
        return object;
      } catch (error) {
        body.cancel(error).catch(() => {});
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
        const leave = holding.enter();
        try {
          const file = await onDisk(`read "${key}"`, files.open(path, { read: true }));
          try {
            if (first > 0) await onDisk(`read "${key}"`, file.seek(first));
          } catch (error) {
            file.close();
            throw error;
          }
          const source = {
            read: (into: Uint8Array) => onDisk(`read "${key}"`, file.read(into)),
          };
          const body = streamFile(source, last - first + 1, () => {
            file.close();
            leave();
          });
          return { object, body };
        } catch (error) {
          leave();
          if (!(error instanceof Deno.errors.NotFound)) throw error;
          // Replaced or deleted since, by us or behind our back.
          await remove(kept);
        }
      }
      return undefined;
    },

    head: async (key) => await live(key)?.object,

    async delete(key) {
      checkKey(key);
      const kept = index.get(key);
      if (!kept) return;
      await remove(kept);
      await onDisk("delete a stored file", files.syncDirectory(dir));
    },

    async expire(until) {
      let freed = 0;
      const failures: unknown[] = [];
      for (const holding of [...leftovers]) await drop(holding);
      for (const kept of [...index.values()]) {
        if (kept.object.expiresAt > until) continue;
        try {
          const before = kept.holding.removed;
          await remove(kept);
          if (!before) freed += kept.object.size;
        } catch (error) {
          failures.push(error);
        }
      }
      await countIn([...uncounted]);
      if (failures.length > 0) throw failures[0];
      return freed;
    },
  };
}
