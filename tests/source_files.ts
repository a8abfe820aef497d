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
    const url = new URL(path, root);
    if ((await Deno.stat(url)).isDirectory) {
      const names = await Array.fromAsync(Deno.readDir(url), ({ name }) => name);
      const inner = names.filter((name) => name !== "node_modules").map((name) =>
        `${path}/${name}`
      );
      yield* walk(inner, extensions);
    } else if (extensions.some((extension) => path.endsWith(extension))) {
      yield { path, text: await Deno.readTextFile(url) };
    }
  }
}
