/** Sends the webhooks of runs that have ended, until they are taken: what is to be sent is in the ledger alone. */

import { type Clock, systemClock } from "../../storage/clock.ts";
import { settlesWithin } from "../../storage/settles_within.ts";
import type { DueNotification, Ledger, LedgerRow } from "../ledger/ledger.ts";
import type { RunNotification, WebhookAttempt } from "../receipt.ts";
import { failureReason } from "./failure.ts";
import { MAX_AGE_MS, retryDelay } from "./retry.ts";
import { type SendOptions, sendWebhook, type WebhookRequest } from "./send.ts";
import { signedHeaders } from "./signature.ts";

/** Where webhooks may go, and how they are sent. */
export interface WebhookSettings {
  /** The secrets, each of which signs: `whsec_` and the key in Base64. */
  readonly secrets: readonly string[];
  /** Origins that are on the Internet. */
  readonly allow: readonly string[];
  /** Origins that may be on this machine, or on networks of one's own. */
  readonly allowPrivate: readonly string[];
  /** Milliseconds that one attempt may take. */
  readonly timeout: number;
  /** Attempts at most. */
  readonly maxAttempts: number;
}

/** What deliveries need of their server. */
export interface DeliveriesOptions {
  /** Where runs are. */
  readonly ledger: Pick<Ledger, "notifications" | "reschedule">;
  /** The settings of now; nothing where no webhooks are sent. */
  readonly settings: () => WebhookSettings | undefined;
  /** What is sent of a run: JSON. */
  readonly toBody: (row: LedgerRow) => string;
  /** Called with each attempt. */
  readonly onAttempt?: (event: DeliveryEvent) => void;
  /** Called when the ledger cannot be read or written; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Sends one. @default over the network */
  readonly send?: (request: WebhookRequest, options: SendOptions) => Promise<number>;
  /** What time it is. @default the system's */
  readonly now?: (() => Date) | undefined;
  /** The clock of what waits. @default the system's */
  readonly clock?: Clock;
  /** Draws from 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** An attempt, and what follows from it. */
export interface DeliveryEvent extends WebhookAttempt {
  /** The run. */
  readonly id: string;
  /** The origin that it was sent to. */
  readonly origin: string;
  /** What the network said where there was no answer. */
  readonly cause?: unknown;
  /** Which attempt it was: 1 at first. */
  readonly attempt: number;
  /** Whether it is still to be sent, was taken, or is not sent any more. */
  readonly state: RunNotification["state"];
}

/** The deliveries of a server; disposing ends what is under way, which the next server sends anew. */
export interface Deliveries extends AsyncDisposable {
  /** Looks for what is to be sent; never waits for any of it. */
  wake(): void;
}

/** Webhooks under way at once. */
const MAX_CONCURRENT = 16;

/** Of one origin: one that does not answer leaves room for the others. */
const MAX_PER_ORIGIN = 4;

/** Milliseconds between two looks at the ledger: another server may have left something. */
const LOOK_MS = 30_000;

/** Milliseconds, besides the timeout, until another server sends what a server took and did not finish. */
const LEASE_MS = 60_000;

/** Milliseconds that the ledger may take when the server ends; after that the lease ends by itself. */
const CLOSE_MS = 2_000;

/** The status of a receiver that wants no more of them (RFC 9110, 15.5.11). */
const GONE = 410;

/** Makes the deliveries of a server. */
export function createDeliveries(options: DeliveriesOptions): Deliveries {
  const { ledger, settings, toBody, onAttempt = () => {}, onError, send = sendWebhook } = options;
  const { now = () => new Date(), clock = systemClock, random = Math.random } = options;
  /** Those under way, by their origins. */
  const busy = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  const closed = closing.signal;
  let looking: Promise<void> | undefined;
  let again = false;
  let stopTimer: (() => void) | undefined;

  function wake(): void {
    if (closed.aborted) return;
    if (looking) {
      again = true;
      return;
    }
    stopTimer?.();
    looking = look().catch((error) => {
      onError(error);
      return LOOK_MS;
    }).then((delay) => {
      looking = undefined;
      if (closed.aborted) return;
      if (again) {
        again = false;
        return wake();
      }
      stopTimer = clock.after(delay, wake);
    });
  }

  /** Looks again after a while: a ledger that cannot be written may well be read. */
  function rest(): void {
    if (looking || closed.aborted) return;
    stopTimer?.();
    stopTimer = clock.after(LOOK_MS, wake);
  }

  /** Begins what is due, as far as there is room; the milliseconds until it is to look again. */
  async function look(): Promise<number> {
    const free = MAX_CONCURRENT - running.size;
    const setting = settings();
    // The end of one of them looks again.
    if (free === 0 || !setting) return LOOK_MS;
    // What is not allowed here may be allowed at a server that shares the ledger, or here again.
    const origins = allowedBy(setting).filter((origin) => (busy.get(origin) ?? 0) < MAX_PER_ORIGIN);
    const time = now().getTime();
    const found = await ledger.notifications(free, origins, new Date(time - MAX_AGE_MS));
    for (const due of found) {
      if (due.at > time) return Math.min(due.at - time, LOOK_MS);
      if (closed.aborted) return LOOK_MS;
      const { origin } = new URL(due.row.notify!.url);
      if (isTooOld(due.row, time)) {
        await expire(due, origin);
        again = true;
      } else if ((busy.get(origin) ?? 0) >= MAX_PER_ORIGIN) again = true;
      else start(due, origin);
    }
    return LOOK_MS;
  }

  /** Writes down that a webhook is not sent any more, unless another server has. */
  async function expire({ row, at }: DueNotification, origin: string): Promise<void> {
    const { id } = row;
    const notify = row.notify!;
    const attempt = { at: now().toISOString(), error: "it was not taken within three days" };
    const attempts = [...notify.attempts, attempt];
    const state = "failed";
    if (!await ledger.reschedule(id, { from: at, to: undefined }, { ...notify, state, attempts })) {
      return;
    }
    onAttempt({ ...attempt, id, origin, attempt: attempts.length, state });
  }

  function start(due: DueNotification, origin: string): void {
    busy.set(origin, (busy.get(origin) ?? 0) + 1);
    const done = deliver(due, origin).finally(() => {
      const others = busy.get(origin)! - 1;
      if (others === 0) busy.delete(origin);
      else busy.set(origin, others);
      running.delete(done);
    }).then(wake, (error) => {
      onError(error);
      rest();
    });
    running.add(done);
  }

  async function deliver({ row, at }: DueNotification, origin: string): Promise<void> {
    const { id } = row;
    const notify = row.notify!;
    const setting = settings();
    // They may have changed since it was found.
    if (!setting || !allowedBy(setting).includes(origin)) return;
    const begun = now();
    const lease = begun.getTime() + setting.timeout + LEASE_MS;
    if (!await ledger.reschedule(id, { from: at, to: lease })) return;
    const made = await outcome(row, setting, begun);
    if (!made) {
      await ledger.reschedule(id, { from: lease, to: at });
      return;
    }
    const { cause, ...attempt } = made;
    const attempts = [...notify.attempts, attempt];
    const next = now().getTime() + retryDelay(attempts.length, random());
    const state = stateAfter(attempts, setting.maxAttempts, isTooOld(row, next));
    const to = state === "pending" ? next : undefined;
    await ledger.reschedule(id, { from: lease, to }, { ...notify, state, attempts });
    onAttempt({ ...attempt, cause, id, origin, attempt: attempts.length, state });
  }

  /** Tries once; nothing where that was ended with the server. */
  async function outcome(
    row: LedgerRow,
    { secrets, allowPrivate, timeout }: WebhookSettings,
    begun: Date,
  ): Promise<WebhookAttempt & { readonly cause?: unknown } | undefined> {
    const url = new URL(row.notify!.url);
    const at = begun.toISOString();
    const body = toBody(row);
    const timestamp = Math.floor(begun.getTime() / 1000);
    const headers = signedHeaders({ id: row.id, timestamp, body }, secrets);
    try {
      const status = await send({ url, headers, body }, {
        timeout,
        allowPrivate: allowPrivate.includes(url.origin),
        signal: closed,
      });
      return { at, status };
    } catch (error) {
      if (closed.aborted) return undefined;
      return { at, error: failureReason(error), cause: error };
    }
  }

  return {
    wake,
    async [Symbol.asyncDispose]() {
      closing.abort(new Error("the server ends"));
      stopTimer?.();
      await settlesWithin(Promise.all([looking, ...running]), CLOSE_MS, clock);
    },
  };
}

function allowedBy({ allow, allowPrivate }: WebhookSettings): readonly string[] {
  return [...allow, ...allowPrivate];
}

function isTooOld({ endedAt, queuedAt }: LedgerRow, time: number): boolean {
  return time - Date.parse(endedAt ?? queuedAt) > MAX_AGE_MS;
}

/** What is to become of a webhook after its last attempt. */
function stateAfter(
  attempts: readonly WebhookAttempt[],
  maxAttempts: number,
  isLast: boolean,
): RunNotification["state"] {
  const { status = 0 } = attempts.at(-1)!;
  if (status >= 200 && status < 300) return "delivered";
  return status === GONE || attempts.length >= maxAttempts || isLast ? "failed" : "pending";
}
