/** Reads `runs.webhooks`: where the ends of runs are told of, and how that is signed. */

import { z } from "zod";
import { parsed } from "../table/parsed.ts";
import { parseDuration } from "../table/units.ts";
import type { Path } from "./issues.ts";
import { isOrigin } from "./origin.ts";
import type { Reader } from "./reader.ts";
import { type Settings, toSettings } from "./settings.ts";

const SECRET = "whsec_ and 24 to 64 bytes in Base64, or a list of such secrets";

const secret = z.string({ error: SECRET }).refine(isSecret, { error: SECRET });

const ORIGIN = "an origin, such as https://app.example.com";

const origins = z.array(
  z.string({ error: ORIGIN }).refine(isOrigin, { error: ORIGIN })
    .transform((url) => new URL(url).origin),
  { error: "a list of origins" },
).default([]);

const TIMEOUT = "a duration from 100ms to 60s";

const ATTEMPTS = "a whole number from 1 to 20";

/** The keys of `runs.webhooks`. */
export const WEBHOOKS = {
  /** The secrets, each of which signs. */
  secret: z.union([secret.transform((one) => [one]), z.array(secret).min(1, { error: SECRET })], {
    error: SECRET,
  }),
  /** Origins that are on the Internet. */
  allow: origins,
  /** Origins that may be on this machine, or on networks of one's own. */
  allow_private: origins,
  /** Milliseconds that one attempt may take. */
  timeout: parsed((text) => parseDuration(text, { min: 100, max: 60_000 }), TIMEOUT)
    .default(15_000),
  /** Attempts at most. */
  max_attempts: z.int({ error: ATTEMPTS }).min(1, { error: ATTEMPTS })
    .max(20, { error: ATTEMPTS }).default(8),
};

/** Where webhooks may go, and how they are sent. */
export type WebhooksSettings = Omit<Settings<typeof WEBHOOKS>, "secret"> & {
  /** The secrets, each of which signs: `whsec_` and the key in Base64. */
  readonly secrets: readonly string[];
};

/** Reads the section; nothing of a secret is in an issue. */
export function readWebhooks(
  reader: Reader,
  value: unknown,
  path: Path,
): WebhooksSettings | undefined {
  const read = reader.value(z.strictObject(WEBHOOKS), value, path, ([key]) => key === "secret");
  if (!read) return undefined;
  const { secret, ...settings } = toSettings<typeof WEBHOOKS>(read.value);
  if (settings.allow.length + settings.allowPrivate.length === 0) {
    reader.add([...path, "allow"], "missing; no webhook may go anywhere without it");
  }
  return { ...settings, secrets: secret };
}

function isSecret(text: string): boolean {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (base64 === undefined) return false;
  const { length } = Buffer.from(base64, "base64");
  return length >= 24 && length <= 64;
}
