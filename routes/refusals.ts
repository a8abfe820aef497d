/** Tells the log of requests that are refused: every answer of 4xx and 503, and why. */

import type { MiddlewareHandler } from "hono";
import type { Principal } from "../access/principal.ts";
import { redactNames, redactPath, redactText } from "../access/redact_text.ts";
import type { Environment } from "./environment.ts";
import { problemOf } from "./problems.ts";

/** A request that was refused. */
export interface RefusedRequest {
  /** The client's address, where it is known. */
  readonly client?: string;
  /** The method. */
  readonly method: string;
  /** The path, without the query string: that holds values, which may be any customer's. */
  readonly path: string;
  /** The status of the answer. */
  readonly status: number;
  /** Why, without the values that were given. */
  readonly reason: string;
  /** The run's id, which the client knows as `Export-Id`. */
  readonly id?: string;
  /** Who asked, where that is known. */
  readonly principal?: string;
  /** Whose data they may have. */
  readonly tenant?: string;
}

/** Reasons of answers that are no problems, or whose problems say less. */
const reasons = new WeakMap<Response, string>();

/** The same answer; where it is a refusal, the log is told this reason. */
export function withReason(response: Response, reason: string): Response {
  reasons.set(response, reason);
  return response;
}

/** Makes the middleware. A source that failed (502, 504) and a mistake of ours (500) have lines of their own. */
export function tellRefusals(
  onRefusal: (refused: RefusedRequest) => void,
): MiddlewareHandler<Environment> {
  return async (context, next) => {
    await next();
    const { res, req, env } = context;
    const { status } = res;
    if (status < 400 || [500, 502, 504].includes(status)) return;
    const client = env?.client?.remoteAddress;
    const id = res.headers.get("Export-Id");
    const principal = context.get("principal");
    onRefusal({
      ...(client === undefined ? {} : { client }),
      method: req.method,
      path: redactPath(req.path),
      status,
      reason: reasonOf(res),
      ...(id === null ? {} : { id }),
      ...(principal === undefined ? {} : namesOf(principal)),
    });
  };
}

/** Who a principal is, in a log. */
export function namesOf(
  { id, tenant }: Principal,
): { readonly principal: string; readonly tenant?: string } {
  return { principal: id, ...(tenant === undefined ? {} : { tenant }) };
}

/** What a problem says; of mistakes in params and options their names alone, as a message repeats the value. */
function reasonOf(response: Response): string {
  const reason = reasons.get(response);
  if (reason !== undefined) return reason;
  const problem = problemOf(response);
  if (!problem) return `status ${response.status}`;
  const { title, detail, errors = [] } = problem;
  const what = errors.length === 0
    ? redactText(detail)
    : redactNames(errors.map(({ name }) => name));
  return `${title}: ${what}`;
}
