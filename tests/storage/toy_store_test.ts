/** A store in memory: one file and one call of the contract are all that a store takes. */

import { createDigest, strongETag } from "../../storage/digest.ts";
import { checkKey, checkMetadata, type Store, type StoredObject } from "../../storage/store.ts";
import { NOON, testStore } from "../contracts/store_contract.ts";

/** Puts and gets, gives addresses, and can do nothing else. */
function createToyStore(now: () => Date): Store & { readonly keys: () => readonly string[] } {
  const files = new Map<string, { object: StoredObject; bytes: Uint8Array<ArrayBuffer> }>();
  const live = (key: string) => {
    checkKey(key);
    const file = files.get(key);
    return file && file.object.expiresAt > now() ? file : undefined;
  };
  return {
    keys: () => [...files.keys()],
    async put(key, body, { metadata, expiresAt, size, reservation }) {
      try {
        checkKey(key);
        checkMetadata(metadata);
        const bytes = await new Response(body).bytes();
        if (size !== undefined && size !== bytes.length) {
          throw new RangeError(`${size} bytes were announced, and ${bytes.length} came`);
        }
        const digest = createDigest();
        digest.update(bytes);
        const sha256 = digest.finish();
        const createdAt = now();
        const object = {
          key,
          size: bytes.length,
          sha256,
          etag: strongETag(sha256),
          createdAt,
          expiresAt: typeof expiresAt === "function" ? expiresAt(createdAt) : expiresAt,
          metadata,
        };
        files.set(key, { object, bytes });
        return object;
      } catch (error) {
        body.cancel(error).catch(() => {});
        throw error;
      } finally {
        reservation?.release();
      }
    },
    get: (key) =>
      Promise.try(() => {
        const file = live(key);
        return file && { object: file.object, body: new Response(file.bytes).body! };
      }),
    presign: (key, { expiresIn }) =>
      Promise.try(() => {
        const file = live(key);
        if (!file) return undefined;
        const url = URL.createObjectURL(new Blob([file.bytes]));
        const timer = setTimeout(() => URL.revokeObjectURL(url), expiresIn);
        Deno.unrefTimer(timer);
        return new URL(url);
      }),
  };
}

testStore("toy", () => {
  const clock = { now: NOON };
  const store = createToyStore(() => clock.now);
  return Promise.resolve({
    store,
    clock,
    held: () => Promise.resolve(store.keys()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
