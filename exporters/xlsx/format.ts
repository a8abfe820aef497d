/** What XLSX is to the server, and what may be set of it. */

import { z } from "zod";
import { defineFormat, type Format, mustBe } from "../format.ts";
import { HEADER } from "../options.ts";
import { DEFLATE_THREAD } from "./deflate_threads.ts";
import { DEFLATE_LEVEL, type XlsxOptions } from "./options.ts";

const LEVEL = { error: "a level from 0 to 9" };

/** Workbooks of Excel and its like. */
export const xlsx: Format = defineFormat({
  key: "xlsx",
  mediaType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  compressible: false,
  holdsSeveral: true,
  describesItself: true,
  // From PostgreSQL it takes 1.9 times the time of CSV on two cores, from MariaDB 1.7, from SQLite 1.3
  // (benchmarks/README.md).
  weight: 1.5,
  threads: [DEFLATE_THREAD],
  settings: {
    deflate_level: z.int(LEVEL).min(0, LEVEL).max(9, LEVEL).default(DEFLATE_LEVEL).meta({
      description: "compression of XLSX, 0 to 9",
    }),
    shared_strings: z.boolean({ error: "true or false" }).default(true).meta({
      description: "false: XLSX keeps text that repeats in its cells",
    }),
  },
  options: {
    header: HEADER,
    level: z.string().regex(/^[1-9]$/, mustBe("a level from 1 to 9")).transform(Number).meta({
      description: "the deflate level, 1 to 9",
      examples: ["6"],
    }),
  },
  toExporterOptions: ({ deflate_level, shared_strings }, { level = deflate_level, ...options }) =>
    ({ deflateLevel: level, sharedStrings: shared_strings, ...options }) satisfies XlsxOptions,
});
