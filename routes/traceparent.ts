/** The header `traceparent`: which trace a request belongs to (W3C Trace Context, level 2, 3.2). */

/** A span of a trace. */
export interface TraceParent {
  /** The trace, 32 hexadecimal digits. */
  readonly traceId: string;
  /** The span that is the parent of what comes, 16 hexadecimal digits. */
  readonly spanId: string;
  /** Eight bits, the last of which says whether the trace is kept. */
  readonly traceFlags: number;
}

/** Version, trace, span and flags; a later version may have more behind another dash. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads the header; nothing where it is not valid, as if it was not there (3.2.2). */
export function parseTraceParent(text: string | null | undefined): TraceParent | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] = FORM.exec(text ?? "") ?? [];
  if (version === undefined || version === "ff" || version === "00" && more !== undefined) {
    return undefined;
  }
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

/** Writes the header, of the version that is known. */
export function formatTraceParent({ traceId, spanId, traceFlags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
