/** Says in Spillway's words what MySQL's driver and server complain of. */

import type { BoundValue } from "./params.ts";
import { SourceError } from "../source.ts";

/** What the driver throws, the server's errors included. */
interface DriverError {
  readonly code?: string;
  readonly errno?: number;
  readonly message?: string;
}

/** Codes of what may be over in a moment: no way to the server, no connection left, a restart. */
const RETRYABLE = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "PROTOCOL_CONNECTION_LOST",
  "ER_CON_COUNT_ERROR",
  "ER_NORMAL_SHUTDOWN",
  "ER_SERVER_SHUTDOWN",
  "ER_TOO_MANY_USER_CONNECTIONS",
]);

/**
 * Words for what the library says with the host, the account or the query in it, by the server's
 * number (MariaDB has names of its own for some) or the driver's code.
 */
const REASONS: Readonly<Record<string, string>> = {
  1044: "the account may not use the database",
  1045: "the server refused the account or its password",
  1049: "there is no such database",
  1064: "the server cannot parse it",
  1295: "the server cannot prepare such a statement",
  1298: "the server does not know the time zone; its time zone tables may not be loaded",
  1317: "somebody stopped the query on the server",
  1698: "the server refused the account or its password",
  1792: "it writes, and an export only reads",
  1836: "it writes, and an export only reads",
  1927: "somebody ended the connection on the server",
  1969: "the server stopped the query at its time limit",
  3024: "the server stopped the query at its time limit",
  EAI_AGAIN: "the host's address cannot be found now",
  ECONNREFUSED: "nobody listens on the host's port",
  ENOTFOUND: "the host has no address",
  ETIMEDOUT: "the server did not answer in time",
  HANDSHAKE_NO_SSL_SUPPORT: "the server does not offer TLS",
  PROTOCOL_CONNECTION_LOST: "the server closed the connection",
};

/** What only a text can be wrong for: a regular expression, a character set that lacks its letters. */
const TEXT_REFUSALS = /^ER_(?:REGEXP_|CANT_AGGREGATE_)/;

/**
 * The params whose values an error is about, by name; it must have come while the statement ran, and before
 * its first row. MariaDB takes most values for something, with a warning at most.
 */
export function refusedParams(error: unknown, params: readonly BoundValue[]): readonly string[] {
  const { code = "", message = "" } = error as DriverError;
  const refused = TEXT_REFUSALS.test(code)
    ? params.filter(({ value }) => typeof value === "string")
    // A column in the expression may be at fault as well.
    : code === "ER_DATA_OUT_OF_RANGE" && !message.includes("`")
    ? params.filter(({ value }) => value !== null && hasWord(message, String(value)))
    : [];
  return [...new Set(refused.map(({ name }) => name))];
}

function hasWord(message: string, word: string): boolean {
  return message.split(/[^\w.+-]+/).includes(word);
}

/**
 * The error as a source gives it.
 *
 * @param action what could not be done: `Cannot run the query`
 * @param params those whose values it is about
 */
export function toSourceError(
  action: string,
  error: unknown,
  params: readonly string[] = [],
): SourceError {
  if (error instanceof SourceError) return error;
  const { code = "", errno = 0, message = String(error) } = error as DriverError;
  const reason = code === "HANDSHAKE_SSL_ERROR"
    ? `TLS failed: ${message}`
    : REASONS[errno] ?? REASONS[code] ?? message;
  return new SourceError(`${action}: ${reason}${lineOf(errno, message)}`, {
    cause: error,
    connection: RETRYABLE.has(code),
    params,
  });
}

/** The line of a syntax error; the rest of its message is a piece of the query. */
function lineOf(errno: number, message: string): string {
  const line = errno === 1064 ? /at line (\d+)$/.exec(message)?.[1] : undefined;
  return line === undefined ? "" : `, at line ${line}`;
}
