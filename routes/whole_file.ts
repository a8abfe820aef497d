/** Answers with a file that is finished: its length, its digest, its ranges. */

import type { KeptFile, WholeFiles } from "../runs/whole_files.ts";
import type { ByteRange, StoredFile, StoredObject } from "../storage/store.ts";
import { type Selection, selectRange } from "./ranges.ts";
import { reprDigest } from "./repr_digest.ts";
import { statusLink } from "./status_link.ts";

/** What a finished file says of itself, on top of `headers`. */
export function fileHeaders(
  headers: Headers,
  object: Pick<StoredObject, "key" | "etag" | "size"> & { readonly sha256: string | undefined },
): Headers {
  const all = new Headers(headers);
  all.set("Export-Id", object.key);
  if (all.has("Link")) all.set("Link", statusLink(object.key));
  all.set("ETag", object.etag);
  if (object.sha256 !== undefined) all.set("Repr-Digest", reprDigest(object.sha256));
  all.set("Content-Length", `${object.size}`);
  return all;
}

/**
 * Whether a request asks for more of a file that it has a part of: then the kept file is the right one,
 * and not one of the rows that there are now. A request that does not say which file it means (curl and
 * wget do not) means the kept one, unless that may be another than the one that it has a part of.
 */
export function resumes({ headers }: Request, { object, replacedOther }: KeptFile): boolean {
  if (!headers.has("Range")) return false;
  const ifRange = headers.get("If-Range");
  return ifRange === null ? !replacedOther : ifRange.trim() === object.etag;
}

/**
 * The answer to a request for a file that was made for it. A range of it is answered only to who names
 * its tag: a part of new rows must not be joined to a part of old ones.
 */
export function madeResponse(
  request: Request,
  object: StoredObject,
  headers: Headers,
  files: WholeFiles,
): Promise<Response | undefined> {
  const asked = new Headers(request.headers);
  if (!asked.has("If-Range")) asked.delete("Range");
  return fileResponse({ method: request.method, headers: asked }, object, headers, files);
}

/** The answer to a request for the head of a file: its conditions are those of a GET (RFC 9110, 13.1). */
export function headResponse(request: Request, object: StoredObject, headers: Headers): Response {
  const { status } = selectRange(request.method, request.headers, object);
  return status === 200
    ? new Response(null, { headers: fileHeaders(headers, object) })
    : conditionFailed(status, fileHeaders(headers, object));
}

function conditionFailed(status: number, headers: Headers): Response {
  headers.delete("Content-Length");
  return new Response(null, { status, headers });
}

/** The answer to a request for a file, or for a range of it; undefined where the file is gone. */
export async function fileResponse(
  request: Pick<Request, "method" | "headers">,
  object: StoredObject,
  headers: Headers,
  files: WholeFiles,
): Promise<Response | undefined> {
  const all = fileHeaders(headers, object);
  const selection = selectRange(request.method, request.headers, object);
  switch (selection.status) {
    case 304:
    case 412:
      return conditionFailed(selection.status, all);
    case 416:
    case 206:
      return await partResponse(
        selection,
        all,
        async (range) => (await files.read(object, range))?.body,
      );
    case 200: {
      const file = await files.read(object);
      return file && new Response(file.body, { headers: all });
    }
  }
}

/** The answer to a request for a range of a file, or for one that begins behind its end; undefined where the file is gone. */
export async function partResponse(
  selection: PartSelection,
  headers: Headers,
  read: (range: ByteRange) => Promise<StoredFile["body"] | undefined>,
): Promise<Response | undefined> {
  const { status, contentRange } = selection;
  headers.set("Content-Range", contentRange);
  if (status === 416) {
    headers.set("Content-Length", "0");
    return new Response(null, { status, headers });
  }
  const { first, last } = selection.range;
  headers.set("Content-Length", `${last - first + 1}`);
  const body = await read(selection.range);
  return body && new Response(body, { status, headers });
}

/** What is answered with a part of a file, or with none of it. */
export type PartSelection = Extract<Selection, { readonly status: 206 | 416 }>;
