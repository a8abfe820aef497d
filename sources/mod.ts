/**
 * The kinds of sources that there are: adding one is a file or a folder, and an entry here.
 *
 * An entry has two sides, which are loaded apart: what a kind is and may be told, schemas included, for the
 * server; and the code that reads it, for the workers, which need no schema and only the drivers of their
 * own sources. A driver's library takes up to 20 MB of a process and a tenth of a second.
 */

import type { z } from "zod";
import type { SourceDescriptor } from "./descriptor.ts";
import type { SourceDriver } from "./source.ts";

/** Some kind, whose configuration only it knows. */
export type AnyDescriptor = Omit<SourceDescriptor<never>, "config"> & {
  readonly config: z.ZodType;
};

/** How the two sides of a kind are loaded. */
export interface SourceModules {
  /** What it is. */
  readonly descriptor: () => Promise<AnyDescriptor>;
  /** What reads it. */
  readonly driver: () => Promise<SourceDriver<never>>;
}

/** Every kind, by its `type` in the configuration. */
export const SOURCES = {
  http: {
    descriptor: async () => (await import("./http/descriptor.ts")).http,
    driver: async () => (await import("./http/driver.ts")).httpDriver,
  },
  module: {
    descriptor: async () => (await import("./module/descriptor.ts")).module,
    driver: async () => (await import("./module/driver.ts")).moduleDriver,
  },
  mysql: {
    descriptor: async () => (await import("./mysql/descriptor.ts")).mysql,
    driver: async () => (await import("./mysql/driver.ts")).mysqlDriver,
  },
  postgres: {
    descriptor: async () => (await import("./postgres/descriptor.ts")).postgres,
    driver: async () => (await import("./postgres/driver.ts")).postgresDriver,
  },
  sqlite: {
    descriptor: async () => (await import("./sqlite/descriptor.ts")).sqlite,
    driver: async () => (await import("./sqlite/driver.ts")).sqliteDriver,
  },
  upload: {
    descriptor: async () => (await import("./upload/descriptor.ts")).upload,
    driver: async () => (await import("./upload/driver.ts")).uploadDriver,
  },
} satisfies Readonly<Record<string, SourceModules>>;

/** What kinds are, by their `type`. */
export type Descriptors = Readonly<Record<string, AnyDescriptor>>;

/** Loads what all kinds are. */
export async function loadDescriptors(
  modules: Readonly<Record<string, SourceModules>> = SOURCES,
): Promise<Descriptors> {
  const kinds = Object.entries(modules);
  const loaded = kinds.map(async ([type, { descriptor }]) => [type, await descriptor()] as const);
  return Object.fromEntries(await Promise.all(loaded));
}

/** Loads what reads a kind; `type` is one that the configuration has named. */
export function loadDriver(
  type: string,
  modules: Readonly<Record<string, SourceModules>> = SOURCES,
): Promise<SourceDriver<never>> {
  return modules[type]!.driver();
}
