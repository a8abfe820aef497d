/** The exports: what there is, and the way to each as a file. */

import { CALLERS_OWN } from "./authenticate.ts";
import { Hono } from "hono";
import { allowedFormats, masksFor, seesExport, strictestCaps } from "../access/policy.ts";
import type { Principal } from "../access/principal.ts";
import type { ExportDefinition } from "../catalog/config.ts";
import type { Param } from "../catalog/params.ts";
import { findExport, findExports } from "../requests/find_exports.ts";
import { describeOptions } from "../requests/options.ts";
import type { SourceColumn } from "../sources/source.ts";
import type { Dependencies } from "./dependencies.ts";
import { type Environment, principalOf } from "./environment.ts";
import { download } from "./download.ts";
import { methodNotAllowed, ProblemError } from "./problems.ts";

/** The routes under `/exports`. */
export function exportRoutes(dependencies: Dependencies): Hono<Environment> {
  const { catalog } = dependencies;
  return new Hono<Environment>()
    .get("/", (context) => {
      const principal = principalOf(context);
      const seen = [...catalog.exports.values()].filter(({ name }) => seesExport(principal, name));
      const summaries = seen.map((definition) => summary(definition, principal));
      return context.json({ exports: summaries }, 200, CALLERS_OWN);
    })
    .get("/:file", async (context) => {
      const file = context.req.param("file");
      const principal = principalOf(context);
      const dot = file.lastIndexOf(".");
      if (dot < 0) {
        const definition = findExport(file, catalog, principal);
        const columns = await dependencies.columns?.(definition);
        const page = describe(definition, principal, dependencies.formats, columns);
        return context.json(page, 200, CALLERS_OWN);
      }
      const found = findExports(file.slice(0, dot), file.slice(dot + 1), dependencies, principal);
      const traceparent = context.get("traceparent");
      const caller = { principal, client: context.env?.client, traceparent };
      return download(context.req.raw, found, dependencies, caller);
    })
    .all("/:file?", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    });
}

/** An export as the list of all shows it. */
function summary({ name, title, formats }: ExportDefinition, principal: Principal) {
  return { name, title, formats: allowedFormats(principal, formats), url: `/exports/${name}` };
}

/** An export as its own page shows it: with its query's columns, or those that it declares. */
function describe(
  definition: ExportDefinition,
  principal: Principal,
  formats: Dependencies["formats"],
  columns?: readonly SourceColumn[],
) {
  const declared = definition.columns;
  const masks = masksFor(principal, definition.masks);
  const { maxRows } = strictestCaps(definition.caps, principal.caps);
  const known = columns ?? Object.keys(declared).map((name): SourceColumn => ({ name }));
  const shown = summary(definition, principal);
  return {
    ...shown,
    files: Object.fromEntries(
      shown.formats.map((format) => [format, `/exports/${definition.name}.${format}`]),
    ),
    params: [...definition.params.values()].filter(({ from }) => from === undefined)
      .map(describeParam),
    options: describeOptions(shown.formats.map((key) => formats[key]!)),
    columns: known.map(({ name, type }) => {
      const setting = Object.hasOwn(declared, name) ? declared[name]! : {};
      const mask = masks[name];
      if (mask !== undefined) {
        return { name, title: setting.title ?? name, type: "string", mask };
      }
      return { name, ...(type === undefined ? {} : { type }), ...setting };
    }),
    ...(definition.reasonRequired ? { reason: "required" } : {}),
    ...(maxRows === undefined ? {} : { max_rows: maxRows, truncate: definition.truncate }),
  };
}

/** A param as JSON can say it: integers beyond a double's reach are text. A default from the environment stays there. */
function describeParam({ secretDefault, log: _, ...param }: Param) {
  const published = Object.entries(param).filter(([key]) => key !== "default" || !secretDefault);
  return Object.fromEntries(
    published.map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map(jsonValue) : jsonValue(value),
    ]),
  );
}

function jsonValue<T>(value: T): T | string {
  return typeof value === "bigint" ? `${value}` : value;
}
