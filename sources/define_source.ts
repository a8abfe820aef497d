/** What a row generator in TypeScript is: the types of a `module` source's file. */

import type { ColumnType } from "../table/table.ts";

/** What a cell of each column type is in TypeScript; every one may be null too. */
export interface CellTypes {
  /** Any text. */
  string: string;
  /** A whole number; beyond 2^53 it must be a `bigint`. */
  integer: number | bigint;
  /** A double. */
  number: number;
  /** Text such as `-12.50`, which keeps every digit; or a number. */
  decimal: string | number | bigint;
  /** True or false. */
  boolean: boolean;
  /** `YYYY-MM-DD`. */
  date: string;
  /** `YYYY-MM-DD HH:MM:SS` with a fraction, `Z` or `±HH:MM` as there is; or a moment. */
  datetime: string | Date;
  /** `HH:MM:SS`. */
  time: string;
  /** ISO 8601 (`PT36H5M`); or seconds. */
  duration: string | number;
  /** JSON text. */
  json: string;
  /** Bytes. */
  binary: Uint8Array;
}

/** What a param of each type of `spillway.yaml` is in TypeScript. */
export interface ParamTypes {
  /** Any text. */
  string: string;
  /** A whole number, a `bigint` beyond 2^53. */
  integer: number | bigint;
  /** A double. */
  number: number;
  /** True or false. */
  boolean: boolean;
  /** `YYYY-MM-DD`. */
  date: string;
  /** `YYYY-MM-DD HH:MM:SS`, in UTC. */
  datetime: string;
}

const isText = (value: unknown) => typeof value === "string";

/** Tells whether a param is of its type. */
export const PARAM_CHECKS: Readonly<Record<keyof ParamTypes, (value: unknown) => boolean>> = {
  string: isText,
  integer: (value) => Number.isSafeInteger(value) || typeof value === "bigint",
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  date: isText,
  datetime: isText,
};

/** The type of a value, or of a list of them. */
export type ValueType = keyof ParamTypes | `${keyof ParamTypes}[]`;

/**
 * The type of a param. `integer[]` is a list, what ends in `?` may be null, and an array is the values of an
 * enum; a list of an enum's is `string[]`.
 */
export type ParamDeclaration = ValueType | `${ValueType}?` | readonly string[];

/** The columns of a source: their types by name, in order. */
export type Columns = Readonly<Record<string, ColumnType>>;

/** The params of a source by name. */
export type Params = Readonly<Record<string, ParamDeclaration>>;

/** A row: a cell for each column. */
export type RowOf<C extends Columns> = {
  readonly [Name in keyof C]: CellTypes[C[Name]] | null;
};

/** What a param of a declaration is in TypeScript. */
export type ParamOf<D extends ParamDeclaration> = D extends readonly (infer Value)[] ? Value | null
  : D extends `${infer Type extends ValueType}?` ? ValueOf<Type> | null
  : D extends ValueType ? ValueOf<D>
  : never;

/** What a value of a type is in TypeScript. */
export type ValueOf<T extends ValueType> = T extends keyof ParamTypes ? ParamTypes[T]
  : T extends `${infer Type extends keyof ParamTypes}[]` ? readonly ParamTypes[Type][]
  : never;

/** What the rows are made from. */
export interface RowsContext<P extends Params> {
  /** The values of the params; that of an enum may be null, where `spillway.yaml` does not require it. */
  readonly params: { readonly [Name in keyof P]: ParamOf<P[Name]> };
  /** Aborted when the rows are no longer wanted: to be handed to `fetch` and the like. */
  readonly signal: AbortSignal;
}

/** What `rows` gives, one row or a batch of them at a time. */
export type Yielded<C extends Columns> = RowOf<C> | readonly RowOf<C>[];

/** A table that is made by code. */
export interface ModuleSource<C extends Columns = Columns, P extends Params = Params> {
  /** Its columns. */
  readonly columns: C;
  /** Its params, as the export declares them too. @default none */
  readonly params?: P;
  /**
   * Makes its rows; usually a generator. It is asked for the next ones only as they are read, and told
   * to return where no more are wanted: `finally` is the place to let things go.
   */
  rows(context: RowsContext<P>): AsyncIterable<Yielded<C>> | Iterable<Yielded<C>>;
}

/**
 * Gives a source its types: a row with a cell that is not of its column's type does not compile. It
 * gives back what it is given, so that a file may do without it.
 *
 * @example
 * ```ts
 * import { defineSource } from "@spillway/spillway/source";
 *
 * export default defineSource({
 *   columns: { day: "date", visits: "integer" },
 *   params: { days: "integer" },
 *   async *rows({ params, signal }) {
 *     for (let day = 0; day < params.days; day++) {
 *       const response = await fetch(`https://stats.internal/${day}`, { signal });
 *       yield await response.json() as { day: string; visits: number };
 *     }
 *   },
 * });
 * ```
 */
// No params are `{}`, and not every name.
// deno-lint-ignore ban-types
export function defineSource<const C extends Columns, const P extends Params = {}>(
  source: ModuleSource<C, P>,
): ModuleSource<C, P> {
  return source;
}
