/** Spans of requests and of runs, which Deno sends to an OpenTelemetry collector (`OTEL_DENO`). */

import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { redactPath } from "../access/redact_text.ts";
import type { RequestTrace, StartTrace } from "../routes/trace.ts";
import { parseTraceParent, type TraceParent } from "../routes/traceparent.ts";
import type { ObservedRun, RunObserver, RunReport } from "../runs/observer.ts";
import { TaskError } from "../runs/running_task.ts";
import { mapStream } from "../table/map_stream.ts";

/** What makes spans. */
export interface Tracing {
  /** Begins the span of a request. */
  readonly start: StartTrace;
  /** Makes those of a run, under its request's, once it has ended. */
  readonly observer: RunObserver;
}

/** Makes spans; names and attributes are those of OpenTelemetry's conventions for HTTP, and our own. */
export function createTracing(): Tracing {
  const tracer = trace.getTracer("spillway");
  return {
    start(request, given, client): RequestTrace {
      const { method } = request;
      const url = new URL(request.url);
      const span = tracer.startSpan(method, {
        kind: SpanKind.SERVER,
        attributes: {
          "http.request.method": method,
          // Its query holds values, and what a link is signed with.
          "url.path": redactPath(url.pathname),
          "url.scheme": url.protocol.slice(0, -1),
          ...(client ? { "client.address": client.remoteAddress } : {}),
        },
      }, contextOf(given));
      const own = span.spanContext();
      return {
        parent: own,
        answered: (response, route) => endWith(response, span, method, route),
      };
    },
    observer: {
      ended(report, run) {
        const { task, request } = run;
        if (task.describe) return;
        const context = contextOf(parseTraceParent(request?.traceparent));
        const common = {
          "spillway.run": run.id,
          "spillway.export": task.export,
          "spillway.format": task.format,
        };
        const steps = stepsOf(report, run);
        steps.forEach(({ name, from, to, attributes }, index) => {
          const span = tracer.startSpan(name, {
            startTime: timeOf(run, from),
            attributes: { ...common, ...attributes },
          }, context);
          if (report.error && index === steps.length - 1) fail(span, kindOf(report.error));
          span.end(timeOf(run, to));
        });
      },
    },
  };
}

/** What a span of that parent is made in. */
function contextOf(parent: TraceParent | undefined): Context {
  return parent ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }) : ROOT_CONTEXT;
}

/** Ends a request's span with its answer: of a file when its last byte was taken, or it broke. */
function endWith(
  response: Response,
  span: Span,
  method: string,
  route: string | undefined,
): Response {
  const { status, headers, body } = response;
  span.setAttribute("http.response.status_code", status);
  if (route !== undefined) {
    span.updateName(`${method} ${route}`);
    span.setAttribute("http.route", route);
  }
  if (status >= 500) fail(span, `${status}`);
  if (!body || !headers.has("Content-Disposition")) {
    span.end();
    return response;
  }
  const reader = body.getReader();
  reader.closed.catch((error) => fail(span, kindOf(error))).finally(() => span.end());
  return new Response(mapStream(reader, (chunk) => chunk), response);
}

/** A part of a run: from when to when, in milliseconds from its start. */
interface Step {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly attributes?: Attributes;
}

/** The parts that a run came to; where it failed, in the last one. */
function stepsOf(
  { steps, times, firstByte, duration, rows, bytes, state }: RunReport,
  { waited = 0 }: ObservedRun,
): Step[] {
  const { begun, opened, firstRow, worked } = steps;
  const { source, encode, client } = times;
  const all = [
    { name: "queue", from: -waited, to: begun ?? worked },
    { name: "open", from: begun, to: opened ?? worked },
    { name: "first row", from: opened, to: firstRow ?? worked },
    {
      name: "encode",
      from: firstRow,
      to: worked,
      attributes: {
        "spillway.rows": rows,
        ...(source === undefined ? {} : { "spillway.source_ms": source }),
        ...(encode === undefined ? {} : { "spillway.encode_ms": encode }),
      },
    },
    {
      name: "deliver",
      from: firstByte,
      to: duration,
      attributes: {
        "spillway.bytes": bytes,
        "spillway.state": state,
        "spillway.client_ms": client,
      },
    },
  ];
  return all.filter((step): step is typeof step & Step => step.from !== undefined);
}

function timeOf({ startedAt }: ObservedRun, milliseconds: number): number {
  return startedAt.getTime() + milliseconds;
}

/** Says that a span failed, and of what kind of error: a message may repeat a value. */
function fail(span: Span, kind: string): void {
  span.setAttribute("error.type", kind);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function kindOf(error: unknown): string {
  if (error instanceof TaskError) return error.kind;
  return error instanceof Error ? error.name : "Error";
}
