/** The progress of a run as server-sent events (HTML, 9.2). */

import type { LedgerRow } from "../runs/ledger/ledger.ts";
import { isFinal } from "../runs/receipt.ts";
import type { Receipts } from "../runs/receipts.ts";
import { ProblemError } from "./problems.ts";

/** Streams of events at once: a connection each. */
export const MAX_SUBSCRIBERS = 256;

/** Seconds after which a stream may have ended. */
const RETRY_AFTER_SECONDS = 5;

/** Milliseconds between two looks at a run that nothing is heard of: it may be another server's. */
const LOOK_MS = 1_000;

/** Milliseconds without an event after which a comment is sent: proxies end what stays silent. */
const SILENT_MS = 15_000;

/** Milliseconds after which a client that lost its stream asks again. */
const RECONNECT_MS = 1_000;

/** Answers with the events of a run, from the one on that the client had last. */
export type RunEvents = (row: LedgerRow, lastEventId: string | undefined) => Response;

/**
 * Makes the function. Each event tells all of a run's state, so that a client that reads slowly, or comes back,
 * needs none but the last; its id is made of what it tells.
 *
 * @param stopping ends every stream when it is aborted: the server would wait for them
 */
export function createRunEvents(
  receipts: Pick<Receipts, "get" | "watch">,
  stopping?: AbortSignal,
): RunEvents {
  let subscribers = 0;

  return (row, lastEventId) => {
    // What has ended has nothing more to tell; 204 keeps the client from asking again.
    if (lastEventId === eventId(row) && isFinal(row.state)) {
      return new Response(null, { status: 204 });
    }
    if (subscribers >= MAX_SUBSCRIBERS || stopping?.aborted) {
      throw new ProblemError({
        status: 503,
        title: "Service unavailable",
        detail: "As many clients look at runs as this server allows; try again shortly",
        retryAfter: RETRY_AFTER_SECONDS,
      });
    }
    subscribers++;
    const encoder = new TextEncoder();
    let wake: (() => void) | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let sentId = lastEventId;
    let last = { rows: row.rows, at: performance.now() };
    let said = performance.now();
    let open = true;
    const look = () => wake?.();
    const unwatch = receipts.watch(row.id, look);
    stopping?.addEventListener("abort", look);
    const close = () => {
      if (!open) return;
      open = false;
      subscribers--;
      clearTimeout(timer);
      unwatch();
      stopping?.removeEventListener("abort", look);
      wake?.();
    };

    /** Waits until the run has changed, or may have. */
    async function change(): Promise<void> {
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, LOOK_MS);
      });
      clearTimeout(timer);
      wake = undefined;
    }

    /** Rows a second since the event before. */
    function rate({ rows }: LedgerRow): number {
      const now = performance.now();
      const seconds = (now - last.at) / 1000;
      const perSecond = seconds > 0 && rows > last.rows ? (rows - last.rows) / seconds : 0;
      last = { rows, at: now };
      return Math.round(perSecond);
    }

    let next: LedgerRow | undefined = row;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(encoder.encode(`retry: ${RECONNECT_MS}\n\n`));
      },
      async pull(controller) {
        try {
          for (;; await change(), next = await receipts.get(row.id)) {
            if (!open) return;
            if (!next || stopping?.aborted) break;
            const now = performance.now();
            if (eventId(next) !== sentId) {
              sentId = eventId(next);
              said = now;
              controller.enqueue(encoder.encode(eventText(next, rate(next))));
              if (isFinal(next.state)) break;
              return;
            }
            if (now - said < SILENT_MS) continue;
            said = now;
            return controller.enqueue(encoder.encode(":\n\n"));
          }
          close();
          controller.close();
        } catch (error) {
          close();
          throw error;
        }
      },
      cancel: close,
    }, { highWaterMark: 0 });
    return new Response(body, {
      headers: {
        "Content-Type": "text/event-stream",
        "Cache-Control": "private, no-store, no-transform",
        "X-Accel-Buffering": "no",
      },
    });
  };
}

function eventId({ attempt, state, rows, bytes }: LedgerRow): string {
  return `${attempt}-${state}-${rows}-${bytes}`;
}

function eventText(row: LedgerRow, rowsPerSecond: number): string {
  const { state, attempt, rows, bytes, problem } = row;
  const data = {
    state,
    attempt,
    rows,
    bytes,
    rows_per_second: rowsPerSecond,
    ...(problem ? { problem } : {}),
  };
  return `id: ${eventId(row)}\ndata: ${JSON.stringify(data)}\n\n`;
}
