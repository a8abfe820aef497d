/** The tables of a ledger, and the steps that make them of those of an older version. */

/** What the databases of ledgers call otherwise. */
export interface Dialect {
  /** The type of a column of JSON. */
  readonly json: string;
  /** A parameter that is JSON. */
  readonly jsonParam: string;
  /** The column `data` with the members of a parameter put in. */
  readonly mergedData: string;
  /** The function that tells where a text is in another one, 0 where it is not. */
  readonly indexOf: string;
  /** Milliseconds since 1970 by the clock that all servers share. */
  readonly now: string;
}

/**
 * The statements of each version, the first one's first; a later version is one more list, and no list that
 * was published changes. A column of its own has what is looked for or compared; all else of a row is in `data`,
 * so that another member of a receipt needs no step.
 */
export function migrations({ json }: Dialect): readonly (readonly string[])[] {
  return [[
    `create table spillway_run (
      id text primary key,
      state text not null,
      attempt integer not null,
      server text not null,
      principal text not null,
      tenant text not null,
      exports text not null,
      queued_at bigint not null,
      ended_at bigint,
      kept integer not null,
      idempotency_scope text,
      idempotency_key text,
      data ${json} not null
    )`,
    `create unique index spillway_run_key on spillway_run (idempotency_scope, idempotency_key)`,
    // What lists are filtered by is in it, so that a row that is not wanted is not read.
    `create index spillway_run_owner on spillway_run
      (principal, tenant, queued_at, id, state, exports)`,
    `create index spillway_run_open on spillway_run (queued_at)
      where state in ('queued', 'running', 'publishing')`,
    `create index spillway_run_kept on spillway_run (ended_at) where kept = 1`,
    `create index spillway_run_ended on spillway_run (ended_at)`,
    `create table spillway_server (id text primary key, seen_at bigint not null)`,
  ]];
}
