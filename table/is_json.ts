/** Tells JSON from other text. */

/** Whether a text is one value of JSON (RFC 8259), white space around it included. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
