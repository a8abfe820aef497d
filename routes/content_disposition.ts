/** The name that a download is saved under: `Content-Disposition` (RFC 6266, RFC 8187). */

/** Bytes of a name at most: Chromium cancels a download whose name has more than 244 (version 156). */
const MAX_NAME_BYTES = 240;

/** The header's value: an ASCII `filename` for old readers and the whole name as `filename*`. */
export function contentDisposition(filename: string): string {
  const ascii = shortened(asciiName(filename));
  // RFC 8187, 3.2.1: attr-char is narrower than what encodeURIComponent leaves alone.
  const extended = encodeURIComponent(filename)
    .replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${ascii}"; filename*=UTF-8''${extended}`;
}

function asciiName(filename: string): string {
  return filename.normalize("NFKD").replace(/\p{Mark}/gu, "").replace(/[^ -~]/gu, "_")
    // What was made harmless before it was taken apart may now be a path again: U+FF0F is `/`.
    .replace(/[%"\\/:*?<>|]/g, "_").replace(/^\.+/, "_");
}

/** A name of which some characters were taken apart: U+FDFA is one, and 18 when it is. */
function shortened(name: string): string {
  if (name.length <= MAX_NAME_BYTES) return name;
  const extension = /\.[^.]*$/.exec(name)?.[0] ?? "";
  return name.slice(0, MAX_NAME_BYTES - extension.length) + extension;
}
