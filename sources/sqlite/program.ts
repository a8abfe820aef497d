/**
 * Reads the programs that SQLite makes of statements, as far as a reader of rows must know them.
 *
 * A program is what `explain` lists (https://www.sqlite.org/opcode.html). The documentation warns that
 * it changes from version to version: so what is not known here, down to a single instruction, proves
 * nothing, and its statement is read the slower way.
 */

import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { BoundQuery } from "./params.ts";

/** One instruction, with those of its operands that are looked at. */
export interface Instruction {
  /** What it does. */
  readonly opcode: string;
  /** Often a cursor. */
  readonly p1: number;
  /** Often an address; the root page of what is opened. */
  readonly p2: number;
  /** Often a name. */
  readonly p4: string | null;
}

/** What SQLite runs for a statement; an instruction's index is its address. */
export type Program = readonly Instruction[];

/**
 * The program of a statement. The values are bound, as SQLite chooses another plan for some of them
 * (https://www.sqlite.org/compile.html#enable_stat4), and only then.
 */
export function explain(
  database: DatabaseSync,
  text: string,
  { named, items }: Pick<BoundQuery, "named" | "items">,
): Program {
  const prepared = database.prepare(`explain ${text}`);
  prepared.setAllowBareNamedParameters(false);
  prepared.setAllowUnknownNamedParameters(true);
  prepared.setReturnArrays(true);
  const listed = prepared.all(named, ...items) as unknown as SQLOutputValue[][];
  return listed.map(([_address, opcode, p1, p2, _p3, p4]) => ({
    opcode: String(opcode),
    p1: Number(p1),
    p2: Number(p2),
    p4: p4 === null ? null : String(p4),
  }));
}

/** The steps of a statement's plan. */
export function explainPlan(database: DatabaseSync, text: string): readonly string[] {
  return database.prepare(`explain query plan ${text}`).all().map(({ detail }) => String(detail));
}

/** Instructions that move through tables and indexes: they alone decide which rows come, and when. */
const MOVES = words(`
  DeferredSeek Found IdxGE IdxGT IdxLE IdxLT IfNullRow IfPos Last Next NotExists NotFound NullRow
  OpenRead Prev ResultRow Rewind SeekGE SeekGT SeekLE SeekLT SeekRowid
`);

/** Instructions that compute and compare values. */
const COMPUTES = words(`
  Add Affinity And BitAnd BitNot BitOr Blob Cast ClrSubtype CollSeq Column Concat Copy Divide ElseEq Eq Function
  Ge Goto Gt Halt IdxRowid If IfNot Init Int64 Integer IsNull IsTrue Le Lt Move Multiply MustBeInt Ne
  Noop Not NotNull Null Once Or PureFunc Real RealAffinity Remainder Rowid SCopy ShiftLeft ShiftRight String
  String8 Subtract Transaction Variable
`);

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/** What may come between the last call and its row. */
const AFTER_CALL = words("Goto If IfNot Integer Null");

/**
 * Whether a statement that calls functions with the rows of a query, in its `where`, calls them with the
 * very rows that the query gives, in its order and each once.
 *
 * SQLite promises neither: it may call a function before it sorts, or for a row that another condition
 * drops. It does where both programs run through the same loops, without a sort, a table of their own
 * or a subprogram, and where nothing is decided between the calls and the row.
 *
 * @param query the program of the query alone
 * @param calling the program of the statement; its first `ResultRow` is for a row, a second one its end
 * @param functions the functions' names; of each there is one call at most
 */
export function callsForEachRow(
  query: Program,
  calling: Program,
  functions: readonly string[],
): boolean {
  if (![...query, ...calling].every(({ opcode }) => MOVES.has(opcode) || COMPUTES.has(opcode))) {
    return false;
  }
  const calls = functions.map((name) =>
    calling.flatMap(({ p4 }, address) => p4?.startsWith(`${name}(`) ? [address] : [])
  );
  const last = Math.max(...calls.flat());
  const row = calling.findIndex(({ opcode }) => opcode === "ResultRow");
  return calls.every(({ length }) => length <= 1) && last >= 0 && last < row &&
    calling.slice(last + 1, row).every(({ opcode }) => AFTER_CALL.has(opcode)) &&
    moves(calling) === `${moves(query)}; ResultRow`;
}

/** The moves of a program, with tables and indexes by their pages and cursors by their order. */
function moves(program: Program): string {
  const cursors: number[] = [];
  return program.filter(({ opcode }) => MOVES.has(opcode)).map(({ opcode, p1, p2 }) => {
    if (opcode === "ResultRow") return opcode;
    if (opcode === "OpenRead") cursors.push(p1);
    const cursor = opcode === "IfPos" ? "" : ` ${cursors.indexOf(p1)}`;
    return opcode === "OpenRead" ? `${opcode}${cursor} ${p2}` : `${opcode}${cursor}`;
  }).join("; ");
}

/** Instructions that make one row of many. */
const AGGREGATES = words("AggFinal AggStep Count");

/**
 * Whether a query may hold its thread for long before a row comes: it sorts, groups, or fills a table or
 * an index of its own first. Any other gives rows as it goes through its loops, unless a condition drops
 * them all. What another version says in other words counts as one that may
 * (https://www.sqlite.org/eqp.html).
 *
 * @param plan the steps that `explain query plan` tells
 */
export function mayBlock(query: Program, plan: readonly string[]): boolean {
  return query.some(({ opcode }) => AGGREGATES.has(opcode)) ||
    !plan.every((step) => /^(?:SCAN|SEARCH) /.test(step) && !step.includes(" AUTOMATIC "));
}
