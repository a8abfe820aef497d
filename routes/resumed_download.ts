/** Answers a client that goes on with a streamed download whose connection broke. */

import type { HeldFile } from "../runs/resumable_download.ts";
import type { Resumptions } from "../runs/resumptions.ts";
import { later, ProblemError } from "./problems.ts";
import { parseRange } from "./ranges.ts";
import { fileHeaders, partResponse } from "./whole_file.ts";

/** Milliseconds that a client waits for the end of its file; then it is asked to come back. */
const WAIT_MS = 2_000;

/** The tag of a streamed file: its bytes are those of its run, and of no other. */
export function runTag(id: string): string {
  return `"${id}"`;
}

/** What a client goes on with. */
export interface ResumedDownload {
  /** The answer. */
  readonly response: Response;
  /** The file that it has a part of. */
  readonly file: { readonly key: string; readonly sha256: string | undefined };
}

/**
 * Answers with the rest of the download that a request names by `If-Range`, or, as curl names none, of the one that
 * it can mean. Where there is none, or it has not as much, a new file is due (RFC 9110, 13.1.5).
 *
 * @param key of the request
 * @param headers those of a new file
 * @throws {ProblemError} 503 while the file has no end yet: a part without the length of the whole is nothing
 * that Chromium takes
 */
export async function resumeDownload(
  request: Request,
  key: string,
  headers: Headers,
  resumptions: Resumptions,
): Promise<ResumedDownload | undefined> {
  const range = request.headers.get("Range") ?? "";
  const [, first] = /^bytes=(\d{1,15})-\d*$/i.exec(range.trim()) ?? [];
  if (first === undefined || request.method !== "GET") return undefined;
  const ifRange = request.headers.get("If-Range")?.trim();
  const id = ifRange === undefined ? undefined : /^"([0-9a-f-]+)"$/.exec(ifRange)?.[1] ?? "";
  const download = await resumptions.find({ key, id, bytes: Number(first) }, WAIT_MS);
  const file = await download?.resume(WAIT_MS);
  if (!download || !file) return undefined;
  if (file === "later") throw new ProblemError(later(RETRY_AFTER_SECONDS));
  const { id: run } = download.options;
  const response = await partOf(file, range, run, headers);
  return response && { response, file: { key: run, sha256: file.sha256 } };
}

/** Seconds after which the end of a file may be there. */
const RETRY_AFTER_SECONDS = 2;

async function partOf(
  { size, sha256, read, complete }: HeldFile,
  range: string,
  id: string,
  headers: Headers,
): Promise<Response | undefined> {
  const selection = parseRange(range, size);
  if (selection.status !== 206 && selection.status !== 416) return undefined;
  // Its client has as much as there is.
  if (selection.status === 416) complete();
  const all = fileHeaders(headers, { key: id, etag: runTag(id), size, sha256 });
  return await partResponse(selection, all, read);
}
