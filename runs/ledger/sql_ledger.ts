/** A ledger in tables, whichever database they are in. */

import type { RunState } from "../receipt.ts";
import { mayFollow } from "../receipt.ts";
import {
  CursorError,
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
  /** Whether rows are there after the process ended. */
  readonly durable: boolean;
  /** Whether other servers write to it too. */
  readonly shared: boolean;
}

/** Milliseconds without a sign of life after which a server is taken for dead. */
export const DEAD_AFTER_MS = 60_000;

/** States of runs that something is still done for. */
const OPEN = `state in ('queued', 'running', 'publishing')`;

const COLUMNS = "id, state, attempt, server, data";

/** Makes a ledger of a database. */
export function createSqlLedger(options: SqlLedgerOptions): Ledger {
  const { driver, dialect, server, durable, shared } = options;
  const insertText = `insert into spillway_run (id, state, attempt, server, principal, tenant,
    exports, queued_at, ended_at, kept, idempotency_scope, idempotency_key, data)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${dialect.jsonParam})
    on conflict do nothing returning id`;
  const transitionText = `update spillway_run set state = ?, attempt = coalesce(?, attempt),
    ended_at = coalesce(?, ended_at), kept = ?, data = ${dialect.mergedData}
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
    durable,
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
        isKept(row.state, row) ? 1 : 0,
        idempotency?.scope ?? null,
        idempotency?.key ?? null,
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
      const updated = await execute("write a receipt", transitionText, [
        to,
        patch.attempt ?? null,
        patch.endedAt === undefined ? null : Date.parse(patch.endedAt),
        isKept(to, patch) ? 1 : 0,
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

    async beat() {
      if (!shared) return;
      const text = `insert into spillway_server (id, seen_at) values (?, ${dialect.now})
        on conflict (id) do update set seen_at = excluded.seen_at`;
      await execute("write to the ledger", text, [server]);
    },

    async purge(before) {
      const text = `delete from spillway_run where ended_at < ? and kept = 0 and not ${OPEN}
        returning id`;
      return (await execute("delete receipts", text, [before.getTime()])).length;
    },

    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

/** Whether there is a file of a run, for as long as it does not expire. */
function isKept(state: RunState, { file }: Pick<RowPatch, "file">): boolean {
  return state === "complete" && file !== undefined;
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

function encodeCursor({ queuedAt, id }: LedgerRow): string {
  return `${Date.parse(queuedAt)}-${id}`;
}

function decodeCursor(cursor: string) {
  const [, time, id] = /^(\d{1,15})-([a-z0-9-]{1,64})$/.exec(cursor) ?? [];
  if (id === undefined) throw new CursorError("No page ended with this cursor");
  return { queuedAt: Number(time), id };
}
