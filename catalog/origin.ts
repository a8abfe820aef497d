/** Tells origins of the web. */

/** Whether a text is an origin, in any spelling: a scheme, a host and perhaps a port. */
export function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
}
