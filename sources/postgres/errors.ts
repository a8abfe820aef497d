/** Says in Spillway's words what PostgreSQL and its driver complain of, and whose fault it is. */

import type { BoundParam } from "./params.ts";
import { SourceError } from "../source.ts";

/** What the driver throws, the server's errors included. */
interface DriverError {
  readonly code?: string;
  readonly message?: string;
  /** What the server was doing, in its language: `unnamed portal parameter $1 = '...'`. */
  readonly where?: string;
}

/**
 * The codes of what may be over in a moment (PostgreSQL, appendix A): connection exceptions, too many
 * connections, a server that stops, crashed or starts.
 */
const RETRYABLE = /^(?:08...|53300|57P0[123])$/;

/** What an error is told with. */
export interface ErrorContext {
  /** Aborted where the query is not wanted any more, whatever the server says of it. */
  readonly signal?: AbortSignal | undefined;
  /** The params whose values it is about. @default none */
  readonly params?: readonly string[];
}

/** The error as a source gives it. */
export function toSourceError(
  action: string,
  error: unknown,
  { signal, params = [] }: ErrorContext = {},
): SourceError {
  if (signal?.aborted) {
    return new SourceError(`${action}: it was cancelled`, { cause: signal.reason });
  }
  if (error instanceof SourceError) return error;
  const { code = "", message = String(error) } = error as DriverError;
  return new SourceError(`${action}: ${message}`, {
    cause: error,
    connection: RETRYABLE.test(code),
    params,
  });
}

/** Codes of a param whose type cannot be told; their messages name it by its number. */
const UNTYPED = ["42P18", "42P08"];

/** An error of a query as the source gives it, with its params by their names. */
export function toQueryError(error: unknown, params: readonly BoundParam[]): unknown {
  const { code = "", message = "" } = error as DriverError;
  if (!UNTYPED.includes(code)) return error;
  const named = message.replace(
    /\$(\d+)/g,
    (number, digits) =>
      params[Number(digits) - 1] ? `:${params[Number(digits) - 1]!.name}` : number,
  );
  return new SourceError(`Cannot run the query: ${named}`, { cause: error });
}

/** The codes of a limit and an offset that are negative: only a row's data is never one. */
const NEGATIVE_LIMIT = ["2201W", "2201X"];

/**
 * The params whose values an error is about, by name. It must have come before the first row.
 *
 * While the server takes the values over and plans the query with them, no row's data is looked at, so that a
 * "data exception" (class 22) is of a value: the one that the server names, or repeats, or one of all. Later
 * it is of one only where the server repeats it, or where it can be nothing else.
 *
 * @param running whether the server has taken the values over, and runs the query
 */
export function refusedParams(
  error: unknown,
  params: readonly BoundParam[],
  running: boolean,
): readonly string[] {
  const { code = "", message = "", where = "" } = error as DriverError;
  if (!code.startsWith("22")) return [];
  const given = params.filter(({ value }) => value !== null);
  const named = running ? undefined : params[Number(/\$(\d+)/.exec(where)?.[1]) - 1];
  const repeated = given.filter(({ value }) => value !== "" && message.includes(`"${value}"`));
  const refused = named
    ? [named]
    : repeated.length > 0
    ? repeated
    : NEGATIVE_LIMIT.includes(code)
    ? given.filter(({ value }) => value!.startsWith("-"))
    : running
    ? []
    : given;
  return [...new Set(refused.map(({ name }) => name))];
}
