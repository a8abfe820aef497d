/** An uploaded table as a file of another format. */

import { Hono } from "hono";
import {
  convertRequest,
  findConversion,
  parseConvertOptions,
  scratchBytes,
  type UploadedFile,
} from "../requests/convert_request.ts";
import { createDigest } from "../storage/digest.ts";
import type { ReceiveOptions, SpooledUpload, Uploads } from "../storage/spool/uploads.ts";
import { isFinal } from "../runs/receipt.ts";
import type { Dependencies, RunsAccess } from "./dependencies.ts";
import { deliver } from "./download.ts";
import { type Environment, principalOf } from "./environment.ts";
import { readForm } from "./multipart.ts";
import {
  badRequest,
  methodNotAllowed,
  noAnswer,
  notFound,
  ProblemError,
  tooLarge,
  unsupported,
} from "./problems.ts";
import { parseQuery } from "./query.ts";
import { prefersAsync, runInBackground } from "./runs.ts";
import { type MediaType, parseMediaType, readingOf } from "./upload_types.ts";

/** What is known of an upload when all of it is there. */
interface Received {
  readonly upload: SpooledUpload;
  /** The name that its sender has for it. */
  readonly name?: string | undefined;
  /** What its media type says of how it is read. */
  readonly said: readonly (readonly [name: string, text: string])[];
  /** What the fields of its form say. */
  readonly fields: readonly (readonly [name: string, text: string])[];
}

/** The routes under `/convert`. */
export function convertRoutes(dependencies: Dependencies): Hono<Environment> {
  const { convert, catalog, formats } = dependencies;
  return new Hono<Environment>()
    .post("/:format", async ({ req, env, get }) => {
      if (!convert) throw new ProblemError(notFound("This server converts no uploads"));
      const { settings, uploads } = convert;
      const request = req.raw;
      const principal = principalOf({ get });
      // All that can be refused is refused before the body is asked for.
      const format = findConversion(req.param("format"), formats, principal);
      const pairs = parseQuery(new URL(request.url).search);
      const context = { principal, formats, settings, traceparent: get("traceparent") };
      convertRequest(format, { path: "" }, parseConvertOptions(pairs), context);
      const type = parseMediaType(request.headers.get("Content-Type") ?? "");
      checkHeaders(request.headers, settings.maxBytes);

      const { tenant } = principal;
      const { maxBytes } = settings;
      // An idempotency key is of one file, and of no other.
      const digest = request.headers.has("Idempotency-Key") ? createDigest() : undefined;
      const receiving = { maxBytes, tenant, scratchBytes, digest };
      const received = await receive(request, type, uploads, receiving);
      if (!received) return noAnswer();
      const { upload, name, said, fields } = received;
      try {
        const file: UploadedFile = { path: upload.path, scratch: upload.scratch, name };
        const options = parseConvertOptions(withDefaults([...pairs, ...fields], said));
        const made = convertRequest(format, file, options, context);
        const delivering = { ...dependencies, catalog: { ...catalog, sources: made.sources } };
        const client = env?.client;
        const { runs } = dependencies;
        if (runs?.background && prefersAsync(request)) {
          const handing = { ...delivering, runs: handOver(runs, upload) };
          return await runInBackground(request, made.request, handing, {
            client,
            upload: digest && { sha256: digest.finish(), name },
          });
        }
        const response = await deliver(request, made.request, delivering, { client });
        // Where a run has begun, its end removes the upload, whatever is done here.
        if (response.status >= 400 || response.status === 204) await upload.release();
        return response;
      } catch (error) {
        await upload.release();
        throw error;
      }
    })
    .all("/:format", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "POST"));
    });
}

/** Refuses what the head of a request tells of its body. */
function checkHeaders(headers: Headers, maxBytes: number): void {
  const coding = headers.get("Content-Encoding") ?? "identity";
  if (!["identity", "gzip", "zstd"].includes(coding)) {
    throw new ProblemError(unsupported(`A body is not read in ${coding}, but in gzip and zstd`));
  }
  if (Number(headers.get("Content-Length") ?? 0) > maxBytes) {
    throw new ProblemError(tooLarge(maxBytes));
  }
}

/** Takes the body, or the file in its form, into the spool; nothing where the client leaves meanwhile. */
async function receive(
  request: Request,
  type: MediaType,
  uploads: Uploads,
  settings: ReceiveOptions,
): Promise<Received | undefined> {
  const { body, headers } = request;
  if (!body) throw new ProblemError(badRequest([{ name: "body", detail: "missing" }]));
  try {
    if (type.essence !== "multipart/form-data") {
      const said = readingOf(type);
      const length = headers.get("Content-Length");
      const size = length === null ? undefined : Number(length);
      const upload = await uploads.receive(body, { ...settings, size });
      return { upload, said, fields: [] };
    }
    const { taken, fields } = await readForm(
      body,
      headers.get("Content-Type")!,
      async ({ body, name, type }) => {
        const said = readingOf(parseMediaType(type));
        return { upload: await uploads.receive(body, settings), name, said };
      },
      ({ upload }) => upload.release(),
    );
    return { ...taken, fields };
  } catch (error) {
    if (request.signal.aborted) return undefined;
    throw error;
  }
}

/** Has a run in the background take an upload over: its end removes that, also where it was cancelled before it began. */
function handOver(runs: RunsAccess, upload: SpooledUpload): RunsAccess {
  const background = runs.background!;
  return {
    ...runs,
    background: {
      ...background,
      async submit(id, run, key) {
        const row = await background.submit(id, run, key);
        // The run of the same key has an upload of its own.
        if (row.id !== id) await upload.release();
        else {
          const stop = runs.receipts.watch(id, ({ state }) => {
            if (!isFinal(state)) return;
            stop();
            void upload.release();
          });
        }
        return row;
      },
    },
  };
}

/** What was said, and what else says where that is silent. */
function withDefaults(
  pairs: readonly (readonly [name: string, text: string])[],
  defaults: readonly (readonly [name: string, text: string])[],
): readonly (readonly [name: string, text: string])[] {
  const names = new Set(pairs.map(([name]) => name));
  return [...pairs, ...defaults.filter(([name]) => !names.has(name))];
}
