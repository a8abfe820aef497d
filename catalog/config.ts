/** The configuration as the rest of the program takes it, and the schemas that its file keeps. */

import { isIP } from "node:net";
import { z } from "zod";
import type { AccessConfig } from "../access/config.ts";
import type { MaskRule } from "../access/policy.ts";
import { type Caps, readName } from "../access/principal.ts";
import { readSigningKey, type SigningKey } from "../access/signing_key.ts";
import type { DocumentProperties } from "../exporters/document.ts";
import type { UploadFormat } from "../sources/upload/config.ts";
import { MASKS } from "../table/masks.ts";
import { isCurrency, isNumberFormat } from "../table/number_format.ts";
import { parsed } from "../table/parsed.ts";
import {
  ALIGNMENTS,
  COLUMN_TYPES,
  type ColumnSetting,
  TABLE_STYLES,
  type TableStyle,
} from "../table/table.ts";
import { isTimeZone } from "../table/time_zone.ts";
import { MAX_DURATION_MS, parseDuration, parseSize } from "../table/units.ts";
import { parseSource, SOURCE_RULE } from "./cursors.ts";
import type { FilenameTemplate } from "./filename.ts";
import { isOrigin } from "./origin.ts";
import { listing, type Param } from "./params.ts";
import type { ScheduleDefinition } from "./schedules.ts";
import type { Settings } from "./settings.ts";
import { ITEM_TYPES, PARAM_TYPES } from "./values.ts";
import type { WebhooksSettings } from "./webhooks.ts";

/** Everything that `spillway.yaml` says, with its defaults filled in. */
export interface Config {
  /** Where the server listens. */
  readonly server: ServerSettings;
  /** Who may reach it. */
  readonly access: AccessConfig;
  /** Where rows come from, by name. */
  readonly sources: ReadonlyMap<string, SourceSetting>;
  /** What may be exported, by name. */
  readonly exports: ReadonlyMap<string, ExportDefinition>;
  /** How much at once, and for how long. */
  readonly limits: Limits;
  /** Where bytes wait that clients have not taken; absent: nowhere but in a little memory. */
  readonly spool?: SpoolSettings;
  /** Where receipts are kept, and what runs in the background. */
  readonly runs: RunsSettings;
  /** What the server asks for by itself, by name. */
  readonly schedules: ReadonlyMap<string, ScheduleDefinition>;
  /** How uploaded files are converted; absent: none is. */
  readonly convert?: ConvertSettings;
  /** Where it is written down who had what. @default nowhere by itself */
  readonly audit?: AuditSettings;
}

/** What `log.audit` says for standard output. */
export const AUDIT_STDOUT = "stdout";

/** Where the audit log is. */
export interface AuditSettings {
  /** {@linkcode AUDIT_STDOUT}, or an absolute path. */
  readonly file: string;
  /** When another file is begun. @default never: that is left to others */
  readonly rotation?: AuditRotation;
}

/** When the audit log begins another file, and how many it keeps. */
export interface AuditRotation {
  /** Bytes of one file. */
  readonly maxBytes: number;
  /** Full files, besides the one that is written. */
  readonly keep: number;
}

/** One source. */
export interface SourceSetting {
  /** The key of its kind in the registry of sources. */
  readonly type: string;
  /** Its settings, as the kind's own schema gave them, with paths resolved. */
  readonly config: unknown;
  /** Whether it runs code of its own, which meets no other source. @default false */
  readonly runsCode?: boolean;
  /** Whether a query sees the rows as they were at one moment. @default false */
  readonly snapshot?: boolean;
  /** Whether it is the upload of one request, whose worker may read nothing else. @default false */
  readonly uploaded?: boolean;
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
  /** What it sets for formats, by the keys of their settings; a format understands its own. */
  readonly formatSettings: Readonly<Record<string, unknown>>;
  /** What a worksheet makes of its table. @default "plain" */
  readonly style: TableStyle;
  /** What a workbook says of itself. @default nothing */
  readonly properties?: DocumentProperties;
  /** Whether a workbook begins with a sheet that tells what it holds. @default false */
  readonly about: boolean;
  /** How its columns are hidden, by name: an object without a prototype. */
  readonly masks: Readonly<Record<string, MaskRule>>;
  /** Whether who asks must say why. @default false */
  readonly reasonRequired: boolean;
  /** How much one file of it may take. @default as much as it does */
  readonly caps: Caps;
  /** Whether a file ends at `caps.maxRows`, and says so; else such a run fails. @default false */
  readonly truncate: boolean;
  /** Whether an equal request of one principal joins a run in the background that has not ended. @default true */
  readonly join: boolean;
  /** Milliseconds for which its download waits for a client that has left; 0: it does not. @default the spool's */
  readonly resumeWindow?: number;
}

/** The most exports at once. */
const MAX_CONCURRENT = 1024;

/** More connections than a process may usually have files open. */
const MAX_CONNECTIONS = 65_535;

/** The widest column of a worksheet, in characters (Excel's specifications and limits). */
const MAX_WIDTH = 255;

/** The longest document property that Excel shows, in UTF-16 units. */
const MAX_PROPERTY_LENGTH = 255;

/** The word that stands for a number format of its own. */
export const PERCENT = "percent";

// Every error message below is a noun, so that an issue reads "expected <noun>, not <value>".

const text = z.string({ error: "text" }).regex(/\S/, { error: "text that is not empty" });

function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: listing(words) });
}

const yesOrNo = z.boolean({ error: "true or false" });

function wholeNumber(what: string, min: number, max: number) {
  const error = `${what} from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function duration(min: number) {
  const error = `a duration such as 250ms, 25s, 60m or 24h, at ${
    min > 0 ? `least ${min}ms and at ` : ""
  }most ${MAX_DURATION_MS / 86_400_000}d`;
  return parsed((text) => parseDuration(text, { min }), error);
}

const size = parsed(parseSize, "a size such as 512MiB or 20GiB");

const memoryLimit = parsed((text) => {
  const percent = Number(/^(\d{1,3})%$/.exec(text)?.[1]);
  if (percent >= 1 && percent <= 100) return { percent };
  const bytes = parseSize(text);
  return bytes ? { bytes } : undefined;
}, "a size such as 512MiB, or a part such as 80%");

const HOSTNAME = "a host name, or an address such as 127.0.0.1 or ::1";

const hostname = z.string({ error: HOSTNAME }).regex(/^[A-Za-z0-9.:_-]+$/, { error: HOSTNAME });

const port = wholeNumber("a port", 0, 65_535);

const PUBLIC_URL = "a URL without a path, such as https://exports.example.com";

const ORIGIN = "an origin such as https://app.example.com, without a path and without *";

const HOST = "a host name or an address, without a port";

const NETWORK = "an address, or a network such as 10.0.0.0/8";

/** The keys of `server`; those of its `admin` and its `tls` are read afterwards. */
export const SERVER = {
  /** A host name or address. */
  hostname: hostname.default("127.0.0.1"),
  /** A TCP port; 0 lets the system choose. */
  port: port.default(8000),
  /** The URL that clients know it by, without a path; one of its names. */
  public_url: z.string({ error: PUBLIC_URL }).refine(isOrigin, { error: PUBLIC_URL })
    .transform((url) => new URL(url).origin).optional(),
  /** Names that it is known by besides its own, for `Host`. */
  hosts: z.array(
    z.string({ error: HOST }).refine(isHost, { error: HOST }),
    { error: "a list of host names" },
  ).default([]),
  /** Origins whose pages may read what their reader's credentials allow; exact ones. */
  cors: z.array(
    z.string({ error: ORIGIN }).refine((text) => isOrigin(text) && !text.includes("*"), {
      error: ORIGIN,
    }).transform((url) => new URL(url).origin),
    { error: "a list of origins" },
  ).default([]),
  /** Addresses and networks of proxies, which are believed to tell their clients' addresses. */
  trusted_proxies: z.array(
    z.string({ error: NETWORK }).refine(isNetwork, { error: NETWORK }),
    { error: "a list of addresses and networks" },
  ).default([]),
  admin: z.unknown(),
  tls: z.unknown(),
  /** Connections at once. */
  connections: wholeNumber("a whole number", 1, MAX_CONNECTIONS).default(1024),
  /** Milliseconds for the head of each request. */
  head_timeout: duration(1).default(15_000),
  /** Milliseconds between two pieces of a request's body. */
  body_timeout: duration(1).default(30_000),
  /** Milliseconds without a byte or a request in flight. */
  idle_timeout: duration(1).default(75_000),
  /** Milliseconds for which a client may take nothing of what is there for it. */
  stall_timeout: duration(1).default(120_000),
  /** Milliseconds that running downloads get to finish when the process is told to end. */
  drain_timeout: duration(0).default(25_000),
  /** Whether a 502 holds what the source said. @default for requests from this machine alone */
  debug: yesOrNo.optional(),
};

/** The keys of `server.admin`. */
export const ADMIN = { hostname: hostname.default("127.0.0.1"), port };

/** The keys of `server.tls`: files in PEM. */
export const TLS = {
  /** The server's certificate, and those that lead to an authority's. */
  cert: text,
  /** Its private key. */
  key: text,
};

/** The files of a certificate and of its key; absolute paths. */
export type TlsSettings = Settings<typeof TLS>;

/** Where the server listens. */
export type ServerSettings = Omit<Settings<typeof SERVER>, "admin" | "tls"> & {
  /** Where health and metrics are answered, and only there. @default where everything is */
  readonly admin?: Settings<typeof ADMIN>;
  /** What clients are answered with over TLS, but for health and metrics on a port of their own. @default no TLS */
  readonly tls?: TlsSettings;
};

/** The keys of `limits`; durations are milliseconds. */
export const LIMITS = {
  /** Units that exports take at once: most weigh one, some more. */
  concurrent: wholeNumber("a whole number", 1, MAX_CONCURRENT).default(32),
  /** Units that exports of one tenant take at once, those that wait included. @default as many as there are */
  per_tenant: wholeNumber("a whole number", 1, MAX_CONCURRENT).optional(),
  /** Connections at once of one client's address, and units that its exports take. */
  per_address: wholeNumber("a whole number", 1, MAX_CONNECTIONS).default(64),
  /** Exports that wait for others to end. */
  queue: wholeNumber("a whole number", 0, MAX_CONCURRENT).default(64),
  /** The longest wait there. */
  queue_timeout: duration(1).default(5_000),
  /** Exports that may share a worker process, and are lost with it where it dies. */
  runs_per_worker: wholeNumber("a whole number", 1, MAX_CONCURRENT).default(64),
  /** Worker processes that one export each may hold. @default 4, or one a core where there are more */
  exclusive: wholeNumber("a whole number", 1, MAX_CONCURRENT).optional(),
  /**
   * Memory at whose greater part no more runs begin: bytes, or a part of what the system would give.
   * @default all that the cgroup may take, or what the machine has
   */
  memory: memoryLimit.optional(),
  /** The longest wait for the first row. */
  first_row: duration(1).default(60_000),
  /** The longest wait for the next rows. */
  source_idle: duration(1).default(60_000),
  /** The longest run. */
  run: duration(1).default(3_600_000),
};

/** How much at once, and for how long. */
export type Limits = Settings<typeof LIMITS>;

/** The keys of `log`; those of its `audit` are read afterwards, where it is more than the name of a file. */
export const LOG = { audit: z.unknown() };

const AUDIT_WORDS = "a path, stdout, or a mapping of file, max_bytes and keep";

/** What `log.audit` is where it is no mapping. */
export const AUDIT_NAME: z.ZodType<string> = z.string({ error: AUDIT_WORDS })
  .regex(/\S/, { error: AUDIT_WORDS });

/** The least bytes of a file of the audit log: some hundred lines. */
const MIN_AUDIT_BYTES = 64 * 1024;

const AUDIT_SIZE = "a size of at least 64KiB, such as 100MiB";

/** The keys of `log.audit`. */
export const AUDIT = {
  /** A path. */
  file: text.refine((file) => file !== AUDIT_STDOUT, {
    error: "a path; standard output has no size, write audit: stdout",
  }),
  /** Bytes after which another file is begun. */
  max_bytes: parsed((text) => parseSize(text, { min: MIN_AUDIT_BYTES }), AUDIT_SIZE),
  /** Full files that are kept. */
  keep: wholeNumber("a whole number", 1, 1000).default(10),
};

/** The keys of `spool`; durations are milliseconds, sizes bytes. */
export const SPOOL = {
  /** A directory on a real disk. */
  dir: text,
  /** The most that may wait there. */
  max_bytes: size.default(2 ** 30),
  /** What others shall find free on the same disk. */
  min_free: size.default(2 ** 30),
  /** Whether the directory may be on a file system that is memory. */
  allow_memory: yesOrNo.default(false),
  /** Whether others may write to the directory or to those above it. */
  allow_shared: yesOrNo.default(false),
  /** How long a client may read nothing before its run spills. */
  spill_after: duration(0).default(10_000),
  /** Bytes a second below which a client's run spills. */
  spill_rate: size.default(64 * 1024),
  /** How long a whole file is kept, so that it can be sent, and its download be resumed. */
  keep: duration(1_000).default(600_000),
  /** How long a download that is streamed waits for a client that has left; 0: it does not. */
  resume_window: duration(0).default(0),
};

/** Where bytes wait that clients have not taken. */
export type SpoolSettings = Settings<typeof SPOOL>;

/** What `runs.ledger` says for a ledger that ends with the process. */
export const MEMORY_LEDGER = "memory";

const LEDGER = `${MEMORY_LEDGER}, a file such as sqlite:./spillway.db, or a URL such as ` +
  "postgres://user:password@host/database";

/** Longer than any timer waits: what is kept is looked through now and then. */
const MAX_RETENTION_MS = 366 * 86_400_000;

const retention = parsed(
  (text) => parseDuration(text, { min: 1000, max: MAX_RETENTION_MS }),
  "a duration such as 24h or 90d, of at least 1s and at most 366d",
);

/** The keys of `runs`; those of its `retention` and `webhooks` are read afterwards. */
export const RUNS = {
  /** Where receipts are kept. */
  ledger: z.string({ error: LEDGER }).refine(isLedger, { error: LEDGER }).default(MEMORY_LEDGER),
  /** Whether a run is refused that cannot be written down. */
  ledger_required: yesOrNo.default(false),
  /** Runs in the background at once. */
  background: wholeNumber("a whole number", 1, MAX_CONCURRENT).default(4),
  /** Runs that may wait to run in the background. */
  max_queued: wholeNumber("a whole number", 1, 100_000).default(1000),
  retention: z.unknown(),
  signing_keys: z.unknown(),
  webhooks: z.unknown(),
};

/** A key that receipts are signed with: itself, or the path of its file. */
export type SigningKeySetting = { readonly key: SigningKey } | { readonly file: string };

const SIGNING_KEY = "an Ed25519 key, as PEM or as a JWK, or its file, such as file:./receipts.pem";

/** What `runs.signing_keys` says; no message shows a word of it. */
export const SIGNING_KEYS: z.ZodType<readonly SigningKeySetting[]> = z.array(
  parsed(parseSigningKey, SIGNING_KEY),
  {
    error: "a list of keys",
  },
)
  .superRefine(([first], context) => {
    if (!first || "file" in first || first.key.d !== undefined) return;
    const message = "a private key, as the first one signs";
    context.addIssue({ code: "custom", path: [0], message });
  });

/** The keys of `runs.retention`; durations are milliseconds. */
export const RETENTION = {
  /** How long the file of a run is kept that was asked for in the background. */
  files: retention.default(86_400_000),
  /** How long the receipt of a run is kept after its end. */
  receipts: retention.default(90 * 86_400_000),
};

/** Where receipts are kept, and what runs in the background. */
export type RunsSettings =
  & Omit<Settings<typeof RUNS>, "retention" | "signingKeys" | "webhooks">
  & {
    /** How long things are kept. */
    readonly retention: Settings<typeof RETENTION>;
    /** What receipts are signed with, of which the first signs. @default none: they are not signed */
    readonly signingKeys: readonly SigningKeySetting[];
    /** Where ends of runs are told of; absent: nowhere. */
    readonly webhooks?: WebhooksSettings;
  };

/** The formats of uploads. */
const READ_FORMATS = [
  "csv",
  "tsv",
  "ndjson",
  "json",
  "xlsx",
] as const satisfies readonly UploadFormat[];

/** The keys of `convert`; sizes are bytes. */
export const CONVERT = {
  /** The most bytes of an uploaded file. */
  max_bytes: size.default(2 ** 30),
  /** The most cells of a table in one. */
  max_cells: wholeNumber("a whole number", 1, Number.MAX_SAFE_INTEGER).default(100_000_000),
  /** The formats that are read. @default all that can be */
  formats: z.array(oneOf(READ_FORMATS), { error: "a list of formats" })
    .min(1, { error: "a list of at least one format" }).optional(),
};

/** How uploaded files are converted. */
export type ConvertSettings = Settings<typeof CONVERT>;

/** The keys of an export that say how much one file may take. */
export const CAPS = {
  max_rows: wholeNumber("a whole number", 1, Number.MAX_SAFE_INTEGER).optional(),
  max_bytes: size.optional(),
  max_duration: duration(1).optional(),
};

/**
 * The keys of an export, those of formats aside; `params`, `columns` and `formats` are read one by one
 * afterwards.
 */
export const EXPORT = {
  title: text.optional(),
  source: text,
  query: text.optional(),
  params: z.unknown(),
  columns: z.unknown(),
  filename: text.optional(),
  formats: z.array(z.string({ error: "text" }), { error: "a list of formats" })
    .min(1, { error: "a list of at least one format" }).optional(),
  reason: z.literal("required", { error: "required" }).optional(),
  ...CAPS,
  truncate: yesOrNo.default(false),
  join: yesOrNo.default(true),
  resume_window: duration(0).optional(),
};

/** The keys of an export that are about a file as a document; they follow those of the formats. */
export const DOCUMENT = {
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

const SCOPE = "the name of a scope, without spaces";

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
  mask: oneOf(MASKS).optional(),
  unless: z.string({ error: SCOPE }).refine(isScope, { error: SCOPE }).optional(),
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
  from: parsed(parseSource, SOURCE_RULE).optional(),
  log: yesOrNo.optional(),
  values: z.array(z.string({ error: "text" }), { error: "a list of texts" })
    .min(1, { error: "a list of at least one value" }).optional(),
  min: z.unknown(),
  max: z.unknown(),
  max_length: wholeNumber("a whole number", 1, 100_000).optional(),
  max_items: wholeNumber("a whole number", 1, MAX_ITEMS).optional(),
};

/** Whether a text is a URL of the web with nothing behind its host and port. */
function isScope(text: string): boolean {
  return readName(text) !== undefined && !/\s/.test(text);
}

function isHost(text: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(text) || isIP(text) !== 0;
}

/** Whether a text is an address, or one with the length of a network's prefix (RFC 4632, 3.1). */
function isNetwork(text: string): boolean {
  const [, address = "", prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix ?? 0) <= (family === 4 ? 32 : 128);
}

function parseSigningKey(text: string): SigningKeySetting | undefined {
  const [, file] = /^file:(.+)$/s.exec(text) ?? [];
  if (file !== undefined) return { file };
  const key = readSigningKey(text);
  return key && { key };
}

function isLedger(text: string): boolean {
  return text === MEMORY_LEDGER || /^sqlite:./.test(text) ||
    /^postgres(ql)?:\/\/./.test(text) && URL.canParse(text);
}

/** Whether a text leads to a URL of the web or of mail, of which the cell is no host. */
function isLink(text: string): boolean {
  return LINK_SHAPE.test(text) && URL.canParse(text.replaceAll("{}", "x"));
}

const LINK_SHAPE = /^(?:https?:\/\/[^/?#{}\s"]+[/?#]|mailto:)[^\s"]*\{\}[^\s"]*$/i;
