/** What tests of files share: a directory of their own, and a file in it. */

import assert from "node:assert/strict";
import type { FileSystem } from "../../../storage/disk/file_system.ts";

/** Runs a test in a directory of its own. */
export function inDirectory(work: (dir: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "spillway-test-" }));
    try {
      await work(dir);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  };
}

/** Writes a file whole. */
export async function putFile(files: FileSystem, path: string, bytes: number[]): Promise<void> {
  const file = await files.open(path, { write: true, createNew: true });
  try {
    assert.equal(await file.write(Uint8Array.from(bytes)), bytes.length);
    await file.syncData();
  } finally {
    file.close();
  }
}
