/** Runs: what is known of each, its file, and the way to have one made in the background. */

import { createHash } from "node:crypto";
import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { z } from "zod";
import type { Principal } from "../access/principal.ts";
import { type RunExtras, toBackgroundRun } from "../requests/background_run.ts";
import { findExports } from "../requests/find_exports.ts";
import { readNotify } from "../requests/notify.ts";
import { parseRequest, type RunRequest } from "../requests/run_request.ts";
import { findSince } from "../requests/since.ts";
import type { IdempotencyKey, LedgerRow } from "../runs/ledger/ledger.ts";
import { isFinal, RUN_STATES } from "../runs/receipt.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import type { StoredObject } from "../storage/store.ts";
import { CALLERS_OWN } from "./authenticate.ts";
import type { Dependencies, RunsAccess } from "./dependencies.ts";
import { downloadHeaders } from "./download_headers.ts";
import { type Client, type Environment, principalOf } from "./environment.ts";
import {
  badRequest,
  conflict,
  gone,
  methodNotAllowed,
  notAcceptable,
  notFound,
  ProblemError,
} from "./problems.ts";
import { parseQuery } from "./query.ts";
import { receiptWithLinks } from "./receipt_links.ts";
import { FILE_MEMBERS, readBody, toPairs } from "./request_body.ts";
import { describeResent } from "./resent_file.ts";
import { statusLink } from "./status_link.ts";
import { fileResponse, headResponse } from "./whole_file.ts";

/** Runs of a page, where the caller does not say. */
const DEFAULT_LIMIT = 50;

/** Runs of a page at most. */
const MAX_LIMIT = 500;

const LIMIT = `must be a whole number from 1 to ${MAX_LIMIT}`;

/** Milliseconds that a cancelled run may take to end before the answer. */
const CANCEL_MS = 2_000;

/** Characters of an id at most. */
const MAX_ID_LENGTH = 64;

/** What is asked for. */
const BODY = z.strictObject({
  ...FILE_MEMBERS,
  reason: z.string({ error: "must be text" }).optional(),
  notify: z.string({ error: "must be a URL" }).optional(),
});

/** What a page of runs can be asked for by. */
const FILTER = {
  state: z.enum(RUN_STATES, { error: `must be one of ${RUN_STATES.join(", ")}` }).optional(),
  export: z.string().optional(),
  since: z.string().refine((text) => !Number.isNaN(readInstant(text)), {
    error: "must be a date and time such as 2026-01-01T12:00:00Z",
  }).transform((text) => new Date(readInstant(text))).optional(),
  limit: z.string().regex(/^[1-9]\d{0,2}$/, { error: LIMIT }).transform(Number)
    .refine((limit) => limit <= MAX_LIMIT, { error: LIMIT }).optional(),
  cursor: z.string().optional(),
};

/** The routes under `/runs`. */
export function runRoutes(dependencies: Dependencies): Hono<Environment> {
  const { runs, signer, onResent } = dependencies;
  const routes = new Hono<Environment>();
  if (!runs) return routes;
  const { receipts, files, events } = runs;

  /** The run that a path names, where it is the caller's. */
  async function ownRun(context: Context<Environment>): Promise<LedgerRow> {
    const id = context.req.param("id") ?? "";
    const row = id.length > MAX_ID_LENGTH ? undefined : await receipts.get(id);
    if (row && isOwn(row, principalOf(context))) return row;
    throw new ProblemError(
      notFound(`There is no run ${JSON.stringify(id.slice(0, MAX_ID_LENGTH))}`),
    );
  }

  return routes
    .post("/", async (context) => {
      const principal = principalOf(context);
      const { reason, notify, ...body } = await readBody(context.req.raw, BODY);
      const pairs = [
        ...toPairs(body),
        ...(reason === undefined ? [] : [["_reason", reason] as const]),
      ];
      const file = findExports(body.export, body.format, dependencies, principal);
      const begin = await findSince(pairs, file.exports, {
        principal,
        find: receipts.get,
      });
      const asked = parseRequest(file, pairs, {
        principal,
        begin,
        formats: dependencies.formats,
        traceparent: context.get("traceparent"),
      });
      return await runInBackground(context.req.raw, asked, dependencies, {
        client: context.env?.client,
        notify: notify === undefined ? undefined : readNotify(notify, dependencies.webhooks),
      });
    })
    .get("/", async (context) => {
      const principal = principalOf(context);
      const { limit = DEFAULT_LIMIT, ...filter } = readFilter(context.req.url);
      const { rows, next } = await receipts.list({
        ...filter,
        limit,
        principal: principal.id,
        tenant: principal.tenant,
      });
      const page = { runs: rows.map(receiptWithLinks), ...(next === undefined ? {} : { next }) };
      return context.json(page, 200, CALLERS_OWN);
    })
    .all("/", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD, POST"));
    })
    .get("/:id", async (context) => {
      const row = await ownRun(context);
      if (!wantsSigned(context)) return context.json(receiptWithLinks(row), 200, RECEIPT_HEADERS);
      if (!signer) throw new ProblemError(notAcceptable(UNSIGNED));
      return context.body(await signer.sign(row), 200, {
        ...RECEIPT_HEADERS,
        "Content-Type": SIGNED_TYPE,
      });
    })
    .delete("/:id", async (context) => {
      const { id, state } = await ownRun(context);
      if (isFinal(state)) throw new ProblemError(conflict(`The run is ${state} already`));
      const ended = Promise.withResolvers<void>();
      const stop = receipts.watch(id, (row) => isFinal(row.state) && ended.resolve());
      try {
        if (!receipts.cancel(id)) {
          throw new ProblemError(conflict("The run is not one of this server's"));
        }
        await settlesWithin(ended.promise, CANCEL_MS);
      } finally {
        stop();
      }
      const row = await ownRun(context);
      return context.json(receiptWithLinks(row), isFinal(row.state) ? 200 : 202, CALLERS_OWN);
    })
    .all("/:id", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD, DELETE"));
    })
    .get("/:id/file", async (context) => {
      const row = await ownRun(context);
      const request = context.req.raw;
      const object = keptFile(row, files);
      const headers = fileHeadersOf(row, object);
      const response = request.method === "HEAD"
        ? headResponse(request, object, headers)
        : await fileResponse(request, object, headers, files!);
      if (!response) throw new ProblemError(gone(GONE));
      const { request: { exports, format }, reason } = row;
      onResent?.(describeResent(request, response, object, {
        principal: principalOf(context),
        client: context.env?.client?.remoteAddress,
        reason,
        export: exports.join(","),
        format,
      }));
      return response;
    })
    .all("/:id/file", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    })
    .get("/:id/events", async (context) => {
      const row = await ownRun(context);
      return events(row, context.req.header("Last-Event-ID"));
    })
    .all("/:id/events", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET"));
    });
}

/** The media type of a signed receipt (RFC 7515, 9.2.1). */
const SIGNED_TYPE = "application/jose";

const UNSIGNED = "This server signs no receipts: runs.signing_keys is not set";

/** The headers of a receipt, which has two forms. */
const RECEIPT_HEADERS = { ...CALLERS_OWN, "Vary": `${CALLERS_OWN.Vary}, Accept` };

/** Whether a client would rather have the receipt signed than as JSON. */
function wantsSigned(context: Context<Environment>): boolean {
  const plain = "application/json";
  const supports = [plain, SIGNED_TYPE, "application/*", "*/*"];
  return accepts(context, { header: "Accept", supports, default: plain }) === SIGNED_TYPE;
}

const GONE = "The file of this run is not kept here any more";

/** What a run in the background has besides its request. */
export interface BackgroundRequest extends RunExtras {
  /** The client that asked for it, where it is known. */
  readonly client: Client | undefined;
  /** The file that was sent to be converted, by its digest and the sender's name for it. @default none was */
  readonly upload?: { readonly sha256: string; readonly name: string | undefined } | undefined;
}

/**
 * Takes a run on that no client waits for, and answers with where to look for it.
 *
 * @throws {ProblemError} 404 where files are not kept
 */
export async function runInBackground(
  request: Request,
  asked: RunRequest,
  { catalog, startRun, runs }: Dependencies,
  { client, upload, ...extras }: BackgroundRequest,
): Promise<Response> {
  const background = runs?.background;
  if (!background) throw new ProblemError(notFound("This server keeps no files: it has no spool"));
  const row = await background.submit(crypto.randomUUID(), {
    ...toBackgroundRun(asked, catalog, extras),
    startRun,
    client: client?.remoteAddress,
  }, readIdempotencyKey(request, asked, { ...extras, upload }));
  return Response.json(receiptWithLinks(row), {
    status: 202,
    headers: {
      ...CALLERS_OWN,
      "Location": `/runs/${row.id}`,
      "Export-Id": row.id,
      "Link": statusLink(row.id),
      ...(prefersAsync(request) ? { "Preference-Applied": "respond-async" } : {}),
    },
  });
}

/** Whether a client asks to be answered before the file is made (RFC 7240, 4.1). */
export function prefersAsync({ headers }: Request): boolean {
  const preferences = (headers.get("Prefer") ?? "").split(",");
  return preferences.some((one) => /^\s*respond-async\s*(?:;|$)/i.test(one));
}

/** Whether a run is the caller's; another's is not there. */
function isOwn(row: LedgerRow, { id, tenant }: Principal): boolean {
  return row.principal === id && row.tenant === tenant;
}

/** The file of a run that is kept. */
function keptFile({ id, state, file }: LedgerRow, files: RunsAccess["files"]): StoredObject {
  if (state === "expired") throw new ProblemError(gone(GONE));
  if (state !== "complete") throw new ProblemError(conflict(`The run is ${state}: it has no file`));
  if (!file || !files) throw new ProblemError(notFound("The file of this run was not kept"));
  const kept = files.get(id);
  if (!kept) throw new ProblemError(gone(GONE));
  return kept.object;
}

function fileHeadersOf({ id }: LedgerRow, { metadata }: StoredObject): Headers {
  const headers = downloadHeaders(metadata.mediaType, metadata.filename);
  headers.set("Accept-Ranges", "bytes");
  headers.set("Link", statusLink(id));
  return headers;
}

/** Reads what a page is asked for by. */
function readFilter(url: string) {
  const given = [...parseQuery(new URL(url).search)];
  const issues = given.flatMap(([name], index) =>
    !Object.hasOwn(FILTER, name)
      ? [{ name, detail: `is not known; there are ${Object.keys(FILTER).join(", ")}` }]
      : given.findIndex(([other]) => other === name) < index
      ? [{ name, detail: "is given more than once" }]
      : []
  );
  const { data, error } = z.object(FILTER).safeParse(Object.fromEntries(given));
  for (const { path, message } of error?.issues ?? []) {
    issues.push({ name: path.join("."), detail: message });
  }
  if (!data || issues.length > 0) throw new ProblemError(badRequest(issues));
  return data;
}

/** RFC 3339, or a date, which begins in UTC. */
function readInstant(text: string): number {
  return /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : NaN;
}

/** Characters of an idempotency key: what stands in one header and is no attempt. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** The key that a request is known by when it is sent again, quoted (as the draft has it) or not. */
function readIdempotencyKey(
  { headers }: Request,
  { principal, exports, format, given }: RunRequest,
  { notify, schedule, upload }: Omit<BackgroundRequest, "client">,
): IdempotencyKey | undefined {
  const header = headers.get("Idempotency-Key");
  if (header === null) return undefined;
  const key = header.replace(/^"(.*)"$/, "$1");
  if (!IDEMPOTENCY_KEY.test(key)) {
    const detail = "must be 1 to 255 visible characters of ASCII";
    throw new ProblemError(badRequest([{ name: "Idempotency-Key", detail }]));
  }
  const whole = [
    format.key,
    exports.map(({ name }) => name),
    given.map(([name, text]): [string, string] => [name, text]).sort(([one], [other]) =>
      one < other ? -1 : one > other ? 1 : 0
    ),
    notify,
    schedule?.name,
    upload,
  ];
  return {
    // Tenants and subjects may hold any character.
    scope: `principal ${JSON.stringify([principal.tenant ?? null, principal.id])}`,
    key,
    fingerprint: createHash("sha256").update(JSON.stringify(whole)).digest("hex"),
  };
}
