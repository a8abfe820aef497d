/** Reads where the end of a run is to be told of. */

import type { WebhooksSettings } from "../catalog/webhooks.ts";
import { withIssues } from "./request_error.ts";

/** Characters of a URL at most. */
const MAX_LENGTH = 2048;

/**
 * The URL of a receiver, in its shortest spelling.
 *
 * @throws {RequestError} where it is none, or no webhooks are sent there
 */
export function readNotify(text: string, webhooks: WebhooksSettings | undefined): string {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.hash) {
    throw refusal("must be a URL such as https://app.example.com/hooks/exports");
  }
  if (!webhooks) throw refusal("this server sends no webhooks");
  if (![...webhooks.allow, ...webhooks.allowPrivate].includes(url.origin)) {
    throw refusal(`this server sends no webhooks to ${url.origin}`);
  }
  return url.href;
}

function refusal(detail: string) {
  return withIssues([{ name: "notify", detail }]);
}
