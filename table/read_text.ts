/** Reads a body that is short, or else not to be read. */

/**
 * The text of a body, as UTF-8.
 *
 * @returns nothing, and the rest is not read, when it has more bytes than that
 */
export async function readText(
  { body }: Pick<Body, "body">,
  maxBytes: number,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return await new Blob(chunks as BlobPart[]).text();
}
