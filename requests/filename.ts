/** The name that the file of a request is saved under. */

import { renderFilename, safeFilename } from "../catalog/filename.ts";
import type { RunRequest } from "./run_request.ts";

/** The file's name: the request's, else the exports' templates with the values of their params. */
export function filenameOf({ exports, format, filename, params }: RunRequest): string {
  const suffix = `.${format.key}`;
  if (filename === undefined) {
    const names = exports.map(({ filename }, index) => renderFilename(filename, params[index]!));
    return safeFilename(names.join("-")) + suffix;
  }
  const named = filename.toLowerCase().endsWith(suffix);
  return safeFilename(named ? filename.slice(0, -suffix.length) : filename) + suffix;
}
