/** Signs webhooks as Standard Webhooks has it (standardwebhooks.com, 1.0): id, timestamp and body by HMAC-SHA-256. */

import { createHmac } from "node:crypto";

/** What is signed. */
export interface WebhookMessage {
  /** The id of the message, the same each time that it is sent. */
  readonly id: string;
  /** When it is sent, in seconds since 1970. */
  readonly timestamp: number;
  /** The body. */
  readonly body: string;
}

/**
 * The headers of a message: its id, its timestamp, and one signature a secret, so that a receiver may know the
 * new secret or the old one.
 *
 * @param secrets `whsec_` and the key in Base64
 */
export function signedHeaders(
  { id, timestamp, body }: WebhookMessage,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(" "),
  };
}
