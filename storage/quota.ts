/** The quota: bytes are reserved before they are written, so that their sum never exceeds it. */

import { createDiskSpace, type DiskSpace } from "./disk_space.ts";
import type { FileSystemRoom } from "./file_system.ts";

/** Why bytes were refused. */
export type RefusalReason =
  /** The sum of all reservations would exceed `max_bytes`. */
  | "quota"
  /** The tenant's share would be exceeded. */
  | "tenant"
  /** Less than `min_free` bytes, or too few files, would be left on the disk. */
  | "disk"
  /** The last write failed, and the disk has not recovered since. */
  | "failing";

/** Bytes that may be written. */
export interface Reservation {
  /** How many bytes it is for. */
  readonly bytes: number;
  /** Takes so many more, all or none; the reason, where none. A released one takes none: `quota`. */
  grow(bytes: number): Promise<RefusalReason | undefined>;
  /**
   * Gives so many back: they were read and freed, or will not be written. Does nothing once it is
   * released.
   *
   * @throws {RangeError} when it is for fewer
   */
  shrink(bytes: number): void;
  /** Gives all back; does nothing the second time. */
  release(): void;
}

/** Milliseconds that everybody is refused after a write failed: long enough not to try each chunk. */
export const FAILING_MS = 1_000;

/** A request that was refused. */
export interface Refusal {
  /** Why. */
  readonly reason: RefusalReason;
  /** How many bytes were asked for. */
  readonly bytes: number;
  /** Who asked. */
  readonly tenant?: string;
  /** What went wrong when the disk was asked how much room it has. */
  readonly cause?: unknown;
}

/** How much may be reserved. */
export interface QuotaOptions {
  /** Bytes that may be reserved in all. */
  readonly maxBytes: number;
  /** Bytes that must be left free on the disk. */
  readonly minFreeBytes: number;
  /** Reads the disk. */
  readonly room: () => Promise<FileSystemRoom>;
  /** The part of `maxBytes` that one tenant may hold, above 0. @default 1 */
  readonly tenantShare?: number;
  /** Hears of every refusal. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** The time in milliseconds. @default the monotonic clock */
  readonly now?: () => number;
}

/** A quota. */
export interface Quota {
  /** Bytes that are reserved, by everybody. */
  readonly reservedBytes: number;
  /** Refusals so far. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** What is written, and what the disk could take. */
  readonly space: DiskSpace;
  /**
   * Asks for bytes; the reason, where there are none.
   *
   * @param tenant whose they are; its share is not looked at where it is absent
   */
  reserve(bytes: number, tenant?: string): Promise<Reservation | RefusalReason>;
  /** Refuses everybody for {@linkcode FAILING_MS}, then until the disk has recovered. */
  writeFailed(): void;
}

/** Makes a quota of which nothing is reserved. */
export function createQuota(options: QuotaOptions): Quota {
  const { maxBytes, tenantShare = 1, onRefused, now = () => performance.now() } = options;
  const tenantBytes = Math.floor(maxBytes * tenantShare);
  const space = createDiskSpace({ ...options, now });
  const refused = { quota: 0, tenant: 0, disk: 0, failing: 0 };
  const tenants = new Map<string, number>();
  let reservedBytes = 0;
  let failingUntil = -Infinity;

  /** Adds to what is reserved, or takes from it. */
  function add(bytes: number, tenant: string | undefined): void {
    reservedBytes += bytes;
    if (tenant === undefined) return;
    const held = (tenants.get(tenant) ?? 0) + bytes;
    if (held === 0) tenants.delete(tenant);
    else tenants.set(tenant, held);
  }

  /** Why no bytes can be had, as far as we know without the disk. */
  function limit(bytes: number, tenant: string | undefined): RefusalReason | undefined {
    if (reservedBytes + bytes > maxBytes) return "quota";
    if (tenant !== undefined && (tenants.get(tenant) ?? 0) + bytes > tenantBytes) return "tenant";
    if (now() < failingUntil) return "failing";
    return undefined;
  }

  function refuse(refusal: Refusal): RefusalReason {
    refused[refusal.reason]++;
    onRefused?.(refusal);
    return refusal.reason;
  }

  function writeFailed(): void {
    failingUntil = now() + FAILING_MS;
    space.distrust();
  }

  /** Takes bytes, all or none: nothing else runs between the last look and the taking. */
  async function take(
    bytes: number,
    tenant: string | undefined,
  ): Promise<RefusalReason | undefined> {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new RangeError(`Cannot reserve ${bytes} bytes`);
    }
    const refusal = { bytes, ...(tenant === undefined ? {} : { tenant }) };
    const early = limit(bytes, tenant);
    if (early !== undefined) return refuse({ reason: early, ...refusal });
    try {
      await space.refresh();
    } catch (cause) {
      writeFailed();
      return refuse({ reason: "failing", cause, ...refusal });
    }
    const reason = limit(bytes, tenant) ?? (space.fits(bytes, reservedBytes) ? undefined : "disk");
    if (reason !== undefined) return refuse({ reason, ...refusal });
    add(bytes, tenant);
    return undefined;
  }

  /** A reservation for bytes that were taken. */
  function reservation(taken: number, tenant: string | undefined): Reservation {
    let bytes = taken;
    let released = false;
    const giveBack = (some: number) => {
      bytes -= some;
      add(-some, tenant);
    };
    return {
      get bytes() {
        return bytes;
      },
      async grow(more) {
        if (released) return "quota";
        const reason = await take(more, tenant);
        if (reason !== undefined) return reason;
        if (released) { // while the disk was asked
          add(-more, tenant);
          return "quota";
        }
        bytes += more;
        return undefined;
      },
      shrink(some) {
        if (released) return;
        if (!Number.isSafeInteger(some) || some < 0 || some > bytes) {
          throw new RangeError(`Cannot give ${some} bytes back of ${bytes}`);
        }
        giveBack(some);
      },
      release() {
        released = true;
        giveBack(bytes);
      },
    };
  }

  return {
    get reservedBytes() {
      return reservedBytes;
    },
    refused,
    space,
    async reserve(bytes, tenant) {
      return await take(bytes, tenant) ?? reservation(bytes, tenant);
    },
    writeFailed,
  };
}
