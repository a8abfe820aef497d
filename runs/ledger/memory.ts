/** A ledger in memory, which ends with the process. */

import { isFinal, isKept, mayFollow } from "../receipt.ts";
import { MAX_AGE_MS } from "../webhooks/retry.ts";
import { decodeCursor, encodeCursor, type RowPosition } from "./cursor.ts";
import type { IdempotencyKey, Ledger, LedgerRow, RowFilter } from "./ledger.ts";

/** Runs that have ended and stay, though nothing is to be done with them: 1 KB each. */
const MAX_ENDED = 10_000;

/** Rows that are added until the oldest of them go. */
const PRUNE_EVERY = 1_000;

/** A row, and what is looked for or compared. */
interface Entry extends RowPosition {
  row: LedgerRow;
  /** Of the receiver of its webhook, where it has one. */
  readonly notifyOrigin: string | undefined;
  endedAt: number | undefined;
  /** When its webhook is sent; absent where none is, or not before it has ended. */
  notifyAt?: number | undefined;
  handedAt?: number;
}

/**
 * Makes a ledger in memory, which holds the last 10,000 runs that ended, and those that something is still to be done
 * with. It has no tables: in those of SQLite, two statements of each run took an eighth of the server's time where it
 * was busy with runs of ten rows.
 *
 * @param now in milliseconds since 1970
 */
export function createMemoryLedger(server: string, now: () => number = Date.now): Ledger {
  const entries = new Map<string, Entry>();
  const byKey = new Map<string, Entry>();
  /** Those whose webhook is to be sent, as they have ended. */
  const due = new Set<Entry>();
  const slots = new Map<string, { readonly pattern: string; slot: Date }>();
  let added = 0;

  const where = (condition: (entry: Entry) => boolean) =>
    entries.values().filter(condition).toArray();

  function insert(row: LedgerRow): LedgerRow | undefined {
    const { id, idempotency } = row;
    const key = idempotency && keyText(idempotency);
    const other = key === undefined ? undefined : byKey.get(key)?.row;
    if (other) return other.id === id ? undefined : other;
    if (entries.has(id)) return undefined;
    const entry: Entry = {
      row,
      id,
      queuedAt: Date.parse(row.queuedAt),
      endedAt: timeOf(row),
      notifyOrigin: row.notify && new URL(row.notify.url).origin,
    };
    entries.set(id, entry);
    if (key !== undefined) byKey.set(key, entry);
    if (++added % PRUNE_EVERY === 0) {
      const ended = notNeeded(now() - MAX_AGE_MS);
      ended.sort((one, two) => two.endedAt! - one.endedAt!).slice(MAX_ENDED).forEach(forget);
    }
    return undefined;
  }

  function forget(entry: Entry): void {
    const { idempotency } = entry.row;
    entries.delete(entry.id);
    due.delete(entry);
    if (idempotency) byKey.delete(keyText(idempotency));
  }

  /** The run of each schedule that was asked for last, of those that were handed over. */
  function lastHanded(): ReadonlyMap<string, Entry> {
    const last = new Map<string, Entry>();
    for (const entry of entries.values()) {
      const name = entry.row.schedule?.name;
      if (name === undefined || entry.handedAt === undefined) continue;
      if (entry.queuedAt >= (last.get(name)?.queuedAt ?? 0)) last.set(name, entry);
    }
    return last;
  }

  /** As {@linkcode Ledger.purge} has it. */
  function notNeeded(unsentBefore: number): Entry[] {
    const following = new Set(lastHanded().values());
    return where((entry) =>
      entry.endedAt !== undefined && !isOpen(entry.row) && !isKept(entry.row) &&
      !(due.has(entry) && entry.endedAt >= unsentBefore) && !following.has(entry)
    );
  }

  function transition(
    ...[id, { from, attempt, to }, patch = {}]: Parameters<Ledger["transition"]>
  ) {
    if (!mayFollow(from, to)) throw new RangeError(`No run goes from ${from} to ${to}`);
    const entry = entries.get(id);
    if (entry?.row.state !== from || entry.row.attempt !== attempt) return false;
    if (entry.row.server !== server && from !== "complete") return false;
    entry.row = { ...entry.row, ...patch, state: to };
    entry.endedAt = timeOf(entry.row);
    const hasEnded = isFinal(to) && !isFinal(from) && entry.endedAt !== undefined;
    if (hasEnded && entry.notifyOrigin !== undefined) {
      entry.notifyAt = entry.endedAt;
      due.add(entry);
    }
    return true;
  }

  function list({ limit, cursor, ...filter }: RowFilter) {
    const end = cursor === undefined ? undefined : decodeCursor(cursor);
    const found = where((entry) =>
      isWanted(entry, filter) && (end === undefined || newestFirst(entry, end) > 0)
    ).sort(newestFirst);
    const rows = found.slice(0, limit).map(({ row }) => row);
    return found.length > limit ? { rows, next: encodeCursor(rows.at(-1)!) } : { rows };
  }

  function claim(id: string, other: string): boolean {
    const entry = entries.get(id);
    if (entry?.row.server !== other || !isOpen(entry.row)) return false;
    entry.row = { ...entry.row, server };
    return true;
  }

  function notifications(limit: number, origins: readonly string[], endedBefore: Date) {
    const wanted = new Set<string | undefined>(origins);
    return due.values().filter(({ notifyOrigin, endedAt }) =>
      endedAt! < endedBefore.getTime() || wanted.has(notifyOrigin)
    ).toArray().sort((one, other) => one.notifyAt! - other.notifyAt! || compare(one.id, other.id))
      .slice(0, limit)
      .map(({ row, notifyAt }) => ({ row, at: notifyAt! }));
  }

  function reschedule(...[id, { from, to }, notify]: Parameters<Ledger["reschedule"]>): boolean {
    const entry = entries.get(id);
    if (!entry || !due.has(entry) || entry.notifyAt !== from) return false;
    entry.notifyAt = to;
    if (to === undefined) due.delete(entry);
    if (notify) entry.row = { ...entry.row, notify };
    return true;
  }

  function handOver(id: string, at: Date): void {
    const entry = entries.get(id);
    if (entry?.row.state !== "complete" && entry?.row.state !== "expired") return;
    if (entry.handedAt !== undefined) return;
    entry.handedAt = at.getTime();
    entry.row = { ...entry.row, handedOverAt: at.toISOString() };
  }

  function scheduled(name: string, pattern: string, begin: Date): Date {
    const known = slots.get(name);
    if (known?.pattern === pattern) return known.slot;
    slots.set(name, { pattern, slot: begin });
    return begin;
  }

  function taken(name: string, slot: Date): void {
    const known = slots.get(name);
    if (known && known.slot < slot) known.slot = slot;
  }

  function purge(before: Date, unsentBefore: Date): number {
    const ended = notNeeded(unsentBefore.getTime())
      .filter(({ endedAt }) => endedAt! < before.getTime());
    ended.forEach(forget);
    return ended.length;
  }

  return {
    durable: false,
    shared: false,
    insert: (row) => Promise.try(insert, row),
    transition: (...step) => Promise.try(transition, ...step),
    get: (id) => Promise.resolve(entries.get(id)?.row),
    list: (filter) => Promise.try(list, filter),
    abandoned: () =>
      Promise.resolve(
        where(({ row }) => isOpen(row) && row.server !== server)
          .sort((one, other) => newestFirst(other, one))
          .map(({ row }) => row),
      ),
    claim: (id, other) => Promise.resolve(claim(id, other)),
    kept: () => Promise.resolve(where(({ row }) => isKept(row)).map(({ row }) => row)),
    notifications: (...wanted) => Promise.resolve(notifications(...wanted)),
    reschedule: (...times) => Promise.resolve(reschedule(...times)),
    handOver: (id, at) => Promise.resolve(handOver(id, at)),
    lastOf: (schedule) => Promise.resolve(lastHanded().get(schedule)?.row),
    scheduled: (...slot) => Promise.resolve(scheduled(...slot)),
    taken: (name, slot) => Promise.resolve(taken(name, slot)),
    beat: () => Promise.resolve(),
    purge: (...times) => Promise.resolve(purge(...times)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Whether something is still done for a run. */
function isOpen({ state }: LedgerRow): boolean {
  return !isFinal(state);
}

function isWanted(
  { row, queuedAt }: Entry,
  { principal, tenant, state, export: name, since }: Omit<RowFilter, "limit">,
): boolean {
  return row.principal === principal && row.tenant === tenant &&
    (state === undefined || row.state === state) &&
    (name === undefined || row.request.exports.includes(name)) &&
    (since === undefined || queuedAt >= since.getTime());
}

function newestFirst(one: RowPosition, other: RowPosition): number {
  return other.queuedAt - one.queuedAt || compare(other.id, one.id);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function keyText({ scope, key }: IdempotencyKey): string {
  return JSON.stringify([scope, key]);
}

function timeOf({ endedAt }: LedgerRow): number | undefined {
  return endedAt === undefined ? undefined : Date.parse(endedAt);
}
