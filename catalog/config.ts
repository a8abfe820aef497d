/** The configuration as the rest of the program takes it, and the schemas that its file keeps. */

import { z } from "zod";
import type { DocumentProperties } from "../exporters/exporter.ts";
import { isCurrency, isNumberFormat } from "../sources/number_format.ts";
import type { ColumnSetting } from "../sources/row_stream.ts";
import { ALIGNMENTS, COLUMN_TYPES, TABLE_STYLES, type TableStyle } from "../sources/table.ts";
import type { FilenameTemplate } from "./filename.ts";
import { listing, type Param } from "./params.ts";
import { LONGEST_DURATION, parseDuration, parseSize } from "./units.ts";
import { ITEM_TYPES, PARAM_TYPES } from "./values.ts";

/** Everything that `spillway.yaml` says, with its defaults filled in. */
export interface Config {
  /** Where the server listens. */
  readonly server: ServerSettings;
  /** Who may reach it. */
  readonly access: AccessSettings;
  /** Where rows come from, by name. */
  readonly sources: ReadonlyMap<string, SourceSetting>;
  /** What may be exported, by name. */
  readonly exports: ReadonlyMap<string, ExportDefinition>;
  /** How much at once, and for how long. */
  readonly limits: Limits;
  /** Where bytes wait that clients have not taken; absent: nowhere but in a little memory. */
  readonly spool?: SpoolSettings;
}

/** Where the server listens. */
export interface ServerSettings {
  /** A host name or address. @default "127.0.0.1" */
  readonly hostname: string;
  /** A TCP port; 0 lets the system choose. @default 8000 */
  readonly port: number;
  /** Connections at once. @default 1024 */
  readonly connections: number;
  /** Milliseconds for the head of a connection's first request. @default 15000 */
  readonly headTimeout: number;
  /** Milliseconds without a byte or a request in flight. @default 75000 */
  readonly idleTimeout: number;
  /** Milliseconds for which a client may take nothing of what is there for it. @default 120000 */
  readonly stallTimeout: number;
  /** Milliseconds that running downloads get to finish when the process is told to end. @default 25000 */
  readonly drainTimeout: number;
  /** Whether a 502 holds what the source said. @default for requests from this machine alone */
  readonly debug?: boolean;
}

/** Who may reach the server. */
export interface AccessSettings {
  /** Whether everybody who reaches it may export, so that it may listen beyond loopback. @default false */
  readonly public: boolean;
}

/** One source. */
export interface SourceSetting {
  /** The key of its kind in the registry of sources. */
  readonly type: string;
  /** Its settings, as the kind's own schema gave them, with paths resolved. */
  readonly config: unknown;
}

/** How much at once, and for how long; durations are milliseconds. */
export interface Limits {
  /** Exports that run at once. @default 32 */
  readonly concurrent: number;
  /** The longest wait for the first row. @default 60000 */
  readonly firstRow: number;
  /** The longest wait for the next rows. @default 60000 */
  readonly sourceIdle: number;
  /** The longest run. @default 3600000 */
  readonly run: number;
}

/** Where bytes wait that clients have not taken; durations are milliseconds, sizes bytes. */
export interface SpoolSettings {
  /** A directory on a real disk. */
  readonly dir: string;
  /** The most that may wait there. @default 1 GiB */
  readonly maxBytes: number;
  /** What others shall find free on the same disk. @default 1 GiB */
  readonly minFree: number;
  /** Whether the directory may be on a file system that is memory. @default false */
  readonly allowMemory: boolean;
  /** How long a client may read nothing before its run spills. @default 10000 */
  readonly spillAfter: number;
  /** Bytes a second below which a client's run spills. @default 64 KiB */
  readonly spillRate: number;
  /** How long a whole file is kept, so that it can be sent, and its download be resumed. @default 600000 */
  readonly keep: number;
}

/** One export: a declared table. */
export interface ExportDefinition {
  /** Its name in URLs. */
  readonly name: string;
  /** What people call it. @default its name */
  readonly title: string;
  /** The name of its source. */
  readonly source: string;
  /** The statement, with `:name` for each param; empty for a source that has none. */
  readonly query: string;
  /** Its params by name, in the order of their declaration. */
  readonly params: ReadonlyMap<string, Param>;
  /** Settings by column name: an object without a prototype, as columns are called anything. */
  readonly columns: Readonly<Record<string, ColumnSetting>>;
  /** The file's name without its extension. @default the export's name */
  readonly filename: FilenameTemplate;
  /** The formats it is offered in. @default every one */
  readonly formats: readonly string[];
  /** Whether text that a spreadsheet would run as a formula is made harmless. @default true */
  readonly formulaGuard: boolean;
  /** Deflate level of formats that compress by themselves, 0 to 9. @default 2 */
  readonly deflateLevel: number;
  /** Whether a workbook keeps text that repeats in a table of its own. @default true */
  readonly sharedStrings: boolean;
  /** What a worksheet makes of its table. @default "plain" */
  readonly style: TableStyle;
  /** What a workbook says of itself. @default nothing */
  readonly properties?: DocumentProperties;
  /** Whether a workbook begins with a sheet that tells what it holds. @default false */
  readonly about: boolean;
}

/** The most exports at once: each one that runs has a worker process of its own. */
const MAX_CONCURRENT = 1024;

/** More connections than a process may usually have files open. */
const MAX_CONNECTIONS = 65_535;

/** The widest column of a worksheet, in characters (Excel's specifications and limits). */
const MAX_WIDTH = 255;

/** The longest document property that Excel shows, in UTF-16 units. */
const MAX_PROPERTY_LENGTH = 255;

/** The word that stands for a number format of its own. */
export const PERCENT = "percent";

// Every error message below is a noun, so that a mistake reads "expected <noun>, not <value>".

const text = z.string({ error: "text" }).regex(/\S/, { error: "text that is not empty" });

function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: listing(words) });
}

const yesOrNo = z.boolean({ error: "true or false" });

function wholeNumber(what: string, least: number, most: number) {
  const error = `${what} from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

function duration(least: number) {
  const error = `a duration such as 250ms, 25s, 60m or 24h, at ${
    least > 0 ? `least ${least}ms and at ` : ""
  }most ${LONGEST_DURATION / 86_400_000}d`;
  return z.string({ error }).transform((written, context) => {
    const milliseconds = parseDuration(written);
    if (milliseconds !== undefined && milliseconds >= least) return milliseconds;
    context.addIssue({ code: "custom", message: error });
    return z.NEVER;
  });
}

const SIZE = "a size such as 512MiB or 20GiB";

function size() {
  return z.string({ error: SIZE }).transform((written, context) => {
    const bytes = parseSize(written);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: "custom", message: SIZE });
    return z.NEVER;
  });
}

const HOSTNAME = "a host name, or an address such as 127.0.0.1 or ::1";

/** The keys of `server`. */
export const SERVER = {
  hostname: z.string({ error: HOSTNAME }).regex(/^[A-Za-z0-9.:_-]+$/, { error: HOSTNAME })
    .default("127.0.0.1"),
  port: wholeNumber("a port", 0, 65_535).default(8000),
  connections: wholeNumber("a whole number", 1, MAX_CONNECTIONS).default(1024),
  head_timeout: duration(1).default(15_000),
  idle_timeout: duration(1).default(75_000),
  stall_timeout: duration(1).default(120_000),
  drain_timeout: duration(0).default(25_000),
  debug: yesOrNo.optional(),
};

/** The keys of `access`. */
export const ACCESS = { public: yesOrNo.default(false) };

/** The keys of `limits`. */
export const LIMITS = {
  concurrent: wholeNumber("a whole number", 1, MAX_CONCURRENT).default(32),
  first_row: duration(1).default(60_000),
  source_idle: duration(1).default(60_000),
  run: duration(1).default(3_600_000),
};

/** The keys of `spool`. */
export const SPOOL = {
  dir: text,
  max_bytes: size().default(2 ** 30),
  min_free: size().default(2 ** 30),
  allow_memory: yesOrNo.default(false),
  spill_after: duration(0).default(10_000),
  spill_rate: size().default(64 * 1024),
  keep: duration(1_000).default(600_000),
};

/** The keys of an export; `params`, `columns` and `formats` are read one by one afterwards. */
export const EXPORT = {
  title: text.optional(),
  source: text,
  query: text.optional(),
  params: z.unknown(),
  columns: z.unknown(),
  filename: text.optional(),
  formats: z.array(z.string({ error: "text" }), { error: "a list of formats" })
    .min(1, { error: "a list of at least one format" }).optional(),
  // `on` and `off` are text in YAML 1.2.
  formula_guard: z.union([z.boolean(), z.enum(["on", "off"])], { error: "on or off" })
    .transform((guard) => guard === true || guard === "on").default(true),
  deflate_level: wholeNumber("a level", 0, 9).default(2),
  shared_strings: yesOrNo.default(true),
  style: oneOf(TABLE_STYLES).default("plain"),
  properties: z.unknown(),
  about: yesOrNo.default(false),
};

const PROPERTY = `text of at most ${MAX_PROPERTY_LENGTH} characters`;

const property = text.max(MAX_PROPERTY_LENGTH, { error: PROPERTY });

/** The keys of an export's `properties`. */
export const PROPERTIES = {
  title: property.optional(),
  subject: property.optional(),
  creator: property.optional(),
  company: property.optional(),
  created: yesOrNo.optional(),
};

const FORMAT = `${PERCENT}, or a number format such as #,##0.00`;

const CURRENCY = "the code of a currency, such as EUR";

const LINK = "true, or a URL with {} for the cell, such as https://app.example.com/users/{}";

/** The keys of a column. */
export const COLUMN = {
  title: text.optional(),
  type: oneOf(COLUMN_TYPES).optional(),
  timezone: z.string({ error: "a time zone such as Asia/Seoul" })
    .refine(isTimeZone, { error: "a time zone such as Asia/Seoul" }).optional(),
  format: z.string({ error: FORMAT }).refine(isNumberFormat, { error: FORMAT }).optional(),
  currency: z.string({ error: CURRENCY }).refine(isCurrency, { error: CURRENCY }).optional(),
  width: wholeNumber("a width in characters", 1, MAX_WIDTH).optional(),
  align: oneOf(ALIGNMENTS).optional(),
  wrap: yesOrNo.optional(),
  link: z.union([z.boolean(), z.string().refine(isLink, { error: LINK })], { error: LINK })
    .optional(),
};

const PARAM_TYPE = `${listing([...ITEM_TYPES, "a list of one"])} such as integer[]`;

/** The most items that a list may be declared to have; SQLite binds 32,766 values to a statement. */
const MAX_ITEMS = 10_000;

/** The keys of a param; what depends on its type is checked afterwards. */
export const PARAM = {
  type: z.enum(PARAM_TYPES, { error: PARAM_TYPE }),
  required: yesOrNo.optional(),
  default: z.unknown(),
  title: text.optional(),
  values: z.array(z.string({ error: "text" }), { error: "a list of texts" })
    .min(1, { error: "a list of at least one value" }).optional(),
  min: z.unknown(),
  max: z.unknown(),
  max_length: wholeNumber("a whole number", 1, 100_000).optional(),
  max_items: wholeNumber("a whole number", 1, MAX_ITEMS).optional(),
};

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Whether a text leads to a URL of the web or of mail, of which the cell is no host. */
function isLink(text: string): boolean {
  return LINK_SHAPE.test(text) && URL.canParse(text.replaceAll("{}", "x"));
}

const LINK_SHAPE = /^(?:https?:\/\/[^/?#{}\s"]+[/?#]|mailto:)[^\s"]*\{\}[^\s"]*$/i;
