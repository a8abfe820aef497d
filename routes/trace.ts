/** Has each request belong to a trace, and the trace know what became of it. */

import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Client, Environment } from "./environment.ts";
import { formatTraceParent, parseTraceParent, type TraceParent } from "./traceparent.ts";

/** What a trace knows of a request. */
export interface RequestTrace {
  /** The request's own span, the parent of what is done for it. */
  readonly parent: TraceParent;
  /**
   * Called with the answer; gives the same one, whose end is the span's.
   *
   * @param route the pattern of its path; absent where no route answers
   */
  answered(response: Response, route: string | undefined): Response;
}

/** Begins a request's span, under the parent that its client says. */
export type StartTrace = (
  request: Request,
  parent: TraceParent | undefined,
  client: Client | undefined,
) => RequestTrace;

/** Makes the middleware. Without spans of our own, a client's is the parent of what the sources do. */
export function traceRequests(
  start: StartTrace | undefined,
  isEssential: (path: string) => boolean,
): MiddlewareHandler<Environment> {
  return async (context, next) => {
    const { req: request, env } = context;
    const given = parseTraceParent(request.header("traceparent"));
    const traced = start !== undefined && !isEssential(request.path);
    const trace = traced ? start(request.raw, given, env?.client) : undefined;
    const { parent = given } = trace ?? {};
    if (parent) context.set("traceparent", formatTraceParent(parent));
    await next();
    if (!trace) return;
    const route = routePath(context);
    // What every path passes is none.
    context.res = trace.answered(context.res, route.endsWith("*") ? undefined : route);
  };
}
