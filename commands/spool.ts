/** Opens the spool that the configuration names, and logs the trouble that it has. */

import { getLogger } from "@logtape/logtape";
import type { SpoolSettings } from "../catalog/config.ts";
import type { FileSystem } from "../storage/file_system.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { type OpenedSpool, openSpool, SpoolError, type Trouble } from "../storage/spool.ts";
import { CommandError, EXIT } from "./command.ts";

/** Milliseconds that removing the spool's directory may take; what is left, the next start removes. */
const DISPOSE_MS = 2_000;

const logger = getLogger(["spillway", "spool"]);

/**
 * Opens the spool. Disposing it ends in time, also where its file system does not answer any more.
 *
 * @throws {CommandError} saying why the directory is not fit, with status 78
 */
export async function openConfiguredSpool(
  settings: SpoolSettings,
  files?: FileSystem,
): Promise<OpenedSpool> {
  const { dir, maxBytes, minFree, allowMemory, allowShared } = settings;
  try {
    const spool = await openSpool({
      dir,
      maxBytes,
      minFreeBytes: minFree,
      allowMemory,
      allowShared,
      ...(files ? { files } : {}),
      onTrouble: logTrouble,
    });
    return {
      ...spool,
      async [Symbol.asyncDispose]() {
        if (await settlesWithin(spool[Symbol.asyncDispose](), DISPOSE_MS)) return;
        logger.error(`Cannot remove ${spool.directory} within ${DISPOSE_MS} ms`);
      },
    };
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    throw new CommandError(error.message, EXIT.config);
  }
}

/** One line with the state of the disk. */
function logTrouble({ disk, untold, ...trouble }: Trouble): void {
  const fields = {
    ...(trouble.kind === "failed"
      ? { action: trouble.action, error: String(trouble.error) }
      : { reason: trouble.reason, asked_bytes: trouble.bytes }),
    mount: disk.mount,
    file_system: disk.fileSystem,
    free_bytes: disk.freeBytes,
    free_files: disk.freeFiles,
    spool_bytes: disk.bytes,
    reserved_bytes: disk.reservedBytes,
    max_bytes: disk.maxBytes,
    min_free_bytes: disk.minFreeBytes,
    untold,
  };
  const what = trouble.kind === "failed"
    ? `Cannot ${trouble.action}`
    : `No room: ${trouble.reason}`;
  logger.warn(`${what}; ${disk.freeBytes} bytes are free at ${disk.mount}`, fields);
}
