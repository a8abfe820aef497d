/** Chooses a content coding: `Accept-Encoding` (RFC 9110, 12.5.3). */

import type { ContentCoding } from "../runs/protocol.ts";

/** What this server codes with, best first: zstd is faster than gzip and smaller. */
const PREFERRED = ["zstd", "gzip"] as const;

/**
 * The coding to answer with. A client that names none gets the bytes as they are, and so does one that
 * accepts only what this server does not have: an answer is worth more than a 415.
 */
export function chooseCoding(acceptEncoding: string | undefined): ContentCoding {
  const weights = new Map<string, number>();
  for (const item of (acceptEncoding ?? "").split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    weights.set(coding === "x-gzip" ? "gzip" : coding, Number.isNaN(weight) ? 0 : weight);
  }
  const weightOf = (coding: string) => weights.get(coding) ?? weights.get("*") ?? 0;
  const best = PREFERRED.reduce((a, b) => weightOf(b) > weightOf(a) ? b : a);
  const identity = weights.get("identity");
  return weightOf(best) > 0 && weightOf(best) >= (identity ?? 0) ? best : "identity";
}
