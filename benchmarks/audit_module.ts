/** A source in TypeScript that makes the audit log: what the `modules` benchmark exports. */

import { auditRows } from "../examples/demo_data.ts";
import { defineSource } from "../sources/define_source.ts";

/** A row as its author writes it. */
interface AuditRow {
  readonly id: number;
  readonly occurred_at: string;
  readonly actor: string;
  readonly action: string;
  readonly resource: string;
  readonly ip_address: string;
  readonly user_agent: string;
  readonly amount: string;
  readonly success: boolean;
  readonly note: string | null;
}

/** Rows that are made once, and given again under other numbers: making them is not measured. */
const PREPARED_ROWS = 10_000;

/** Rows given at once, where they are given by batches. */
const BATCH_ROWS = 256;

let prepared: readonly AuditRow[] | undefined;

/** Makes rows one at a time. */
export function* eachRow(rows: number): Generator<AuditRow, void, undefined> {
  prepared ??= Array.from(auditRows(PREPARED_ROWS), toRow);
  for (let id = 1; id <= rows; id++) yield { ...prepared[id % PREPARED_ROWS]!, id };
}

function toRow(cells: readonly unknown[]): AuditRow {
  const [id, occurred_at, actor, action, resource, ip_address, user_agent, amount, success, note] =
    cells;
  return {
    ...{ id, occurred_at, actor, action, resource, ip_address, user_agent, amount, success, note },
  } as AuditRow;
}

/** The source. */
export default defineSource({
  columns: {
    id: "integer",
    occurred_at: "datetime",
    actor: "string",
    action: "string",
    resource: "string",
    ip_address: "string",
    user_agent: "string",
    amount: "decimal",
    success: "boolean",
    note: "string",
  },
  params: { rows: "integer", batches: "boolean" },
  *rows({ params }) {
    const rows = eachRow(Number(params.rows));
    if (!params.batches) return yield* rows;
    for (let batch = take(rows); batch.length > 0; batch = take(rows)) yield batch;
  },
});

function take(rows: Iterator<AuditRow>): AuditRow[] {
  const batch: AuditRow[] = [];
  while (batch.length < BATCH_ROWS) {
    const { done, value } = rows.next();
    if (done) break;
    batch.push(value);
  }
  return batch;
}
