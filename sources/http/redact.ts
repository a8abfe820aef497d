/** Takes out of a text what it repeats of secrets. */

/** Characters in a row that are no coincidence; shorter secrets are looked for whole. */
const RUN_LENGTH = 6;

/** What stands for what was taken out. */
const REDACTED = "[redacted]";

/**
 * The same text without any six characters in a row that a secret has too: so that a part of one is found,
 * as in a text that is cut, or in one that puts other characters around it or between (`%2B`, `\"`).
 */
export function redact(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret !== "");
  const hidden = new Uint8Array(text.length);
  for (const secret of known) {
    const length = Math.min(RUN_LENGTH, secret.length);
    for (let at = 0; at + length <= text.length; at++) {
      if (secret.includes(text.slice(at, at + length))) hidden.fill(1, at, at + length);
    }
  }
  let redacted = "";
  for (let at = 0; at < text.length; at++) {
    if (!hidden[at]) redacted += text[at];
    else if (!hidden[at - 1]) redacted += REDACTED;
  }
  return redacted;
}

/** What of a request's headers and URL could be a secret: their values, and what `Basic` stands for. */
export function secretsOf(
  headers: Readonly<Record<string, string>>,
  url: string,
): readonly string[] {
  const { username, password, search } = new URL(url);
  const values = Object.values(headers);
  const basic = values.flatMap((value) => {
    const [, coded] = /^Basic\s+(\S+)$/i.exec(value) ?? [];
    return coded === undefined ? [] : [decodeBase64(coded)];
  });
  return [...values, ...basic, username, password, search.slice(1)];
}

function decodeBase64(text: string): string {
  try {
    return atob(text);
  } catch {
    return "";
  }
}
