/** Clients that stop reading, and what a server holds for them meanwhile. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { until } from "../waiting.ts";
import { curl, type TestServer } from "./fixture.ts";

/**
 * Headers for a file as large as its rows, which is read to its last chunk: `fetch` that has all of a gzip
 * coding may leave before that, and so cancels the run.
 */
export const IDENTITY = { "Accept-Encoding": "identity" } as const;

/** The file whose lock is the right to spool in a folder. */
const LOCK = "spillway.lock";

/** A download that is read only when it is told to. */
export interface Download {
  /** Its status and headers. */
  readonly response: Response;
  /** Bytes that were read so far. */
  readonly bytes: number;
  /** Reads the next chunk; false at the end. A broken transport rejects. */
  read(): Promise<boolean>;
  /** Reads on to the end; the SHA-256 of all of it, in hexadecimal. */
  finish(): Promise<string>;
  /** Closes the connection. */
  leave(): Promise<void>;
}

/** Asks for a file and reads its first chunk. */
export async function startDownload(
  { origin }: Pick<TestServer, "origin">,
  path: string,
): Promise<Download> {
  const response = await fetch(`${origin}${path}`, { headers: IDENTITY });
  const reader = response.body!.getReader();
  const hash = createHash("sha256");
  let bytes = 0;
  const read = async () => {
    const { done, value } = await reader.read();
    if (done) return false;
    hash.update(value);
    bytes += value.length;
    return true;
  };
  await read();
  return {
    response,
    get bytes() {
      return bytes;
    },
    read,
    async finish() {
      while (await read());
      return hash.digest("hex");
    },
    leave: () => reader.cancel(),
  };
}

/** A download by curl, in the coding that it was sent in, to its last chunk. */
export async function downloadAsSent(
  { origin }: Pick<TestServer, "origin">,
  path: string,
  ...headers: readonly string[]
): Promise<{ readonly head: string; readonly bytes: Uint8Array; readonly id: string }> {
  const args = ["--dump-header", "-", ...headers.flatMap((header) => ["--header", header])];
  const { body } = await curl(...args, origin + path);
  const text = new TextDecoder("latin1").decode(body);
  const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
  return { head, bytes: body.subarray(head.length), id: /^export-id: (.*)\r$/im.exec(head)![1]! };
}

/** The SHA-256 of a file that is read as fast as it comes. */
export async function digestOf(
  server: Pick<TestServer, "origin">,
  path: string,
): Promise<string> {
  const download = await startDownload(server, path);
  assert.equal(download.response.status, 200);
  return await download.finish();
}

/** What `/metrics` says now, by name and labels, without `spillway_`. */
export async function scrape({ origin }: Pick<TestServer, "origin">): Promise<Map<string, number>> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return new Map(
    text.split("\n").filter((line) => line.startsWith("spillway_")).map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice("spillway_".length, space), Number(line.slice(space + 1))];
    }),
  );
}

/**
 * The files below a folder that this process has open, those without a name included.
 *
 * @param as what to give: their paths, or the descriptors, by which they can be looked at
 */
export function openFiles(folder: string, as: "paths" | "descriptors" = "paths"): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const descriptor = `/proc/self/fd/${name}`;
    try {
      const path = Deno.readLinkSync(descriptor);
      // The lock is held for as long as the spool is.
      if (!path.startsWith(`${folder}/`) || path.endsWith(`/${LOCK}`)) continue;
      found.push(as === "paths" ? path : descriptor);
    } catch {
      // The descriptor that listed them.
    }
  }
  return found;
}

/** The files below a folder that have a name, but for the lock. */
export function namedFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? namedFiles(path) : name === LOCK ? [] : [path];
  });
}

/**
 * Waits until a server holds nothing of any run any more: no slot, no worker, no byte, no file.
 *
 * @param others the name of a file in the spool that is not the server's
 */
export async function assertNothingHeld(
  server: TestServer,
  spool: string,
  others?: string,
): Promise<void> {
  const { admission, pool } = server.engine;
  let held: unknown;
  try {
    await until(async () => {
      const numbers = await scrape(server);
      const { workers, idle } = pool.size;
      held = {
        slots: admission.taken,
        busy: workers - idle,
        bytes: numbers.get("spool_bytes"),
        reserved: numbers.get("spool_reserved_bytes"),
        open: openFiles(spool),
        named: namedFiles(spool).filter((path) => path !== `${spool}/${others}`),
      };
      return JSON.stringify(held) ===
        '{"slots":0,"busy":0,"bytes":0,"reserved":0,"open":[],"named":[]}';
    });
  } catch (cause) {
    throw new Error(`The server still holds ${JSON.stringify(held)}`, { cause });
  }
}
