/** Reads the certificates that a source's server must come from. */

import { SourceError } from "./source.ts";

/**
 * Reads a file of certificates in PEM.
 *
 * @throws {SourceError} where it cannot be read; the system's message, which holds the path, is its cause's
 */
export async function readCertificates(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new SourceError("Cannot open source: the `ca` file is missing or cannot be read", {
      cause,
    });
  }
}
