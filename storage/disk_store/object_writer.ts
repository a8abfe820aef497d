/** Writes the bytes of one object and its trailer to a file, until they are on the disk. */

import { createDigest, strongETag } from "../digest.ts";
import type { OnDisk } from "./file_stream.ts";
import type { OpenFile } from "../disk/file_system.ts";
import type { Holding } from "./holding.ts";
import { NoRoomError, type PutOptions, type StoredObject } from "../store.ts";
import { encodeTrailer } from "./trailer.ts";

/** What is to be written. */
export interface ObjectSource extends Pick<PutOptions, "metadata" | "expiresAt" | "size"> {
  /** The key that it is put under. */
  readonly key: string;
  /** Its bytes; left as it is where something else fails. */
  readonly body: ReadableStream<Uint8Array>;
  /** The time. */
  readonly now: () => Date;
}

/**
 * Writes an object. Room for a chunk is reserved before it is written, and short writes are finished.
 *
 * @throws {NoRoomError} where there is no room for a chunk
 * @throws {RangeError} where the body is not of the size that was announced
 */
export async function writeObject(
  file: OpenFile,
  source: ObjectSource,
  holding: Holding,
  onDisk: OnDisk,
): Promise<StoredObject> {
  const { key, body, metadata, now } = source;
  const wrongSize = (bytes: string) =>
    new RangeError(`Cannot store "${key}": ${source.size} bytes were announced, and ${bytes} came`);

  async function cover(bytes: number): Promise<void> {
    const refusal = await holding.cover(bytes);
    if (refusal !== undefined) throw new NoRoomError(key, refusal);
  }

  async function writeAll(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const count = await file.write(done === 0 ? bytes : bytes.subarray(done));
      if (count === 0) throw Object.assign(new Error("The file took no byte"), { code: "EIO" });
      holding.wrote(count);
      done += count;
    }
  }

  const digest = createDigest();
  let size = 0;
  // Who called cancels it, with the reason; leaving the loop would wait for that, and give none.
  for await (const chunk of body.values({ preventCancel: true })) {
    size += chunk.length;
    if (size > (source.size ?? Infinity)) throw wrongSize("more");
    await cover(size);
    // While the disk works, so does the digest.
    const written = onDisk(writeAll(chunk));
    digest.update(chunk);
    await written;
  }
  if (size < (source.size ?? 0)) throw wrongSize(String(size));

  const sha256 = digest.finish();
  const etag = strongETag(sha256);
  const createdAt = now();
  const expiresAt = typeof source.expiresAt === "function"
    ? source.expiresAt(createdAt)
    : source.expiresAt;
  const object = { key, size, sha256, etag, createdAt, expiresAt, metadata };
  const trailer = encodeTrailer(object);
  await cover(size + trailer.length);
  await onDisk(writeAll(trailer));
  await onDisk(file.syncData());
  return object;
}
