/** The formats that there are: adding one is a file and a line here. */

import { csv, tsv } from "./csv.ts";
import type { Exporter } from "./exporter.ts";
import { json } from "./json.ts";
import { ndjson } from "./ndjson.ts";
import { DEFLATE_THREAD } from "./xlsx/deflate_threads.ts";
import { xlsx } from "./xlsx/mod.ts";
import { xml } from "./xml.ts";

/** Every format, by its key in URLs. */
export const exporters = { csv, tsv, json, ndjson, xml, xlsx } satisfies Record<string, Exporter>;

/** The key of a format: `csv`. */
export type Format = keyof typeof exporters;

/** What exporters start threads of: whoever runs them must be let read it. */
export const threads: readonly URL[] = [DEFLATE_THREAD];
