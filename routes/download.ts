/** One export as a file, or several in one: streamed while it is made, or made first. */

import { renderFilename, safeFilename } from "../catalog/filename.ts";
import type { FileOfExports } from "../requests/find_exports.ts";
import { ANONYMOUS } from "../requests/principal.ts";
import { requestKey } from "../requests/request_key.ts";
import { parseRequest, type RunRequest } from "../requests/run_request.ts";
import { toTask } from "../requests/tasks.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { WholeFiles } from "../runs/whole_files.ts";
import { chooseCoding } from "./accept_encoding.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Client } from "./environment.ts";
import { contentDisposition } from "./content_disposition.ts";
import { badRequest, noAnswer, ProblemError, problemResponse, toProblem } from "./problems.ts";
import { parseQuery } from "./query.ts";
import { fileResponse, headResponse, madeResponse, resumes } from "./whole_file.ts";

/**
 * Answers with the file; `HEAD` with its headers, and no query is run for it.
 *
 * @param client the address of who asks, for the log
 */
export async function download(
  request: Request,
  file: FileOfExports,
  { catalog, formats, startRun, wholeFiles, debug, onError }: Dependencies,
  client: Client | undefined,
): Promise<Response> {
  const { format } = file;
  const pairs = parseQuery(new URL(request.url).search);
  const asked = parseRequest(file, pairs, { principal: ANONYMOUS, formats });
  const whole = asked.delivery === "whole";
  // A file that is made first has the length, the digest and the ranges of its own bytes.
  const compressible = format.compressible && !whole;
  const coding = compressible
    ? chooseCoding(request.headers.get("Accept-Encoding") ?? undefined)
    : "identity";
  const name = filename(asked);
  const id = crypto.randomUUID();
  const headers = new Headers({
    "Content-Type": format.mediaType,
    "Content-Disposition": contentDisposition(name),
    "Cache-Control": "private, no-store, no-transform",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
    "Export-Id": id,
  });
  if (compressible) headers.set("Vary", "Accept-Encoding");
  if (coding !== "identity") headers.set("Content-Encoding", coding);
  if (whole) headers.set("Accept-Ranges", "bytes");
  const task = toTask(asked, coding, catalog.sources);

  const address = client?.remoteAddress;
  try {
    if (whole) {
      return await sendWhole(request, task, {
        id,
        key: requestKey(asked, task),
        name,
        headers,
        files: wholeFiles,
        client: address,
      });
    }
    if (request.method === "HEAD") return new Response(null, { headers });
    const { body } = await startRun(id, task, { abandoned: request.signal, client: address });
    return new Response(body, { headers });
  } catch (error) {
    if (error === request.signal.reason) return noAnswer();
    const problem = toProblem(error, debug?.(request, client));
    if (problem.status === 500) onError(error, request);
    return problemResponse(problem, { "Export-Id": id });
  }
}

/** What a whole file is sent with. */
interface WholeOptions {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly headers: Headers;
  readonly files: WholeFiles | undefined;
  readonly client: string | undefined;
}

async function sendWhole(
  request: Request,
  task: RunTask,
  { id, key, name, headers, files, client }: WholeOptions,
): Promise<Response> {
  if (!files) {
    const detail = "_delivery=whole needs a spool, which this server has not";
    throw new ProblemError(badRequest([{ name: "_delivery", detail }]));
  }
  const kept = files.find(key);
  if (request.method === "HEAD") {
    return kept ? headResponse(request, kept.object, headers) : new Response(null, { headers });
  }
  if (kept && resumes(request, kept)) {
    const response = await fileResponse(request, kept.object, headers, files);
    if (response) return response;
  }
  const mediaType = headers.get("Content-Type")!;
  const response = await files.make(
    task,
    { id, key, mediaType, filename: name, abandoned: request.signal, client },
    (made) => madeResponse(request, made, headers, files),
  );
  if (!response) throw new Error(`Cannot send the file of run ${id}: it is gone`);
  return response;
}

/** The file's name: the request's, else the exports' templates with the values of their params. */
function filename({ exports, format, filename, params }: RunRequest): string {
  const suffix = `.${format.key}`;
  if (filename === undefined) {
    const names = exports.map(({ filename }, index) => renderFilename(filename, params[index]!));
    return safeFilename(names.join("-")) + suffix;
  }
  const named = filename.toLowerCase().endsWith(suffix);
  return safeFilename(named ? filename.slice(0, -suffix.length) : filename) + suffix;
}
