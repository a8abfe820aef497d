/** Finds the file of a module: on the disk, or inside the binary that `deno compile` made. */

import { pathToFileURL } from "node:url";
import { SourceError } from "../source.ts";

/** Where to look. */
export interface Location {
  /** Whether the program is a binary. @default whether it is */
  readonly binary?: boolean;
  /** The program's folder, from which paths inside a binary count. @default this program's */
  readonly root?: URL;
  /** Tells whether a file is inside the binary. */
  readonly isFile?: (url: URL) => boolean;
}

/**
 * The URL that a module is imported from.
 *
 * A binary imports nothing that was not there when it was made (denoland/deno#18327), and keeps what was
 * (`--include reports/audit.ts`) under the path from the program's folder. Where `spillway.yaml` and what
 * it names stand later is somewhere else: so the end of the path counts, the longest one that is there.
 *
 * @param path the file's absolute path
 * @throws {SourceError} when the binary was made without it
 */
export function moduleUrl(
  path: string,
  {
    binary = Deno.build.standalone,
    root = new URL("../../", import.meta.url),
    isFile = isFileOnDisk,
  }: Location = {},
): URL {
  if (!binary) return pathToFileURL(path);
  const parts = path.split(/[/\\]/).filter((part) => part !== "");
  for (let start = 0; start < parts.length; start++) {
    const url = new URL(parts.slice(start).map(encodeURIComponent).join("/"), root);
    if (isFile(url)) return url;
  }
  throw new SourceError("Cannot open source: the binary was made without the module");
}

/** In a binary the files that were put into it are files on the disk. */
function isFileOnDisk(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}
