/** Answers to what is no request that the routes could answer: one that breaks HTTP, or one too many. */

import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";

/** An answer of this server that no route gives. */
export interface Refusal {
  /** The HTTP status. */
  readonly status: number;
  /** What the status means. */
  readonly title: string;
  /** What is wrong, for the client to read. */
  readonly detail: string;
  /** Seconds after which the same request may succeed; a client is told up to twice as many. */
  readonly retryAfter?: number;
}

/** Refusals by what is wrong. */
export const REFUSALS = {
  malformed: { status: 400, title: "Bad request", detail: "This is no request of HTTP/1.1" },
  method: { status: 501, title: "Not implemented", detail: "There is no such method here" },
  late: { status: 408, title: "Request timeout", detail: "The request did not come in time" },
  pathTooLong: {
    status: 414,
    title: "URI too long",
    detail: "The path of the request is longer than 8 KiB",
  },
  headTooLarge: {
    status: 431,
    title: "Request header fields too large",
    detail: "The head of the request is too large",
  },
  /**
   * Closing the connection is the end of the file in HTTP/1.0: one that breaks off would look whole (RFC
   * 9112, 8: only chunks and lengths tell). nginx speaks it to us unless told not to.
   */
  oldVersion: {
    status: 505,
    title: "HTTP version not supported",
    detail: "HTTP/1.0 cannot tell half a file from a whole one; use HTTP/1.1, or _delivery=whole",
  },
  server: {
    status: 503,
    title: "Service unavailable",
    detail: "There are as many connections as this server allows; try again shortly",
    retryAfter: 5,
  },
  address: {
    status: 429,
    title: "Too many requests",
    detail: "You have as many connections as this server allows; end one, or try again shortly",
    retryAfter: 5,
  },
} as const satisfies Readonly<Record<string, Refusal>>;

/** The answer that a refusal is (RFC 9457). */
export function refusalResponse(
  refusal: Refusal,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { ...headersOf(refusal), ...more };
  return new Response(bodyOf(refusal), { status: refusal.status, headers });
}

/** The same as bytes, head included, for a connection whose requests cannot be told apart any more. */
export function refusalText(refusal: Refusal): string {
  const body = bodyOf(refusal);
  const headers = {
    ...headersOf(refusal),
    "Content-Length": Buffer.byteLength(body),
    "Date": new Date().toUTCString(),
    "Connection": "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const start = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`;
  return `${[start, ...lines].join("\r\n")}\r\n\r\n${body}`;
}

function bodyOf({ status, title, detail }: Refusal): string {
  return `${JSON.stringify({ type: "about:blank", status, title, detail })}\n`;
}

/** Those that are refused at once are told to come back at other times, so that they do not do so at once. */
function headersOf({ retryAfter }: Refusal): Record<string, string> {
  return {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    ...(retryAfter === undefined ? {} : {
      "Retry-After": `${retryAfter + Math.floor(Math.random() * (retryAfter + 1))}`,
    }),
  };
}
