/** The quota: bytes are reserved before they are written, so that their sum never exceeds it. */

import { createDiskSpace, type DiskSpace } from "./space.ts";
import type { FileSystemRoom } from "./file_system.ts";

/**
 * What bytes are for: a run that spills, a whole file, which is kept, or a copy of what is sent anyway, for which
 * nothing else goes, and which is no sign of a shortage where it is refused.
 */
export type Use = "spill" | "file" | "copy";

/** Why bytes were refused. */
export type RefusalReason =
  /** The sum of all reservations would exceed `max_bytes`, or that of whole files their part of it. */
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
  /** The part of `maxBytes` that whole files may hold, above 0. @default 1 */
  readonly fileShare?: number;
  /**
   * Asked before bytes are refused, one call after the other, to have others give so many back: whether
   * they have. @default none are given back
   */
  readonly reclaim?: (bytes: number) => Promise<boolean>;
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
   * @param use what they are for. @default "spill"
   */
  reserve(bytes: number, tenant?: string, use?: Use): Promise<Reservation | RefusalReason>;
  /** Why so many bytes can never be had, whatever others give back; undefined where they can. */
  neverFits(bytes: number, tenant?: string, use?: Use): RefusalReason | undefined;
  /** Refuses everybody for {@linkcode FAILING_MS}, then until the disk has recovered. */
  writeFailed(): void;
}

/** Why bytes cannot be had. */
interface Shortage {
  readonly reason: RefusalReason;
  /** How many bytes others would have to give back; absent, where that is no help. */
  readonly missing?: number | undefined;
  /** What went wrong when the disk was asked how much room it has. */
  readonly cause?: unknown;
}

/** Makes a quota of which nothing is reserved. */
export function createQuota(options: QuotaOptions): Quota {
  const { maxBytes, tenantShare = 1, fileShare = 1, now = () => performance.now() } = options;
  const { reclaim, onRefused } = options;
  const tenantBytes = Math.floor(maxBytes * tenantShare);
  const fileBytes = Math.floor(maxBytes * fileShare);
  const space = createDiskSpace({ ...options, now });
  const refused = { quota: 0, tenant: 0, disk: 0, failing: 0 };
  const tenants = new Map<string, number>();
  let reservedBytes = 0;
  let reservedForFiles = 0;
  let failingUntil = -Infinity;
  /** The last of those that have others give bytes back. */
  let reclaiming: Promise<unknown> = Promise.resolve();

  /** Adds to what is reserved, or takes from it. */
  function add(bytes: number, tenant: string | undefined, use: Use): void {
    reservedBytes += bytes;
    if (use === "file") reservedForFiles += bytes;
    if (tenant === undefined) return;
    const held = (tenants.get(tenant) ?? 0) + bytes;
    if (held === 0) tenants.delete(tenant);
    else tenants.set(tenant, held);
  }

  /** Why no bytes can be had, as far as we know without the disk. */
  function limit(bytes: number, tenant: string | undefined, use: Use): Shortage | undefined {
    const missing = Math.max(
      reservedBytes + bytes - maxBytes,
      use === "file" ? reservedForFiles + bytes - fileBytes : 0,
    );
    // More than all of it is beyond what others could give back.
    const max = use === "file" ? fileBytes : maxBytes;
    if (missing > 0) return { reason: "quota", missing: bytes > max ? undefined : missing };
    if (tenant !== undefined && (tenants.get(tenant) ?? 0) + bytes > tenantBytes) {
      return { reason: "tenant" };
    }
    if (now() < failingUntil) return { reason: "failing" };
    return undefined;
  }

  function writeFailed(): void {
    failingUntil = now() + FAILING_MS;
    space.invalidate();
  }

  /** Takes bytes, all or none: nothing else runs between the last look and the taking. */
  async function tryToTake(
    bytes: number,
    tenant: string | undefined,
    use: Use,
  ): Promise<Shortage | undefined> {
    const early = limit(bytes, tenant, use);
    if (early !== undefined) return early;
    try {
      await space.refresh();
    } catch (cause) {
      writeFailed();
      return { reason: "failing", cause };
    }
    const late = limit(bytes, tenant, use);
    if (late !== undefined) return late;
    if (!space.fits(bytes, reservedBytes)) {
      return { reason: "disk", missing: space.missing(bytes, reservedBytes) };
    }
    add(bytes, tenant, use);
    return undefined;
  }

  /** Takes bytes, for which others give theirs back where there are not enough. */
  async function take(
    bytes: number,
    tenant: string | undefined,
    use: Use,
  ): Promise<RefusalReason | undefined> {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new RangeError(`Cannot reserve ${bytes} bytes`);
    }
    let shortage = await tryToTake(bytes, tenant, use);
    if (shortage?.missing !== undefined && reclaim && use !== "copy") {
      // In turns: what is given back for the one must not be asked for by the next as well.
      const turn = reclaiming.then(async () => {
        for (;;) {
          const again = await tryToTake(bytes, tenant, use);
          if (again?.missing === undefined || !await reclaim(again.missing)) return again;
        }
      });
      reclaiming = turn.catch(() => {});
      shortage = await turn;
    }
    if (shortage === undefined) return undefined;
    const { reason, cause } = shortage;
    if (use === "copy") return reason;
    refused[reason]++;
    onRefused?.({
      reason,
      bytes,
      ...(tenant === undefined ? {} : { tenant }),
      ...(cause === undefined ? {} : { cause }),
    });
    return reason;
  }

  /** A reservation for bytes that were taken. */
  function reservation(taken: number, tenant: string | undefined, use: Use): Reservation {
    let bytes = taken;
    let released = false;
    const giveBack = (some: number) => {
      bytes -= some;
      add(-some, tenant, use);
    };
    return {
      get bytes() {
        return bytes;
      },
      async grow(more) {
        if (released) return "quota";
        const reason = await take(more, tenant, use);
        if (reason !== undefined) return reason;
        if (released) { // while the disk was asked
          add(-more, tenant, use);
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
    async reserve(bytes, tenant, use = "spill") {
      return await take(bytes, tenant, use) ?? reservation(bytes, tenant, use);
    },
    neverFits(bytes, tenant, use = "spill") {
      if (bytes > (use === "file" ? fileBytes : maxBytes)) return "quota";
      return tenant !== undefined && bytes > tenantBytes ? "tenant" : undefined;
    },
    writeFailed,
  };
}
