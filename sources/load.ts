/** Loads one kind of source by its name, and the library that it takes: a worker needs few of them. */

import type { AnyKind, sources } from "./mod.ts";

/**
 * How each kind is loaded. All at once, as the server needs them to read its configuration, they take 25
 * MB of a process and half of the time in which it starts; mysql2 takes most of both.
 */
const LOADERS = {
  http: async () => (await import("./http/mod.ts")).http,
  module: async () => (await import("./module/mod.ts")).module,
  mysql: async () => (await import("./mysql/mod.ts")).mysql,
  postgres: async () => (await import("./postgres/mod.ts")).postgres,
  sqlite: async () => (await import("./sqlite/mod.ts")).sqlite,
} satisfies Readonly<Record<keyof typeof sources, () => Promise<AnyKind>>>;

/** Loads a kind; `type` is one that the configuration has named. */
export function loadSource(type: string): Promise<AnyKind> {
  return LOADERS[type as keyof typeof LOADERS]();
}
