/** One export as a file, or several in one: streamed while it is made, or made first. */

import { withoutLinkNames } from "../access/link_names.ts";
import type { Principal } from "../access/principal.ts";
import type { Config } from "../catalog/config.ts";
import { filenameOf } from "../requests/filename.ts";
import type { FileOfExports } from "../requests/find_exports.ts";
import { requestKey } from "../requests/request_key.ts";
import { parseRequest, type RunRequest } from "../requests/run_request.ts";
import { findSince } from "../requests/since.ts";
import { toTask } from "../requests/tasks.ts";
import type { RunTask } from "../runs/protocol.ts";
import { type Run, type StartRun, tenantOf } from "../runs/run.ts";
import type { WholeFiles } from "../runs/whole_files.ts";
import type { StoredObject } from "../storage/store.ts";
import { chooseCoding } from "./accept_encoding.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Client } from "./environment.ts";
import { downloadHeaders } from "./download_headers.ts";
import { badRequest, noAnswer, ProblemError, problemResponse, toProblem } from "./problems.ts";
import { parseQuery } from "./query.ts";
import { reprDigest } from "./repr_digest.ts";
import { describeResent } from "./resent_file.ts";
import { prefersAsync, runInBackground } from "./runs.ts";
import { resumeDownload, runTag } from "./resumed_download.ts";
import { statusLink } from "./status_link.ts";
import { fileResponse, headResponse, madeResponse, resumes } from "./whole_file.ts";

/**
 * Answers with the file; `HEAD` with its headers, and no query is run for it.
 *
 * @param caller who asks, and from where
 */
export async function download(
  request: Request,
  file: FileOfExports,
  dependencies: Dependencies,
  caller: Caller,
): Promise<Response> {
  const { principal, client, traceparent } = caller;
  const { formats, runs } = dependencies;
  const pairs = parseQuery(new URL(request.url).search);
  const own = [...principal.via === "link" ? withoutLinkNames(pairs) : pairs];
  const begin = await findSince(own, file.exports, {
    principal,
    find: runs?.receipts.get,
  });
  const asked = parseRequest(file, own, { principal, formats, traceparent, begin });
  // A link is for its download alone: its holder could not look for what becomes of the run.
  if (
    prefersAsync(request) && request.method === "GET" && runs?.background &&
    principal.via !== "link"
  ) return await runInBackground(request, asked, dependencies, { client });
  return await deliver(request, asked, dependencies, caller);
}

/** What a file is delivered with. */
export type Delivering =
  & Pick<
    Dependencies,
    | "startRun"
    | "wholeFiles"
    | "resumptions"
    | "runs"
    | "debug"
    | "random"
    | "onResent"
    | "onError"
  >
  & { readonly catalog: Pick<Config, "sources" | "access" | "spool"> };

/** Answers with the file that was asked for, or with a problem. */
export async function deliver(
  request: Request,
  asked: RunRequest,
  { catalog, startRun, wholeFiles, resumptions, runs, debug, random, onResent, onError }:
    Delivering,
  { client }: Pick<Caller, "client">,
): Promise<Response> {
  const { format } = asked;
  const whole = asked.delivery === "whole";
  const window = whole || !resumptions ? 0 : resumeWindow(asked, catalog);
  const ranges = whole || window > 0;
  // A file of which a range may be asked for has those of its own bytes: browsers ask for no other.
  const compressible = format.compressible && !ranges;
  const coding = compressible
    ? chooseCoding(request.headers.get("Accept-Encoding") ?? undefined)
    : "identity";
  const name = filenameOf(asked);
  const id = crypto.randomUUID();
  const headers = downloadHeaders(format.mediaType, name);
  headers.set("Export-Id", id);
  if (runs) headers.set("Link", statusLink(id));
  if (compressible) headers.set("Vary", "Accept-Encoding");
  if (coding !== "identity") headers.set("Content-Encoding", coding);
  if (ranges) headers.set("Accept-Ranges", "bytes");
  const task = toTask(asked, coding, catalog);
  const limits = rowLimits(task);
  if (limits !== "") headers.set("Export-Max-Rows", limits);
  const address = client?.remoteAddress;
  const tellResent = (file: Parameters<typeof describeResent>[2], response: Response) =>
    onResent?.(describeResent(request, response, file, {
      principal: asked.principal,
      client: address,
      reason: asked.reason,
      export: task.export,
      format: task.format,
    }));
  try {
    if (whole) {
      return await sendWhole(request, task, {
        startRun,
        id,
        key: requestKey(asked, task),
        name,
        headers,
        files: wholeFiles,
        asked,
        client: address,
        tellResent,
      });
    }
    if (request.method === "HEAD") return new Response(null, { headers });
    const key = window > 0 ? requestKey(asked, task) : undefined;
    if (key !== undefined) {
      const resumed = await resumeDownload(request, key, headers, resumptions!);
      if (resumed) {
        tellResent(resumed.file, resumed.response);
        return resumed.response;
      }
      headers.set("ETag", runTag(id));
    }
    const run = await startRun(id, task, {
      signal: request.signal,
      request: asked,
      client: address,
      ...(key === undefined ? {} : {
        outlet: (file) =>
          resumptions!.open(file, {
            id,
            key,
            window,
            tenant: tenantOf(asked),
            instead: request.headers.has("Range"),
          }),
      }),
    });
    tellTruncated(headers, run.truncated, task);
    client?.sendTrailers?.({ names: TRAILERS, read: () => readTrailers(run) });
    // What may be sent again is written to the disk while the client has it.
    if (key === undefined) client?.giveChunks?.();
    return new Response(run.body, { headers });
  } catch (error) {
    if (error === request.signal.reason) return noAnswer();
    const problem = toProblem(error, { debug: debug?.(request, client), random });
    if (problem.status === 500) onError(error, request);
    return problemResponse(problem, { "Export-Id": id });
  }
}

/** Milliseconds for which a streamed file waits for a client that has left: as long as every export of it allows. */
function resumeWindow({ exports }: RunRequest, { spool }: Delivering["catalog"]): number {
  const windows = exports.map(({ resumeWindow }) => resumeWindow ?? spool?.resumeWindow ?? 0);
  return Math.min(...windows);
}

/** Who asks for a file. */
export interface Caller {
  /** Who it is. */
  readonly principal: Principal;
  /** Where from; absent where there is no server. */
  readonly client: Client | undefined;
  /** The trace that the request belongs to. @default none */
  readonly traceparent?: string | undefined;
}

/** What follows the body of a download for a client that takes it. */
const TRAILERS = ["Repr-Digest", "Export-Rows"];

async function readTrailers({ ended }: Run): Promise<Readonly<Record<string, string>>> {
  const report = await ended;
  if (report?.sha256 === undefined) return {};
  return { "Repr-Digest": reprDigest(report.sha256), "Export-Rows": `${report.rows}` };
}

/** The tables of a task that end at a number of rows, as a list (RFC 9651, 3.1). */
function rowLimits({ export: names, tables }: RunTask, among = names.split(",")): string {
  return names.split(",").flatMap((name, index) => {
    const { maxRows, truncate } = tables[index]!;
    return truncate && among.includes(name) ? [`"${name}";max_rows=${maxRows}`] : [];
  }).join(", ");
}

/** Says which tables are not whole; of a file that is streamed, as far as that is known before its head is sent. */
function tellTruncated(headers: Headers, truncated: readonly string[] = [], task: RunTask): void {
  if (truncated.length > 0) headers.set("Export-Truncated", rowLimits(task, [...truncated]));
}

/** What a whole file is sent with. */
interface WholeOptions {
  readonly startRun: StartRun;
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly headers: Headers;
  readonly files: WholeFiles | undefined;
  readonly asked: RunRequest;
  readonly client: string | undefined;
  readonly tellResent: (object: StoredObject, response: Response) => void;
}

async function sendWhole(
  request: Request,
  task: RunTask,
  { startRun, id, key, name, headers, files, asked, client, tellResent }: WholeOptions,
): Promise<Response> {
  if (!files) {
    const detail = "_delivery=whole needs a spool, which this server has not";
    throw new ProblemError(badRequest([{ name: "_delivery", detail }]));
  }
  const kept = files.find(key);
  if (kept && (request.method === "HEAD" || resumes(request, kept))) {
    tellTruncated(headers, kept.truncated, task);
  }
  if (request.method === "HEAD") {
    if (!kept) return new Response(null, { headers });
    const response = headResponse(request, kept.object, headers);
    tellResent(kept.object, response);
    return response;
  }
  if (kept && resumes(request, kept)) {
    const response = await fileResponse(request, kept.object, headers, files);
    if (response) {
      tellResent(kept.object, response);
      return response;
    }
  }
  const mediaType = headers.get("Content-Type")!;
  const response = await files.make(
    task,
    {
      startRun,
      id,
      key,
      mediaType,
      filename: name,
      signal: request.signal,
      request: asked,
      client,
      joins: asked.exports.every(({ join }) => join),
    },
    async (object, truncated) => {
      headers.delete("Export-Truncated");
      tellTruncated(headers, truncated, task);
      const response = await madeResponse(request, object, headers, files);
      // The run of another request made it, whose line does not tell of this one.
      if (response && object.key !== id) tellResent(object, response);
      return response;
    },
  );
  if (!response) throw new Error(`Cannot send the file of run ${id}: it is gone`);
  return response;
}
