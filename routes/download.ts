/** One export as a file, or several in one: streamed while it is made, or made first. */

import type { ExportDefinition } from "../catalog/config.ts";
import { renderFilename, safeFilename } from "../catalog/filename.ts";
import type { Exporter } from "../exporters/exporter.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { WholeFiles } from "../runs/whole_files.ts";
import { chooseCoding } from "./accept_encoding.ts";
import type { Client, Dependencies } from "./app.ts";
import { contentDisposition } from "./content_disposition.ts";
import { type DownloadRequest, parseDownload, toTask } from "./download_request.ts";
import { badRequest, noAnswer, ProblemError, problemResponse, toProblem } from "./problems.ts";
import { parseQuery } from "./query.ts";
import type { FileOfExports } from "./find_exports.ts";
import { fileResponse, headResponse, madeResponse, resumes } from "./whole_file.ts";

/**
 * Answers with the file; `HEAD` with its headers, and no query is run for it.
 *
 * @param client the address of who asks, for the log
 */
export async function download(
  request: Request,
  { definitions, exporter }: FileOfExports,
  { catalog, startRun, wholeFiles, debug, onError }: Dependencies,
  client: Client | undefined,
): Promise<Response> {
  const asked = parseDownload(definitions, exporter, parseQuery(new URL(request.url).search));
  const whole = asked.delivery === "whole";
  // A file that is made first has the length, the digest and the ranges of its own bytes.
  const compressible = exporter.compressible && !whole;
  const coding = compressible
    ? chooseCoding(request.headers.get("Accept-Encoding") ?? undefined)
    : "identity";
  const name = filename(definitions, exporter, asked);
  const id = crypto.randomUUID();
  const headers = new Headers({
    "Content-Type": exporter.mediaType,
    "Content-Disposition": contentDisposition(name),
    "Cache-Control": "private, no-store, no-transform",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
    "Export-Id": id,
  });
  if (compressible) headers.set("Vary", "Accept-Encoding");
  if (coding !== "identity") headers.set("Content-Encoding", coding);
  if (whole) headers.set("Accept-Ranges", "bytes");
  const task = toTask(definitions, exporter, asked, coding, catalog.sources);

  const address = client?.remoteAddress;
  try {
    if (whole) {
      return await sendWhole(request, task, {
        id,
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
  readonly name: string;
  readonly headers: Headers;
  readonly files: WholeFiles | undefined;
  readonly client: string | undefined;
}

async function sendWhole(
  request: Request,
  task: RunTask,
  { id, name, headers, files, client }: WholeOptions,
): Promise<Response> {
  if (!files) {
    const detail = "_delivery=whole needs a spool, which this server has not";
    throw new ProblemError(badRequest([{ name: "_delivery", detail }]));
  }
  const kept = files.find(task);
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
    { id, mediaType, filename: name, abandoned: request.signal, client },
    (made) => madeResponse(request, made, headers, files),
  );
  if (!response) throw new Error(`Cannot send the file of run ${id}: it is gone`);
  return response;
}

/** The file's name: the request's, else the exports' templates with the values of their params. */
function filename(
  definitions: readonly ExportDefinition[],
  exporter: Exporter,
  { filename, params }: DownloadRequest,
): string {
  const suffix = `.${exporter.key}`;
  if (filename === undefined) {
    const names = definitions.map(({ filename }, index) =>
      renderFilename(filename, params[index]!)
    );
    return safeFilename(names.join("-")) + suffix;
  }
  const named = filename.toLowerCase().endsWith(suffix);
  return safeFilename(named ? filename.slice(0, -suffix.length) : filename) + suffix;
}
