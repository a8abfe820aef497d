/** Finds out how many more descriptors this process may have open. */

/** A file that is always there, and costs nothing to open; any that may be read would do. */
const NOTHING = "/dev/null";

/**
 * Opens files until it may no more, and closes them: 5 us each. The system's own word (`RLIMIT_NOFILE` in
 * `/proc/self/limits`) is only for processes that Deno lets do everything, and counts those that are open.
 *
 * @param wanted when to stop
 * @returns as many as `wanted`, or as there are; undefined where that cannot be tried
 */
export function countFreeDescriptors(wanted: number): number | undefined {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < wanted) files.push(Deno.openSync(NOTHING));
  } catch (error) {
    // Not where it may not be read, or is not there.
    if (!isOutOfDescriptors(error)) return undefined;
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}

/** Whether this process has no more (EMFILE), or the machine (ENFILE). */
function isOutOfDescriptors(error: unknown): boolean {
  return ["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException).code ?? "");
}
