/** A disk store in a directory of its own, with a quota, and a look at all that it holds. */

import { join } from "node:path";
import { type FileSystem, systemFiles } from "../../../storage/disk/file_system.ts";
import { createDiskStore, type DiskStore } from "../../../storage/disk_store/mod.ts";
import type { DiskRoom } from "../../../storage/disk/disk_room.ts";
import { toDiskError } from "../../../storage/disk/error.ts";
import { createQuota, type Quota } from "../../../storage/disk/quota.ts";
import { NOON, type StoreFixture } from "../../contracts/store_contract.ts";

/** How to make the fixture. */
export interface DiskFixtureOptions {
  /** The store's file system. @default the machine's */
  readonly files?: FileSystem;
  /** Bytes of the quota. @default 1 GiB */
  readonly maxBytes?: number;
  /** The part of it that a tenant may hold. @default 1 */
  readonly tenantShare?: number;
  /** The time when it is opened. @default noon */
  readonly now?: Date;
}

/** What a store holds. */
export interface Held {
  /** Names in its directory. The numbers in them count up for ever, and are left out. */
  readonly names: readonly string[];
  /** Descriptors of this process that are open in its directory. */
  readonly descriptors: number;
  /** Bytes that are reserved. */
  readonly reserved: number;
  /** Bytes that count as written. */
  readonly written: number;
}

/** The fixture. */
export interface DiskStoreFixture extends StoreFixture {
  readonly store: DiskStore;
  /** The store's directory. */
  readonly dir: string;
  /** The quota. */
  readonly quota: Quota;
  /** Gives room of the quota. */
  readonly room: DiskRoom;
  /** What the room was told of that is no failure of the disk. */
  readonly noticed: readonly string[];
  held(): Promise<Held>;
  /** Opens the directory again, as the next process would, with a quota of its own. */
  reopen(options?: DiskFixtureOptions): Promise<DiskStoreFixture>;
}

/** Room of a quota, as a spool gives it. */
export function roomOf(quota: Quota, noticed: string[] = []): DiskRoom {
  return {
    reserve: quota.reserve,
    neverFits: quota.neverFits,
    wrote: quota.space.wrote,
    freed: quota.space.freed,
    noticed: (action, error) => {
      noticed.push(`${action}: ${error instanceof Error ? error.message : error}`);
      return Promise.resolve();
    },
    restore: () => Promise.resolve(),
    failed(action, error) {
      const context = { action, mount: "/", freeBytes: 0, reservedBytes: quota.reservedBytes };
      return Promise.resolve(toDiskError(error, context));
    },
  };
}

/** The names in a directory, sorted and without their numbers. */
export function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name.replace(/\d+(\.part)?$/, "N$1")).sort();
}

/** Descriptors of this process that are open in a directory, files that have no name any more included. */
export function descriptorsIn(dir: string): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(`${dir}/`)) count++;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // closed since it was listed
    }
  }
  return count;
}

/** Makes the fixture. */
export async function createDiskFixture(
  options: DiskFixtureOptions = {},
): Promise<DiskStoreFixture> {
  const parent = await Deno.makeTempDir({ prefix: "disk-store-" });
  const fixture = await openFixture(join(parent, "files"), options);
  return { ...fixture, [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }) };
}

async function openFixture(dir: string, options: DiskFixtureOptions): Promise<DiskStoreFixture> {
  const { files = systemFiles, maxBytes = 1024 ** 3, tenantShare = 1 } = options;
  const quota = createQuota({
    maxBytes,
    tenantShare,
    minFreeBytes: 0,
    room: () => systemFiles.room(dir),
  });
  const noticed: string[] = [];
  const room = roomOf(quota, noticed);
  const clock = { now: options.now ?? NOON };
  const store = await createDiskStore({ dir, files, room, now: () => clock.now });
  return {
    store,
    clock,
    dir,
    quota,
    room,
    noticed,
    held: () =>
      Promise.resolve({
        names: namesIn(dir),
        descriptors: descriptorsIn(dir),
        reserved: quota.reservedBytes,
        written: quota.space.writtenBytes,
      }),
    reopen: (again = {}) => openFixture(dir, { ...options, ...again }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
