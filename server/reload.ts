/** Takes another configuration while the server runs: what of it only a restart changes, and what came of it. */

import { getLogger } from "@logtape/logtape";
import { isEmpty } from "../access/config.ts";
import type { Config } from "../catalog/config.ts";
import { formatPath } from "../catalog/issues.ts";
import { listing } from "../catalog/params.ts";
import { isLoopback } from "../table/loopback.ts";
import { asTemplate } from "./as_template.ts";

const logger = getLogger(["spillway"]);

/** What the last reading of the configuration came to. */
export interface ReloadState {
  /** Whether it was taken. */
  readonly successful: boolean;
  /** When the one that is in force was taken, in seconds since 1970. */
  readonly succeededAt: number;
}

/** Takes configurations. */
export interface Reload extends ReloadState {
  /** Reads one and takes it, or says why not; never rejects. */
  reload(read: () => Promise<Config>): Promise<void>;
}

/**
 * Makes what takes configurations, one after the other.
 *
 * @param running gives the one that is in force
 * @param take puts one in force, or rejects and changes nothing
 */
export function createReload(
  running: () => Config,
  take: (config: Config) => Promise<void>,
): Reload {
  let successful = true;
  let succeededAt = Date.now() / 1000;
  let last = Promise.resolve();
  let next: Promise<void> | undefined;

  async function reload(read: () => Promise<Config>): Promise<void> {
    try {
      const { config, fixed } = reloadable(running(), await read());
      await take(config);
      successful = true;
      succeededAt = Date.now() / 1000;
      logger.info("The configuration was read again", { exports: config.exports.size });
      if (fixed.length === 0) return;
      logger.warn(`Only a restart changes ${listing(fixed, "and")}`, { fixed });
    } catch (error) {
      successful = false;
      const [reason, ...issues] = messageOf(error).split("\n");
      logger.error(asTemplate(`The configuration in force stays: ${reason}`));
      for (const issue of issues) logger.error(asTemplate(issue));
    }
  }

  return {
    get successful() {
      return successful;
    },
    get succeededAt() {
      return succeededAt;
    },
    reload: (read) =>
      next ??= last.then(() => {
        next = undefined;
        return last = reload(read);
      }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A configuration cannot be taken by a server that runs with another one. */
export class ReloadError extends Error {
  override readonly name = "ReloadError";
}

/** What can be taken. */
export interface Reloadable {
  /** The configuration, with what only a restart changes as it is. */
  readonly config: Config;
  /** The paths of what only a restart changes, where it differs. */
  readonly fixed: readonly string[];
}

/** The keys of sections that are taken; the others are those of sockets and of a ledger that are open. */
const TAKEN = {
  server: ["hosts", "cors", "debug", "drainTimeout"],
  runs: ["background", "maxQueued", "retention", "signingKeys"],
} as const satisfies { readonly [Section in keyof Config]?: readonly (keyof Config[Section])[] };

/**
 * Puts together what is in force with another configuration.
 *
 * @throws {ReloadError} where that would let everybody in
 */
export function reloadable(running: Config, next: Config): Reloadable {
  const { hostname } = running.server;
  if (isEmpty(next.access) && !isLoopback(hostname)) {
    throw new ReloadError(
      `access is empty, and this server listens on ${hostname}: everybody could export everything`,
    );
  }
  const { spool: _, audit: __, ...rest } = next;
  const { spool, audit } = running;
  const tls = running.server.tls && (next.server.tls ?? running.server.tls);
  return {
    config: {
      ...rest,
      server: { ...mix(running, next, "server"), ...(tls ? { tls } : {}) },
      runs: mix(running, next, "runs"),
      ...(spool ? { spool } : {}),
      ...(audit === undefined ? {} : { audit }),
    },
    fixed: [
      ...differing("server", ofSockets(running), ofSockets(next)),
      ...differing("runs", pick(running, "runs", isFixed), pick(next, "runs", isFixed)),
      ...differing("spool", spool, next.spool),
      ...(JSON.stringify(audit) === JSON.stringify(next.audit) ? [] : ["log.audit"]),
    ],
  };
}

/** What sockets are made with; over TLS, other files may be taken. */
function ofSockets(config: Config): object {
  return { ...pick(config, "server", isFixed), tls: config.server.tls !== undefined };
}

/** A section with what is taken of another one. */
function mix<Name extends keyof typeof TAKEN>(running: Config, next: Config, name: Name) {
  return {
    ...pick(running, name, isFixed),
    ...pick(next, name, isTaken),
  } as unknown as Config[Name];
}

function isTaken(name: keyof typeof TAKEN, key: string): boolean {
  return (TAKEN[name] as readonly string[]).includes(key);
}

function isFixed(name: keyof typeof TAKEN, key: string): boolean {
  return !isTaken(name, key);
}

function pick(config: Config, name: keyof typeof TAKEN, wanted: typeof isTaken): object {
  return Object.fromEntries(Object.entries(config[name]).filter(([key]) => wanted(name, key)));
}

/** The paths, as the file has them, of the keys of a section that differ. */
function differing(name: string, one: object | undefined, other: object | undefined): string[] {
  if (!one || !other) return one === other ? [] : [name];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  const textOf = (section: object, key: string) =>
    JSON.stringify((section as Readonly<Record<string, unknown>>)[key]);
  return [...keys].filter((key) => textOf(one, key) !== textOf(other, key))
    .map((key) =>
      formatPath([name, key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)])
    );
}
