/** A real disk that is small enough to fill: a tmpfs, mounted by the test. */

/** Bytes of the disk. */
export const SMALL_DISK_BYTES = 8 * 1024 * 1024;

/** A mounted file system. */
export interface SmallDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** Mounts it again with other options: `ro`. */
  remount(options: string): Promise<void>;
}

/**
 * Mounts a disk of {@linkcode SMALL_DISK_BYTES}.
 *
 * @param options further options of `mount`, such as `nr_inodes=16`
 */
export async function mountSmallDisk(options = "mode=0700"): Promise<SmallDisk> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "spillway-small-disk-" }));
  try {
    await command(
      "mount",
      "-t",
      "tmpfs",
      "-o",
      `size=${SMALL_DISK_BYTES},${options}`,
      "none",
      path,
    );
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
  return {
    path,
    remount: (options) => command("mount", "-o", `remount,${options}`, path),
    async [Symbol.asyncDispose]() {
      await command("umount", path); // refuses while a file is open: a leak fails the test
      await Deno.remove(path);
    },
  };
}

/**
 * Whether none can be mounted here, for `ignore`: it takes root. In a user namespace it would be
 * mounted for a child process alone.
 */
export const NO_SMALL_DISK: boolean = await mountSmallDisk().then(
  (disk) => disk[Symbol.asyncDispose]().then(() => false),
  () => true,
);

/** Ends the name of a test that is ignored without a small disk. */
export const NEEDS_SMALL_DISK = NO_SMALL_DISK ? " (ignored: mounting a tmpfs takes root)" : "";

async function command(name: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args }).output();
  if (!success) throw new Error(`Cannot ${name}: ${new TextDecoder().decode(stderr)}`);
}
