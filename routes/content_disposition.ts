/** The name that a download is saved under: `Content-Disposition` (RFC 6266, RFC 8187). */

/** The header's value: an ASCII `filename` for old readers and the whole name as `filename*`. */
export function contentDisposition(filename: string): string {
  const ascii = filename.normalize("NFKD").replace(/\p{Mark}/gu, "").replace(/[^ -~]/gu, "_")
    // What was made harmless before it was taken apart may now be a path again: U+FF0F is `/`.
    .replace(/[%"\\/:*?<>|]/g, "_").replace(/^\.+/, "_");
  // RFC 8187, 3.2.1: attr-char is narrower than what encodeURIComponent leaves alone.
  const extended = encodeURIComponent(filename)
    .replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${ascii}"; filename*=UTF-8''${extended}`;
}
