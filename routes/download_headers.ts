/** The headers of every file, streamed or kept. */

import { contentDisposition } from "./content_disposition.ts";

/** Its type and its name, and what keeps caches, browsers and nginx from doing anything of their own. */
export function downloadHeaders(mediaType: string, filename: string): Headers {
  return new Headers({
    "Content-Type": mediaType,
    "Content-Disposition": contentDisposition(filename),
    "Cache-Control": "private, no-store, no-transform",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
  });
}
