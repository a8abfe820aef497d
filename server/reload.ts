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
 * @param take puts one in force, or throws and changes nothing
 */
export function createReload(running: () => Config, take: (config: Config) => void): Reload {
  let successful = true;
  let succeededAt = Date.now() / 1000;
  let last = Promise.resolve();
  let next: Promise<void> | undefined;

  async function reload(read: () => Promise<Config>): Promise<void> {
    try {
      const { config, fixed } = reloadable(running(), await read());
      take(config);
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

/** The keys of `server` that are taken; the others are those of sockets that are open. */
const SERVER_KEYS: readonly string[] = ["hosts", "cors", "debug", "drainTimeout"];

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
  const { server, spool, audit } = running;
  return {
    config: {
      ...rest,
      server: { ...pick(server, isFixed), ...pick(next.server, isTaken) } as Config["server"],
      ...(spool ? { spool } : {}),
      ...(audit === undefined ? {} : { audit }),
    },
    fixed: [
      ...differing("server", pick(server, isFixed), pick(next.server, isFixed)),
      ...differing("spool", spool, next.spool),
      ...(JSON.stringify(audit) === JSON.stringify(next.audit) ? [] : ["log.audit"]),
    ],
  };
}

function isTaken(key: string): boolean {
  return SERVER_KEYS.includes(key);
}

function isFixed(key: string): boolean {
  return !isTaken(key);
}

function pick(section: object, wanted: (key: string) => boolean): object {
  return Object.fromEntries(Object.entries(section).filter(([key]) => wanted(key)));
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
