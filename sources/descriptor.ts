/** What a kind of source is to the server: its settings, its permissions, what its exports say to it. */

import type { z } from "zod";

/** What a worker must be permitted for a source, besides what every worker is. */
export interface SourcePermissions {
  /** Hosts that it connects to: `db.internal:5432`, `[::1]:5432`. */
  readonly net?: readonly string[];
  /** Files and folders that it reads. */
  readonly read?: readonly string[];
  /** Files that it makes and writes. */
  readonly write?: readonly string[];
  /** Names that its library asks the system for (`hostname`), see `--allow-sys`. */
  readonly sys?: readonly string[];
}

/** What the exports of a kind of source say to it. */
export interface SourceLanguage {
  /** Whether an export has a `query`. Its params need be named in one only where it must have one. */
  readonly query: "required" | "optional" | "none";
  /**
   * The params that a query names, each once. Where it can be read in two ways, the declared ones that it
   * may name are among them, and no other that it may not. @default SQL's: `:name` outside of strings and
   * comments
   */
  placeholders?(query: string, declared: readonly string[]): readonly string[];
}

/** One kind of source: `sqlite`, `postgres`, … */
export interface SourceDescriptor<Config> {
  /** Its settings in `spillway.yaml`, without the `type` key that names the kind. */
  readonly config: z.ZodType<Config>;
  /** What its exports say to it. */
  readonly language: SourceLanguage;
  /** The keys of its settings that are file paths, or lists of them, resolved against the configuration file's folder. */
  readonly paths: readonly (keyof Config & string)[];
  /**
   * Whether a query sees the rows as they were at one moment, whatever is written since.
   * @default false
   */
  readonly snapshot?: boolean;
  /**
   * Whether reading holds the thread, so that a run has a worker to itself: `learn` where some queries
   * do, of which `RowStream.mayBlock` tells. @default false
   */
  readonly blocking?: boolean | "learn";
  /**
   * What a run of one of its exports weighs beside one of SQLite or PostgreSQL, in halves: the time of a core
   * and the memory that it takes. @default 1
   */
  readonly weight?: number;
  /** Whether it runs code that is not ours, in workers that nothing else uses. @default false */
  readonly runsCode?: boolean;
  /**
   * The permissions that it needs besides reading its {@linkcode paths}.
   *
   * @default nothing
   */
  permissions?(config: Config): SourcePermissions;
}
