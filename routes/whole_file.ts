/** Answers with a file that is finished: its length, its digest, its ranges. */

import type { WholeFiles } from "../runs/whole_files.ts";
import type { StoredObject } from "../storage/store.ts";
import { downloadBody } from "./download_body.ts";
import { selectRange } from "./ranges.ts";
import { reprDigest } from "./repr_digest.ts";

/** What a finished file says of itself, on top of `headers`. */
export function fileHeaders(headers: Headers, object: StoredObject): Headers {
  const all = new Headers(headers);
  all.set("Export-Id", object.key);
  all.set("ETag", object.etag);
  all.set("Repr-Digest", reprDigest(object.sha256));
  all.set("Content-Length", `${object.size}`);
  return all;
}

/**
 * Whether a request asks for more of a file that it has a part of: only then is the kept file the right
 * one, and not one of the rows that there are now.
 */
export function resumes(request: Request, object: StoredObject): boolean {
  return request.headers.has("Range") && request.headers.get("If-Range")?.trim() === object.etag;
}

/** The answer to a request for a file; undefined where the file is gone. */
export async function fileResponse(
  request: Request,
  object: StoredObject,
  headers: Headers,
  files: WholeFiles,
): Promise<Response | undefined> {
  const all = fileHeaders(headers, object);
  const selection = selectRange(request.method, request.headers, object);
  switch (selection.status) {
    case 304:
    case 412:
      all.delete("Content-Length");
      return new Response(null, { status: selection.status, headers: all });
    case 416:
      all.set("Content-Range", selection.contentRange);
      all.set("Content-Length", "0");
      return new Response(null, { status: 416, headers: all });
    case 206: {
      const { first, last } = selection.range;
      all.set("Content-Range", selection.contentRange);
      all.set("Content-Length", `${last - first + 1}`);
      const file = await files.read(object, selection.range);
      return file && new Response(downloadBody(file.body), { status: 206, headers: all });
    }
    case 200: {
      const file = await files.read(object);
      return file && new Response(downloadBody(file.body), { headers: all });
    }
  }
}
