/** The exports: what there is, and the way to each as a file. */

import { Hono } from "hono";
import type { ExportDefinition } from "../catalog/config.ts";
import type { Param } from "../catalog/params.ts";
import { findExport, findExports } from "../requests/find_exports.ts";
import { describeOptions } from "../requests/options.ts";
import type { SourceColumn } from "../sources/source.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Environment } from "./environment.ts";
import { download } from "./download.ts";
import { methodNotAllowed, ProblemError } from "./problems.ts";

/** The routes under `/exports`. */
export function exportRoutes(dependencies: Dependencies): Hono<Environment> {
  const { catalog } = dependencies;
  return new Hono<Environment>()
    .get("/", (context) => context.json({ exports: [...catalog.exports.values()].map(summary) }))
    .get("/:file", async (context) => {
      const file = context.req.param("file");
      const dot = file.lastIndexOf(".");
      if (dot < 0) {
        const definition = findExport(file, catalog);
        const columns = await dependencies.columns?.(definition);
        return context.json(describe(definition, dependencies.formats, columns));
      }
      const found = findExports(file.slice(0, dot), file.slice(dot + 1), dependencies);
      return download(context.req.raw, found, dependencies, context.env?.client);
    })
    .all("/:file?", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    });
}

/** An export as the list of all shows it. */
function summary({ name, title, formats }: ExportDefinition) {
  return { name, title, formats, url: `/exports/${name}` };
}

/** An export as its own page shows it: with its query's columns, or those that it declares. */
function describe(
  definition: ExportDefinition,
  formats: Dependencies["formats"],
  columns?: readonly SourceColumn[],
) {
  const declared = definition.columns;
  return {
    ...summary(definition),
    files: Object.fromEntries(
      definition.formats.map((format) => [format, `/exports/${definition.name}.${format}`]),
    ),
    params: [...definition.params.values()].map(describeParam),
    options: describeOptions(definition.formats.map((key) => formats[key]!)),
    columns: columns
      ? columns.map(({ name, type }) => ({
        name,
        ...(type === undefined ? {} : { type }),
        ...(Object.hasOwn(declared, name) ? declared[name] : {}),
      }))
      : Object.entries(declared).map(([name, setting]) => ({ name, ...setting })),
  };
}

/** A param as JSON can say it: integers beyond a double's reach are text. A default from the environment stays there. */
function describeParam({ secretDefault, ...param }: Param) {
  const told = Object.entries(param).filter(([key]) => key !== "default" || !secretDefault);
  return Object.fromEntries(
    told.map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map(jsonValue) : jsonValue(value),
    ]),
  );
}

function jsonValue<T>(value: T): T | string {
  return typeof value === "bigint" ? `${value}` : value;
}
