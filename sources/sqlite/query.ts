/** Prepares a query: its columns, its cells, and the statements that read it. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { declaredTypes } from "../declared_types.ts";
import { type SourceColumn, SourceError } from "../source.ts";
import { columnType, createCellReader } from "./cells.ts";
import { EXACT_ROW, ROW } from "./functions.ts";
import { createNumberReader, numberRule } from "./numbers.ts";
import type { BoundQuery } from "./params.ts";
import { callsForEachRow, explain, explainPlan, mayBlock, type Program } from "./program.ts";
import { callInLoops, callWithCopies, passBytes } from "./statements.ts";
import type { Cell, ColumnType } from "../../table/table.ts";

/** The arguments that SQLite lets a function have (SQLITE_MAX_FUNCTION_ARG). */
const MAX_COLUMNS = 1000;

/**
 * Rows in the last run of a query from which on it pays to prove anew that its loops are the same for
 * other values: a proof takes 0.15 ms, and saves 0.3 µs a row.
 */
const MANY_ROWS = 5000;

/** What is wrong with a statement that cannot stand in parentheses. */
const NOT_A_QUERY = "Cannot run the query: only SELECT, VALUES or WITH … SELECT can be exported";

/** A query that may be run again and again, on the connection and with the schema that it was made for. */
export class PreparedQuery {
  /** The columns that it gives. */
  readonly columns: readonly SourceColumn[];
  /** Whether it may hold its thread for long before a row comes. */
  readonly mayBlock: boolean;
  /** Turns a row into cells in place, whose integers are all `bigint`. */
  readonly readExact: (cells: Cell[]) => void;
  /** Turns a row into cells in place, whose integers are safe and numbers. */
  readonly readNumbers: (cells: Cell[]) => void;
  /** How many rows its last run gave. */
  rows = 0;

  readonly #database: DatabaseSync;
  readonly #text: string;
  /** The query with the functions in its own loops, and its program where that is proven. */
  readonly #looping: { readonly text: string; readonly program: Program | undefined };
  /** The values that it is proven for: for others, it may have another program. */
  readonly #provenFor: BoundQuery;
  #loopingStatement: StatementSync | undefined;
  #copyingStatement: StatementSync | undefined;

  /**
   * Prepares a query.
   *
   * @param types the types that the export declares, by column name
   * @throws {SourceError} when it is no query, or more than one
   * @throws {Error} when SQLite refuses it
   */
  constructor(
    database: DatabaseSync,
    query: BoundQuery,
    types: Readonly<Record<string, ColumnType>> = {},
  ) {
    const prepared = database.prepare(query.text);
    const described = prepared.columns();
    if (described.length === 0) throw new SourceError(NOT_A_QUERY);
    if (described.length > MAX_COLUMNS) {
      throw new SourceError(
        `Cannot run the query: it gives ${described.length} columns, and ${MAX_COLUMNS} can be read`,
      );
    }
    this.columns = described.map(({ name, type: declared }) => {
      const type = columnType(declared);
      return type === undefined ? { name } : { name, type };
    });
    const declared = declaredTypes(this.columns, types);
    const cellTypes = this.columns.map(({ type }, index) => declared[index] ?? type);
    const rules = described.map(({ type }, index) => numberRule(type, cellTypes[index]));
    this.readExact = createCellReader(cellTypes);
    this.readNumbers = createNumberReader(rules);

    this.#database = database;
    this.#text = onlyStatement(query.text, prepared.sourceSQL);
    this.#provenFor = query;
    const text = callInLoops(this.#text, rules);
    const calling = asQuery(() => explain(database, text, query));
    const alone = explain(database, this.#text, query);
    const proven = callsForEachRow(alone, calling, [EXACT_ROW, ROW]);
    this.#looping = { text, program: proven ? calling : undefined };
    this.mayBlock = mayBlock(alone, explainPlan(database, this.#text));
  }

  /** The statement to run for these values. */
  statement(query: BoundQuery): StatementSync {
    if (this.#isProvenFor(query)) {
      return this.#loopingStatement ??= prepare(this.#database, this.#looping.text);
    }
    return this.#copyingStatement ??= this.#prepareCopying();
  }

  #isProvenFor(query: BoundQuery): boolean {
    const { text, program } = this.#looping;
    if (!program) return false;
    if (query === this.#provenFor || !program.some(({ opcode }) => opcode === "Variable")) {
      return true;
    }
    return this.rows >= MANY_ROWS &&
      JSON.stringify(explain(this.#database, text, query)) === JSON.stringify(program);
  }

  /** A statement that passes on the bytes of rows, too; it is for few runs. */
  bytesStatement(): StatementSync {
    return prepare(this.#database, passBytes(this.#text, this.columns.length));
  }

  #prepareCopying(): StatementSync {
    const width = this.columns.length;
    const sorting = sorts(this.#database, callWithCopies(this.#text, width, false));
    return prepare(this.#database, callWithCopies(this.#text, width, sorting));
  }
}

/** Does what fails where a statement cannot stand in parentheses. */
function asQuery<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    const misplaced = error instanceof Error && error.message.includes("syntax error");
    throw misplaced ? new SourceError(NOT_A_QUERY, { cause: error }) : error;
  }
}

/** What may follow a statement: white space, semicolons, comments. */
const NOTHING_MORE = /^(?:[\s;]|--[^\n]*|\/\*[^]*?(?:\*\/|$))*$/;

/** The text of the one statement, without its semicolon; SQLite would ignore a second one. */
function onlyStatement(text: string, first: string): string {
  if (NOTHING_MORE.test(text.slice(first.length))) return first.replace(/;$/, "");
  throw new SourceError("Cannot run the query: a second statement follows the first");
}

function prepare(database: DatabaseSync, text: string): StatementSync {
  const prepared = database.prepare(text);
  prepared.setAllowBareNamedParameters(false);
  prepared.setAllowUnknownNamedParameters(true);
  return prepared;
}

/**
 * Whether a statement sorts: `USE TEMP B-TREE FOR ORDER BY`, or for its last terms alone. Only the speed
 * hangs on this text, which other versions may word differently
 * (https://www.sqlite.org/eqp.html).
 */
function sorts(database: DatabaseSync, statement: string): boolean {
  return explainPlan(database, statement).some((step) => /TEMP B-TREE.* ORDER BY/.test(step));
}
