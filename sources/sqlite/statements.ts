/**
 * Wraps a query in a statement that calls a function with each of its rows, and proves its end.
 *
 * The iterator of `node:sqlite` cannot be trusted with rows. In Deno 2.9.6 it ends as if they had ended
 * when one cannot be computed, when the disk cannot be read, when an integer beyond 2^53 comes and when
 * the database is closed; and it cuts text at a NUL. A function called from SQL has none of these faults,
 * and is faster: the iterator makes two objects and the name of every column for each row. So the query
 * is wrapped:
 *
 * ```sql
 * with spillway_query(c0, c1) as (<the query>),
 *   spillway_rows as (select * from spillway_query limit -1)
 * select 0 as last from spillway_rows where spillway_exact_row(c0, c1) union all select 1
 * ```
 *
 * - `spillway_exact_row` keeps the row, and is true where a batch is complete: that is the only thing the
 *   iterator sees of it, so that it stops once a batch.
 * - The last row is the proof that all others came. An end without it is an error.
 * - What `where` sees, `limit` has let through. That is what keeps SQLite from moving the function
 *   into the query, where it would be called before a sort, or for rows that another condition drops:
 *   a condition must not change what a limit means (select.c, flattenSubquery (19) and
 *   pushDownWhereTerms (3)).
 * - A query that sorts is kept as it was written by another column, `abs(0)` ("if the outer query
 *   contains a complex result set … then do not flatten", select.c). Flattened, the limit would be the
 *   sort's own, and replace SQLite's sorter by a b-tree: 4.0 s instead of 0.3 s for 500,000 rows.
 * - Only something that reads can stand in such parentheses: no statement that writes gets here.
 *
 * Between the query and the `where`, every row is copied. So there is a statement without the limit, too,
 * for queries of which `sqlite_program.ts` proves that it makes no difference. Their columns are those of
 * tables, so that it is known what their numbers can be: most rows come without a `bigint`.
 */

import { BYTES, EXACT_ROW, ROW } from "./functions.ts";
import type { NumberRule } from "./numbers.ts";

/** Conditions that may be joined: an expression may be a thousand deep (SQLITE_MAX_EXPR_DEPTH). */
const MAX_CONDITIONS = 500;

/** Calls the functions in the query's own loops, unless SQLite decides otherwise. */
export function callInLoops(query: string, rules: readonly NumberRule[]): string {
  const names = columnNames(rules.length);
  const exact = rules.flatMap((rule, index) =>
    rule.exact === true ? [] : rule.exact?.(names[index]!) ?? []
  );
  const row = exact.length > MAX_CONDITIONS || rules.some((rule) => rule.exact === true)
    ? `${EXACT_ROW}(${names})`
    : exact.length === 0
    ? `${ROW}(${names})`
    : `case when ${exact.join(" or ")} then ${EXACT_ROW}(${names}) else ${ROW}(${names}) end`;
  return wrap(query, names, "", `spillway_query where ${row}`);
}

/** Calls a function with copies of the query's rows. */
export function callWithCopies(query: string, width: number, sorts: boolean): string {
  const names = columnNames(width);
  return wrapCopies(query, names, sorts, `${EXACT_ROW}(${names})`);
}

/** Calls a function with copies of the query's rows, and another with the bytes of those that it chooses. */
export function passBytes(query: string, width: number): string {
  const names = columnNames(width);
  const bytes = names.map((name) => `cast(${name} as blob)`);
  const condition = `case when ${EXACT_ROW}(${names}) then ${BYTES}(${bytes}) end`;
  return wrapCopies(query, names, true, condition);
}

function wrapCopies(
  query: string,
  names: readonly string[],
  sorts: boolean,
  condition: string,
): string {
  const rows = `,
  spillway_rows as (select *${sorts ? ", abs(0)" : ""} from spillway_query limit -1)`;
  return wrap(query, names, rows, `spillway_rows where ${condition}`);
}

/** The line break ends a comment that the query may end with. */
function wrap(query: string, names: readonly string[], tables: string, from: string): string {
  return `with spillway_query(${names}) as (${query}\n)${tables}
select 0 as last from ${from} union all select 1`;
}

function columnNames(width: number): readonly string[] {
  return Array.from({ length: width }, (_, index) => `c${index}`);
}
