/** Finds the files of the project, for the tests that read its code. */

const root = new URL("../", import.meta.url);

/** A file. */
export interface SourceFile {
  /** Its path, from the root on. */
  readonly path: string;
  /** What is in it. */
  readonly text: string;
}

/** Reads the files with some extensions, in folders and at paths. */
export async function* walk(
  paths: readonly string[],
  extensions: readonly string[],
): AsyncGenerator<SourceFile> {
  for (const path of paths) {
    if (extensions.some((extension) => path.endsWith(extension))) {
      yield { path, text: await Deno.readTextFile(new URL(path, root)) };
      continue;
    }
    if (path.split("/").at(-1)!.includes(".")) continue;
    for await (const { name } of Deno.readDir(new URL(path, root))) {
      yield* walk([`${path}/${name}`], extensions);
    }
  }
}
