/** Where to look for what becomes of a run (RFC 8288). */

/** The value of `Link` with which an answer leads to the receipt of its run. */
export function statusLink(id: string): string {
  return `</runs/${id}>; rel="status"`;
}
