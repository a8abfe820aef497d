/** A ledger in tables, whichever database they are in. */

import { isFinal, isKept, mayFollow } from "../receipt.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import {
  type Ledger,
  LedgerError,
  type LedgerRow,
  type RowFilter,
  type RowPatch,
  type Transition,
} from "./ledger.ts";
import type { Dialect } from "./schema.ts";
import type { SqlDriver, SqlRow, SqlValue, Statement } from "./sql_driver.ts";

/** How a ledger in tables works. */
export interface SqlLedgerOptions {
  /** The database, whose tables are there. */
  readonly driver: SqlDriver;
  /** What it calls otherwise. */
  readonly dialect: Dialect;
  /** The id of this server. */
  readonly server: string;
  /** Whether other servers write to it too. */
  readonly shared: boolean;
}

/** Milliseconds without a sign of life after which a server is taken for dead. */
export const DEAD_AFTER_MS = 60_000;

/** States of runs that something is still done for. */
const OPEN = `state in ('queued', 'running', 'publishing')`;

/** When the webhook of a run is sent that has not ended: later than any time. */
const NOT_ENDED = 8_640_000_000_000_000;

const COLUMNS = "id, state, attempt, server, data";

/** Makes a ledger of a database. */
export function createSqlLedger(options: SqlLedgerOptions): Ledger {
  const { driver, dialect, server, shared } = options;
  const insertText = `insert into spillway_run (id, state, attempt, server, principal, tenant,
    exports, queued_at, ended_at, kept, idempotency_scope, idempotency_key,
    notify_origin, notify_at, schedule, data)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${dialect.jsonParam})
    on conflict do nothing returning id`;
  const transitionText = `update spillway_run set state = ?, attempt = coalesce(?, attempt),
    ended_at = coalesce(?, ended_at), kept = ?,
    notify_at = case when notify_at is null then null else coalesce(?, notify_at) end,
    data = ${dialect.mergedData}
    where id = ? and state = ? and attempt = ? and (server = ? or state = 'complete')
    returning id`;

  async function execute(action: string, text: string, values: readonly SqlValue[]) {
    try {
      return await driver.execute({ text, values });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LedgerError(`Cannot ${action}: ${reason}`, { cause });
    }
  }

  async function select(action: string, where: string, values: readonly SqlValue[] = []) {
    const rows = await execute(action, `select ${COLUMNS} from spillway_run ${where}`, values);
    return rows.map(decodeRow);
  }

  return {
    durable: true,
    shared,

    async insert(row) {
      const { idempotency } = row;
      const added = await execute("write a receipt", insertText, [
        row.id,
        row.state,
        row.attempt,
        row.server,
        row.principal,
        row.tenant ?? "",
        row.request.exports.join(","),
        Date.parse(row.queuedAt),
        row.endedAt === undefined ? null : Date.parse(row.endedAt),
        isKept(row) ? 1 : 0,
        idempotency?.scope ?? null,
        idempotency?.key ?? null,
        row.notify ? new URL(row.notify.url).origin : null,
        row.notify ? NOT_ENDED : null,
        row.schedule?.name ?? null,
        encodeData(row),
      ]);
      if (added.length > 0 || !idempotency) return undefined;
      const where = "where idempotency_scope = ? and idempotency_key = ?";
      const values = [idempotency.scope, idempotency.key];
      const [other] = await select("read a receipt", where, values);
      return other?.id === row.id ? undefined : other;
    },

    async transition(id, { from, attempt, to }: Transition, patch: RowPatch = {}) {
      if (!mayFollow(from, to)) throw new RangeError(`No run goes from ${from} to ${to}`);
      const endedAt = patch.endedAt === undefined ? null : Date.parse(patch.endedAt);
      const updated = await execute("write a receipt", transitionText, [
        to,
        patch.attempt ?? null,
        endedAt,
        isKept({ ...patch, state: to }) ? 1 : 0,
        isFinal(to) && !isFinal(from) ? endedAt : null,
        encodeData(patch),
        id,
        from,
        attempt,
        server,
      ]);
      return updated.length > 0;
    },

    async get(id) {
      const [row] = await select("read a receipt", "where id = ?", [id]);
      return row;
    },

    async list(filter) {
      const { text, values } = selection(filter, dialect);
      const rows = await select("read receipts", text, values);
      if (rows.length <= filter.limit) return { rows };
      const page = rows.slice(0, filter.limit);
      return { rows: page, next: encodeCursor(page.at(-1)!) };
    },

    abandoned() {
      const where = shared
        ? `server not in (select id from spillway_server
            where seen_at > ${dialect.now} - ${DEAD_AFTER_MS})`
        : "server <> ?";
      const order = "order by queued_at, id";
      return select(
        "read receipts",
        `where ${OPEN} and ${where} ${order}`,
        shared ? [] : [server],
      );
    },

    async claim(id, other) {
      const text = `update spillway_run set server = ? where id = ? and server = ? and ${OPEN}
        returning id`;
      return (await execute("write a receipt", text, [server, id, other])).length > 0;
    },

    kept: () => select("read receipts", "where kept = 1"),

    async notifications(limit, origins, endedBefore) {
      const ofOrigins = origins.length === 0
        ? ""
        : `or notify_origin in (${origins.map(() => "?").join(", ")})`;
      const text = `select notify_at, ${COLUMNS} from spillway_run
        where notify_at < ${NOT_ENDED} and (ended_at < ? ${ofOrigins})
        order by notify_at, id limit ?`;
      const values = [endedBefore.getTime(), ...origins, limit];
      const rows = await execute("read receipts", text, values);
      return rows.map(({ notify_at, ...row }) => ({ row: decodeRow(row), at: Number(notify_at) }));
    },

    async reschedule(id, { from, to = null }, notify) {
      const text = `update spillway_run set notify_at = ?, data = ${dialect.mergedData}
        where id = ? and notify_at = ? returning id`;
      const data = JSON.stringify(notify ? { notify } : {});
      return (await execute("write a receipt", text, [to, data, id, from])).length > 0;
    },

    async handOver(id, at) {
      const text = `update spillway_run set handed_at = ?, data = ${dialect.mergedData}
        where id = ? and state in ('complete', 'expired') and handed_at is null`;
      const data = JSON.stringify({ handedOverAt: at.toISOString() });
      await execute("write a receipt", text, [at.getTime(), data, id]);
    },

    async lastOf(schedule) {
      const where =
        "where schedule = ? and handed_at is not null order by queued_at desc, id limit 1";
      const [row] = await select("read a receipt", where, [schedule]);
      return row;
    },

    async scheduled(name, pattern, now) {
      const text = `insert into spillway_schedule (name, pattern, slot_at) values (?, ?, ?)
        on conflict (name) do update set pattern = excluded.pattern,
          slot_at = case when spillway_schedule.pattern = excluded.pattern
            then spillway_schedule.slot_at else excluded.slot_at end
        returning slot_at`;
      const [row] = await execute("read a schedule", text, [name, pattern, now.getTime()]);
      return new Date(Number(row!.slot_at));
    },

    async taken(name, slot) {
      const text = "update spillway_schedule set slot_at = ? where name = ? and slot_at < ?";
      await execute("write a schedule", text, [slot.getTime(), name, slot.getTime()]);
    },

    async beat() {
      if (!shared) return;
      const text = `insert into spillway_server (id, seen_at) values (?, ${dialect.now})
        on conflict (id) do update set seen_at = excluded.seen_at`;
      await execute("write to the ledger", text, [server]);
    },

    async purge(before, unsentBefore) {
      const text = `delete from spillway_run where ended_at < ? and ${isNotNeeded(unsentBefore)}
        returning id`;
      return (await execute("delete receipts", text, [before.getTime()])).length;
    },

    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

/**
 * The condition that nothing is to be done with a run any more: it has ended, no file is kept of it, no webhook is to
 * be sent, and the next run of its schedule does not go on from it.
 *
 * @param unsentBefore webhooks of runs that ended before this time are not sent any more
 */
function isNotNeeded(unsentBefore: Date): string {
  return `kept = 0 and not ${OPEN}
    and (notify_at is null or ended_at < ${unsentBefore.getTime()})
    and (schedule is null or handed_at is null or exists (
      select 1 from spillway_run later where later.schedule = spillway_run.schedule
        and later.handed_at is not null and later.queued_at > spillway_run.queued_at))`;
}

/** What has no column of its own. */
function encodeData(row: Partial<LedgerRow>): string {
  const { id: _id, state: _state, attempt: _attempt, server: _server, ...data } = row;
  return JSON.stringify(data);
}

function decodeRow({ id, state, attempt, server, data }: SqlRow): LedgerRow {
  const members = typeof data === "string" ? JSON.parse(data) : data;
  // The one cast: what is there was written above.
  return { ...members, id, state, attempt: Number(attempt), server } as LedgerRow;
}

/** The part of the statement that gives a page, and one row more where another page follows. */
function selection(filter: RowFilter, dialect: Dialect): Statement {
  const conditions: [string, ...SqlValue[]][] = [
    ["principal = ?", filter.principal],
    ["tenant = ?", filter.tenant ?? ""],
  ];
  if (filter.state !== undefined) conditions.push(["state = ?", filter.state]);
  if (filter.export !== undefined) {
    const text = `${dialect.indexOf}(',' || exports || ',', ?) > 0`;
    conditions.push([text, `,${filter.export},`]);
  }
  if (filter.since !== undefined) conditions.push(["queued_at >= ?", filter.since.getTime()]);
  if (filter.cursor !== undefined) {
    const { queuedAt, id } = decodeCursor(filter.cursor);
    conditions.push(["(queued_at < ? or queued_at = ? and id < ?)", queuedAt, queuedAt, id]);
  }
  return {
    text: `where ${conditions.map(([text]) => text).join(" and ")}
      order by queued_at desc, id desc limit ?`,
    values: [...conditions.flatMap(([, ...values]) => values), filter.limit + 1],
  };
}
