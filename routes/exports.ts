/** The exports: what there is, and each as a file. */

import { Hono } from "hono";
import type { ExportDefinition } from "../catalog/config.ts";
import { renderFilename, safeFilename } from "../catalog/filename.ts";
import type { Exporter } from "../exporters/exporter.ts";
import { chooseCoding } from "./accept_encoding.ts";
import type { Dependencies } from "./app.ts";
import { contentDisposition } from "./content_disposition.ts";
import { type DownloadRequest, parseDownload, toTask } from "./download_request.ts";
import {
  methodNotAllowed,
  notFound,
  ProblemError,
  problemResponse,
  toProblem,
} from "./problems.ts";

/** The routes under `/exports`. */
export function exportRoutes(dependencies: Dependencies): Hono {
  const { catalog, exporters } = dependencies;
  return new Hono()
    .get("/", (context) => context.json({ exports: [...catalog.exports.values()].map(summary) }))
    .get("/:file", (context) => {
      const file = context.req.param("file");
      const dot = file.lastIndexOf(".");
      const name = dot < 0 ? file : file.slice(0, dot);
      const definition = catalog.exports.get(name);
      if (!definition) {
        throw new ProblemError(notFound(`There is no export ${JSON.stringify(name)}`));
      }
      if (dot < 0) return context.json(describe(definition));
      const format = file.slice(dot + 1);
      if (!definition.formats.includes(format)) {
        const formats = definition.formats.join(", ");
        throw new ProblemError(
          notFound(
            `The export ${name} is not offered as ${JSON.stringify(format)}, but as ${formats}`,
          ),
        );
      }
      return download(context.req.raw, definition, exporters[format]!, dependencies);
    })
    .all("/:file?", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    });
}

/** An export as the list of all shows it. */
function summary({ name, title, formats }: ExportDefinition) {
  return { name, title, formats, url: `/exports/${name}` };
}

/** An export as its own page shows it. */
function describe(definition: ExportDefinition) {
  return {
    ...summary(definition),
    files: Object.fromEntries(
      definition.formats.map((format) => [format, `/exports/${definition.name}.${format}`]),
    ),
    params: [...definition.params.values()],
    columns: Object.entries(definition.columns).map(([name, setting]) => ({ name, ...setting })),
  };
}

/** Answers with the file; `HEAD` with its headers, and no query is run for it. */
async function download(
  request: Request,
  definition: ExportDefinition,
  exporter: Exporter,
  { catalog, startRun }: Dependencies,
): Promise<Response> {
  const asked = parseDownload(definition, exporter, new URL(request.url).searchParams);
  const coding = exporter.compressible
    ? chooseCoding(request.headers.get("Accept-Encoding") ?? undefined)
    : "identity";
  const id = crypto.randomUUID();
  const headers = new Headers({
    "Content-Type": exporter.mediaType,
    "Content-Disposition": contentDisposition(filename(definition, exporter, asked)),
    "Cache-Control": "private, no-store, no-transform",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
    "Export-Id": id,
  });
  if (exporter.compressible) headers.set("Vary", "Accept-Encoding");
  if (coding !== "identity") headers.set("Content-Encoding", coding);
  if (request.method === "HEAD") return new Response(null, { headers });

  const task = toTask(definition, exporter, asked, coding, catalog.sources);
  try {
    const { body } = await startRun(id, task, request.signal);
    return new Response(body, { headers });
  } catch (error) {
    return problemResponse(toProblem(error), { "Export-Id": id });
  }
}

/** The file's name: the request's, else the export's template with the values of its params. */
export function filename(
  definition: ExportDefinition,
  exporter: Exporter,
  { filename, params }: Pick<DownloadRequest, "filename" | "params">,
): string {
  const suffix = `.${exporter.key}`;
  if (filename === undefined) return renderFilename(definition.filename, params) + suffix;
  const named = filename.toLowerCase().endsWith(suffix);
  return safeFilename(named ? filename.slice(0, -suffix.length) : filename) + suffix;
}
