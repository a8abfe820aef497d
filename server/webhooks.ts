/** Sends the webhooks of a server, and logs what becomes of them. */

import { getLogger } from "@logtape/logtape";
import type { Config } from "../catalog/config.ts";
import { receiptWithLinks } from "../routes/receipt_links.ts";
import type { Ledger } from "../runs/ledger/ledger.ts";
import {
  createDeliveries,
  type Deliveries,
  type DeliveryEvent,
} from "../runs/webhooks/deliveries.ts";

const logger = getLogger(["spillway", "webhooks"]);

/** What webhooks need of their server. */
export interface WebhooksOptions {
  /** Where runs are. */
  readonly ledger: Ledger;
  /** The configuration of now. */
  readonly config: () => Config;
  /** Called with each attempt, for the numbers. */
  readonly onAttempt: (event: DeliveryEvent) => void;
  /** The time. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/** Makes what sends webhooks. */
export function createWebhooks({ ledger, config, onAttempt, now }: WebhooksOptions): Deliveries {
  return createDeliveries({
    ledger,
    settings: () => config().runs.webhooks,
    toBody: ({ notify: _, ...row }) => JSON.stringify(receiptWithLinks(row)),
    onAttempt(event) {
      onAttempt(event);
      logAttempt(event);
    },
    onError: (error) => logger.error("Cannot look for webhooks: {error}", { error: String(error) }),
    now,
  });
}

function logAttempt({ state, cause, ...event }: DeliveryEvent): void {
  const outcome = event.error ?? `status ${event.status}`;
  const fields = { ...event, outcome, ...(cause === undefined ? {} : { cause: String(cause) }) };
  switch (state) {
    case "delivered":
      return logger.debug("Told {origin} of run {id}", fields);
    case "pending":
      return logger.warn("Cannot tell {origin} of run {id} yet: {outcome}", fields);
    case "failed":
      return logger.error("{origin} is not told of run {id} any more: {outcome}", fields);
  }
}
