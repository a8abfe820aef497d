/** Opens the spool that the configuration names, and logs the issues that it has. */

import { getLogger } from "@logtape/logtape";
import type { SpoolSettings } from "../catalog/config.ts";
import type { FileSystem } from "../storage/disk/file_system.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { type OpenedSpool, openSpool, SpoolError, type SpoolIssue } from "../storage/spool/mod.ts";
import { StartError } from "./start_error.ts";

/** Milliseconds that removing the spool's directory may take; what is left, the next start removes. */
const DISPOSE_MS = 2_000;

const logger = getLogger(["spillway", "spool"]);

/**
 * Opens the spool. Disposing it ends in time, also where its file system does not answer any more.
 *
 * @throws {StartError} saying why the directory is not fit
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
      onIssue: logIssue,
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
    throw new StartError(error.message, "directory");
  }
}

/** One line with the state of the disk. */
function logIssue({ disk, unreported, ...issue }: SpoolIssue): void {
  const fields = {
    ...(issue.kind === "failed"
      ? { action: issue.action, error: String(issue.error) }
      : { reason: issue.reason, asked_bytes: issue.bytes }),
    mount: disk.mount,
    file_system: disk.fileSystem,
    free_bytes: disk.freeBytes,
    free_files: disk.freeFiles,
    spool_bytes: disk.bytes,
    reserved_bytes: disk.reservedBytes,
    max_bytes: disk.maxBytes,
    min_free_bytes: disk.minFreeBytes,
    untold: unreported,
  };
  const what = issue.kind === "failed" ? `Cannot ${issue.action}` : `No room: ${issue.reason}`;
  logger.warn(`${what}; ${disk.freeBytes} bytes are free at ${disk.mount}`, fields);
}
