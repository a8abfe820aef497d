/** Turns the text of `spillway.yaml` into a configuration, or into all of its issues. */

import { isAbsolute, join } from "node:path";
import type { z } from "zod";
import { type AccessConfig, accessConfig, isEmpty, isSecretPath } from "../access/config.ts";
import type { SourceLanguage } from "../sources/descriptor.ts";
import {
  ADMIN,
  AUDIT,
  AUDIT_NAME,
  AUDIT_STDOUT,
  type AuditSettings,
  type Config,
  CONVERT,
  type ConvertSettings,
  LIMITS,
  LOG,
  RETENTION,
  RUNS,
  SERVER,
  SIGNING_KEYS,
  type SigningKeySetting,
  type SourceSetting,
  SPOOL,
  TLS,
} from "./config.ts";
import { readDocument } from "./document.ts";
import { isLoopback } from "../table/loopback.ts";
import type { Environment } from "./interpolate.ts";
import { ConfigError } from "./issues.ts";
import { listing } from "./params.ts";
import { createReader, isMapping, type Reader } from "./reader.ts";
import {
  type FormatSchema,
  isName,
  type KnownSource,
  NAME_RULE,
  readExport,
} from "./read_export.ts";
import { readSchedule } from "./schedules.ts";
import { toSettings } from "./settings.ts";
import { readWebhooks } from "./webhooks.ts";

/** What the loader needs to know of a kind of source; every `SourceDescriptor` is one. */
export interface SourceSchema {
  /** Its settings, without the `type` key; strict, and with nouns as messages (`a port`). */
  readonly config: z.ZodType;
  /** What its exports say to it. @default a query in SQL */
  readonly language?: SourceLanguage;
  /** Whether it runs code that is not ours. @default false */
  readonly runsCode?: boolean;
  /** Whether a query sees the rows as they were at one moment. @default false */
  readonly snapshot?: boolean;
  /** The keys of its settings that are file paths, or lists of them. */
  readonly paths: readonly string[];
}

/** What a configuration is read with. */
export interface LoadOptions {
  /** Looks up environment variables. */
  readonly env: Environment;
  /** The folder of the configuration file, absolute: relative paths in it start there. */
  readonly folder: string;
  /** The kinds of sources, by `type`. */
  readonly sources: Readonly<Record<string, SourceSchema>>;
  /** The formats, by key, in the order in which they are offered. */
  readonly formats: Readonly<Record<string, FormatSchema>>;
}

const SECTIONS = [
  "server",
  "access",
  "sources",
  "exports",
  "limits",
  "spool",
  "runs",
  "schedules",
  "convert",
  "log",
] as const;

/**
 * Reads a configuration. It opens nothing: a database that is missing is found by its first export.
 *
 * @throws {ConfigError} with every issue at once, in the order of the file
 *
 * @example
 * ```ts
 * const config = loadConfig(await Deno.readTextFile("/etc/spillway/spillway.yaml"), {
 *   env: (name) => Deno.env.get(name),
 *   folder: "/etc/spillway",
 *   sources: await loadDescriptors(),
 *   formats: await loadFormats(),
 * });
 * ```
 */
export function loadConfig(text: string, options: LoadOptions): Config {
  const document = readDocument(text, options.env);
  const reader = createReader(document);
  const config = readConfig(reader, document.value ?? {}, options);
  const issues = reader.issues();
  if (config === undefined || issues.length > 0) throw new ConfigError(issues);
  return config;
}

function readConfig(reader: Reader, root: unknown, options: LoadOptions): Config | undefined {
  if (!isMapping(root)) {
    reader.refuse([], "a mapping", root);
    return undefined;
  }
  for (const key of Object.keys(root)) {
    if ((SECTIONS as readonly string[]).includes(key)) continue;
    reader.add([key], `unknown key; the keys here are ${listing(SECTIONS, "and")}`);
  }
  // A section with nothing in it, or with every line of it commented out, is null in YAML.
  const server = reader.fields(SERVER, root.server ?? {}, ["server"]);
  const admin = server.partial.admin === undefined
    ? undefined
    : reader.fields(ADMIN, server.partial.admin, ["server", "admin"]);
  const tls = server.partial.tls === undefined
    ? undefined
    : reader.fields(TLS, server.partial.tls, ["server", "tls"]);
  const access = readAccess(reader, root.access ?? {});
  const limits = reader.fields(LIMITS, root.limits ?? {}, ["limits"]);
  const spool = root.spool === undefined
    ? undefined
    : reader.fields(SPOOL, root.spool ?? {}, ["spool"]);
  const runs = reader.fields(RUNS, root.runs ?? {}, ["runs"]);
  const retention = reader.fields(RETENTION, runs.partial.retention ?? {}, ["runs", "retention"]);
  const signingKeys = readSigningKeys(reader, runs.partial.signing_keys, options.folder);
  const webhooks = runs.partial.webhooks === undefined
    ? undefined
    : readWebhooks(reader, runs.partial.webhooks, ["runs", "webhooks"]);
  const convert = root.convert === undefined ? undefined : readConvert(reader, root);
  const log = reader.fields(LOG, root.log ?? {}, ["log"]);
  const audit = readAudit(reader, log.partial.audit, options.folder);
  const { hostname } = server.partial;
  if (access && isEmpty(access) && hostname !== undefined && !isLoopback(hostname)) {
    reader.refuse(
      ["server", "hostname"],
      "localhost or a loopback address while access is empty, as nobody could be let in: set " +
        "access.keys (spillway key new prints one), access.jwt or access.links, or let everybody " +
        "in with access: { anonymous: true }",
      hostname,
    );
  }

  const sources = new Map<string, SourceSetting>();
  for (const [name, value] of reader.entries(root.sources, ["sources"])) {
    const source = readSource(reader, name, value, options);
    if (source !== undefined) sources.set(name, source);
  }
  const context = {
    sources: knownSources(root.sources, options.sources),
    formats: options.formats,
  };
  const exports: Config["exports"] = new Map(
    reader.entries(root.exports, ["exports"]).flatMap(([name, value]) => {
      const definition = readExport(reader, name, value, context);
      return definition === undefined ? [] : [[name, definition]];
    }),
  );

  const schedules: Config["schedules"] = new Map(
    reader.entries(root.schedules ?? null, ["schedules"]).flatMap(([name, value]) => {
      if (!isName(name)) reader.add(["schedules", name], NAME_RULE);
      const definition = readSchedule(reader, name, value);
      return definition === undefined ? [] : [[name, definition]];
    }),
  );
  if (schedules.size > 0 && root.spool === undefined) {
    reader.add(["schedules"], "needs a spool, where its files are kept");
  }

  if (root.spool === undefined) {
    for (const { name, resumeWindow = 0 } of exports.values()) {
      if (resumeWindow === 0) continue;
      reader.add(["exports", name, "resume_window"], "needs a spool, where the file waits");
    }
  }

  if (access && access.maskSecret === undefined) {
    for (const { name, masks } of exports.values()) {
      for (const [column, { mask }] of Object.entries(masks)) {
        if (mask !== "hash") continue;
        reader.add(
          ["exports", name, "columns", column, "mask"],
          "hash needs access.mask_secret, which it is keyed with",
        );
      }
    }
  }

  if (
    !server.whole || admin && !admin.whole || tls && !tls.whole || !access || !limits.whole ||
    !log.whole || !runs.whole || !retention.whole || !signingKeys ||
    spool && !spool.whole ||
    root.convert !== undefined && !convert
  ) return undefined;
  const { admin: _, tls: __, ...serverSettings } = toSettings<typeof SERVER>(server.whole);
  const { webhooks: ___, ...runsSettings } = toSettings<typeof RUNS>(runs.whole);
  return {
    server: {
      ...serverSettings,
      ...(admin?.whole ? { admin: admin.whole } : {}),
      ...(tls?.whole
        ? {
          tls: {
            cert: resolvePath(tls.whole.cert, options.folder),
            key: resolvePath(tls.whole.key, options.folder),
          },
        }
        : {}),
    },
    access,
    sources,
    exports,
    limits: toSettings<typeof LIMITS>(limits.whole),
    runs: {
      ...runsSettings,
      ledger: resolveLedger(runs.whole.ledger, options.folder),
      retention: toSettings<typeof RETENTION>(retention.whole),
      signingKeys,
      ...(webhooks ? { webhooks } : {}),
    },
    schedules,
    ...(convert ? { convert } : {}),
    ...(audit === undefined ? {} : { audit }),
    ...(spool?.whole
      ? {
        spool: {
          ...toSettings<typeof SPOOL>(spool.whole),
          dir: resolvePath(spool.whole.dir, options.folder),
        },
      }
      : {}),
  };
}

/** Reads who may use the server, with no word of a secret. */
function readAccess(reader: Reader, value: unknown): AccessConfig | undefined {
  const path = ["access"];
  if (isMapping(value) && Object.hasOwn(value, "public")) {
    reader.add([...path, "public"], "this is called anonymous; write access: { anonymous: true }");
    return undefined;
  }
  return reader.value(accessConfig, value, path, isSecretPath)?.value;
}

/** Reads how uploads are converted, which wait in the spool. */
function readConvert(
  reader: Reader,
  root: Readonly<Record<string, unknown>>,
): ConvertSettings | undefined {
  const { whole } = reader.fields(CONVERT, root.convert ?? {}, ["convert"]);
  if (root.spool === undefined) {
    reader.add(["convert"], "needs the section spool: an upload waits there until it is read");
  }
  return whole && toSettings<typeof CONVERT>(whole);
}

/** Reads where the audit log is: a name alone, or a file with a size. */
function readAudit(reader: Reader, value: unknown, folder: string): AuditSettings | undefined {
  if (value === undefined) return undefined;
  const path = ["log", "audit"];
  if (!isMapping(value)) {
    const file = reader.value(AUDIT_NAME, value, path)?.value;
    if (file === undefined) return undefined;
    return { file: file === AUDIT_STDOUT ? file : resolvePath(file, folder) };
  }
  const { whole } = reader.fields(AUDIT, value, path);
  if (!whole) return undefined;
  const { file, max_bytes: maxBytes, keep } = whole;
  return { file: resolvePath(file, folder), rotation: { maxBytes, keep } };
}

/** Reads what receipts are signed with, with no word of it. */
function readSigningKeys(
  reader: Reader,
  value: unknown,
  folder: string,
): readonly SigningKeySetting[] | undefined {
  const keys = reader.value(SIGNING_KEYS, value ?? [], ["runs", "signing_keys"], () => true);
  return keys?.value.map((key) => "file" in key ? { file: resolvePath(key.file, folder) } : key);
}

/** What exports may name, whether or not the settings of the sources are right. */
function knownSources(
  sources: unknown,
  kinds: LoadOptions["sources"],
): ReadonlyMap<string, KnownSource> {
  const entries = isMapping(sources) ? Object.entries(sources) : [];
  return new Map(entries.map(([name, value]) => {
    const type = isMapping(value) ? value.type : undefined;
    if (typeof type !== "string" || !Object.hasOwn(kinds, type)) return [name, {}];
    return [name, { kind: { type, language: kinds[type]!.language ?? { query: "required" } } }];
  }));
}

/** Reads one source with the schema of its kind. */
function readSource(
  reader: Reader,
  name: string,
  value: unknown,
  { sources, folder }: LoadOptions,
): SourceSetting | undefined {
  const path = ["sources", name];
  if (!isName(name)) reader.add(path, NAME_RULE);
  if (!isMapping(value)) {
    reader.refuse(path, "a mapping", value);
    return undefined;
  }
  const { type, ...settings } = value;
  if (typeof type !== "string" || !Object.hasOwn(sources, type)) {
    reader.refuse([...path, "type"], listing(Object.keys(sources)), type);
    return undefined;
  }
  const kind = sources[type]!;
  const read = reader.value(kind.config, settings, path);
  if (read === undefined) return undefined;
  return {
    type,
    config: resolvePaths(read.value, kind.paths, folder),
    ...(kind.runsCode ? { runsCode: true } : {}),
    ...(kind.snapshot ? { snapshot: true } : {}),
  };
}

/** Makes relative paths absolute, so that they do not depend on where the process was started. */
function resolvePaths(config: unknown, keys: readonly string[], folder: string): unknown {
  if (!isMapping(config)) return config;
  const resolved: Record<string, unknown> = { ...config };
  for (const key of keys) {
    const path = resolved[key];
    if (typeof path === "string") resolved[key] = resolvePath(path, folder);
    else if (Array.isArray(path)) resolved[key] = path.map((one) => resolvePath(one, folder));
  }
  return resolved;
}

/** The same ledger, with the path of a file resolved. */
function resolveLedger(ledger: string, folder: string): string {
  const [, path] = /^sqlite:(.*)$/s.exec(ledger) ?? [];
  return path === undefined ? ledger : `sqlite:${resolvePath(path, folder)}`;
}

function resolvePath(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
