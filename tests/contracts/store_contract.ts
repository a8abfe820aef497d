/** What every store promises, as one suite that each of them runs on a fixture of its own. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  type ByteRange,
  METADATA_BYTES,
  type ObjectMetadata,
  type PutOptions,
  type Store,
} from "../../storage/store.ts";
import { turns, until } from "../waiting.ts";

/** A store that is empty, made anew for each test. */
export interface StoreFixture extends AsyncDisposable {
  /** The store. What it can do beyond `put` and `get` is tested where it can. */
  readonly store: Store;
  /** The store's clock; the tests set it. */
  readonly clock: { now: Date };
  /** What the store keeps, and what it holds for that: files, unfinished ones, descriptors, room. */
  held(): Promise<unknown>;
}

/** A time that the tests begin at. */
export const NOON = new Date("2026-01-02T12:00:00Z");

/** An hour later, when what the tests put expires. */
export const ONE = new Date("2026-01-02T13:00:00Z");

const METADATA: ObjectMetadata = { mediaType: "text/csv", filename: "audit.csv" };

/** How the tests put what they do not look at closely. */
export const PUT = { metadata: METADATA, expiresAt: ONE } satisfies PutOptions;

/** Bytes that repeat nowhere soon, the same ones for a seed. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    // Numerical Recipes' linear congruential generator; its high bits are good enough here.
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** A body of these chunks that ends, or errors. */
export function bodyOf(
  chunks: Iterable<string | Uint8Array>,
  error?: Error,
): ReadableStream<Uint8Array> & { readonly cancelledWith: unknown } {
  const iterator = chunks[Symbol.iterator]();
  let cancelledWith: unknown;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = iterator.next();
      if (!done) {
        controller.enqueue(typeof value === "string" ? new TextEncoder().encode(value) : value);
      } else if (error) controller.error(error);
      else controller.close();
    },
    cancel(reason) {
      cancelledWith = reason;
    },
  }, { highWaterMark: 0 });
  return Object.defineProperty(stream, "cancelledWith", { get: () => cancelledWith }) as
    & typeof stream
    & { readonly cancelledWith: unknown };
}

/** Cuts bytes into chunks. */
export function* chunksOf(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** All bytes of a file; undefined where there is none. */
export async function read(
  store: Store,
  key: string,
  range?: ByteRange,
): Promise<Uint8Array | undefined> {
  const file = await (range ? store.range!(key, range) : store.get(key));
  return file && await new Response(file.body).bytes();
}

/** A SHA-256 by another way than the store's. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

/**
 * Declares the tests of a store.
 *
 * @param name the store's name, which begins the name of each test
 */
export function testStore(name: string, create: () => Promise<StoreFixture>): void {
  function test(promise: string, body: (fixture: StoreFixture) => Promise<void>): void {
    Deno.test(`${name}: ${promise}`, async () => {
      await using fixture = await create();
      fixture.clock.now = NOON;
      await body(fixture);
    });
  }

  test("what is put is got, with its facts", async ({ store, clock }) => {
    const metadata = { ...METADATA, coding: "gzip" };
    clock.now = new Date("2026-01-02T12:34:56.789Z");
    const put = await store.put("run-1", bodyOf(["a", "b", "c"]), { metadata, expiresAt: ONE });
    // FIPS 180-2, B.1: the SHA-256 of "abc".
    const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.deepEqual(put, {
      key: "run-1",
      size: 3,
      sha256: digest,
      etag: `"${digest}"`,
      createdAt: new Date("2026-01-02T12:34:56.789Z"),
      expiresAt: new Date("2026-01-02T13:00:00Z"),
      metadata: { mediaType: "text/csv", filename: "audit.csv", coding: "gzip" },
    });
    const file = await store.get("run-1");
    assert.deepEqual(file?.object, put);
    assert.equal(await new Response(file?.body).text(), "abc");
    if (store.head) assert.deepEqual(await store.head("run-1"), put);
  });

  test("an empty file is a file", async ({ store }) => {
    const put = await store.put("empty", bodyOf([]), PUT);
    assert.equal(put.size, 0);
    assert.equal(put.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert.equal(text(await read(store, "empty")), "");
  });

  for (const chunkBytes of [1_000, 64 * 1024, 262_144, 1_000_000]) {
    test(`chunks of ${chunkBytes} bytes are the bytes that come back`, async ({ store }) => {
      for (const length of [1, 262_143, 262_144, 262_145, 1_500_001]) {
        const bytes = noise(length, length);
        const put = await store.put("file", bodyOf(chunksOf(bytes, chunkBytes)), PUT);
        assert.equal(put.size, length);
        assert.equal(put.sha256, await sha256(bytes));
        const got = await read(store, "file");
        assert(got && Buffer.compare(got, bytes) === 0, `${length} bytes came back as others`);
      }
    });
  }

  test("an empty chunk is nothing", async ({ store }) => {
    const put = await store.put("file", bodyOf(["", "a", "", "", "b", ""]), PUT);
    assert.equal(put.size, 2);
    assert.equal(text(await read(store, "file")), "ab");
  });

  test("a file that was never put is not there", async ({ store }) => {
    assert.equal(await store.get("nothing"), undefined);
    assert.equal(await store.head?.("nothing"), undefined);
    await store.delete?.("nothing");
    assert.equal(await store.expire?.(ONE), store.expire ? 0 : undefined);
  });

  const ranges: readonly [first: number, last: number, expected: string][] = [
    [0, 0, "0"],
    [0, 9, "0123456789"],
    [2, 5, "2345"],
    [9, 9, "9"],
    [5, 9, "56789"],
  ];
  for (const [first, last, expected] of ranges) {
    test(`bytes ${first} to ${last} of ten are ${expected}`, async ({ store }) => {
      if (!store.range) return;
      await store.put("digits", bodyOf(["0123", "456789"]), PUT);
      assert.equal(text(await read(store, "digits", { first, last })), expected);
      assert.equal((await store.head?.("digits"))?.size, store.head ? 10 : undefined);
    });
  }

  test("a range that is not within the file is refused", async ({ store, held }) => {
    if (!store.range) return;
    await store.put("digits", bodyOf(["0123456789"]), PUT);
    await store.put("empty", bodyOf([]), PUT);
    const before = await held();
    for (const [first, last] of [[0, 10], [10, 10], [-1, 3], [5, 4], [NaN, 3], [0, Infinity]]) {
      await assert.rejects(
        store.range("digits", { first: first!, last: last! }),
        RangeError,
        `${first} to ${last}`,
      );
    }
    await assert.rejects(store.range("empty", { first: 0, last: 0 }), RangeError);
    assert.deepEqual(await held(), before);
  });

  test("a download that resumes anywhere is the whole file", async ({ store, held }) => {
    if (!store.range) return;
    const bytes = noise(400_003);
    const { sha256: digest, size } = await store.put("file", bodyOf([bytes]), PUT);
    const offsets = noise(4_000, 7);
    const before = await held();
    for (let index = 0; index < 1_000; index++) {
      const at = new DataView(offsets.buffer).getUint32(4 * index) % size;
      const hash = createHash("sha256");
      // The first download breaks off: its body is cancelled after the last byte that is kept.
      const begun = await store.get("file");
      let kept = 0;
      for await (const chunk of begun!.body) {
        hash.update(chunk.subarray(0, at - kept));
        kept = Math.min(at, kept + chunk.length);
        if (kept === at) break;
      }
      const rest = await store.range("file", { first: at, last: size - 1 });
      for await (const chunk of rest!.body) hash.update(chunk);
      assert.equal(hash.digest("hex"), digest, `resumed at ${at}`);
    }
    assert.deepEqual(await held(), before);
  });

  test("metadata comes back as it is, whatever is in it", async ({ store }) => {
    const metadata: ObjectMetadata = {
      mediaType: 'text/csv; charset="utf-8"',
      filename: 'a "b" \\ \r\n \u0000 두 단어 🎉 \u2028.csv',
      // Without this it would set the prototype.
      ["__proto__"]: "own",
      "": "empty",
    };
    await store.put("file", bodyOf(["x"]), { metadata, expiresAt: ONE });
    const file = await store.get("file");
    await file!.body.cancel();
    assert.deepEqual(file!.object.metadata, metadata);
    assert(Object.hasOwn(file!.object.metadata, "__proto__"));
  });

  test("metadata that is too large is refused before the body is read", async (fixture) => {
    const { store, held } = fixture;
    const before = await held();
    const overhead = '{"mediaType":"","filename":""}'.length;
    const metadata = { mediaType: "", filename: "x".repeat(METADATA_BYTES - overhead) };
    const body = bodyOf(["never read"]);
    const larger = { ...metadata, mediaType: "x" };
    await assert.rejects(store.put("file", body, { ...PUT, metadata: larger }), RangeError);
    assert(body.cancelledWith instanceof RangeError);
    assert.deepEqual(await held(), before);
    await store.put("file", bodyOf(["x"]), { ...PUT, metadata });
    assert.equal(text(await read(store, "file")), "x");
  });

  const keys = ["", ".", "..", "../a", "a/b", "a\\b", "A", "a b", "a.b", "a_b", "a\n", "\0", "é"];
  for (const key of [...keys, "a%2e", "a".repeat(65)]) {
    test(`${JSON.stringify(key)} cannot be a key`, async ({ store, held }) => {
      const before = await held();
      const body = bodyOf(["x"]);
      await assert.rejects(store.put(key, body, PUT), RangeError);
      assert(body.cancelledWith instanceof RangeError);
      await assert.rejects(store.get(key), RangeError);
      if (store.head) await assert.rejects(store.head(key), RangeError);
      if (store.delete) await assert.rejects(store.delete(key), RangeError);
      assert.deepEqual(await held(), before);
    });
  }

  for (const key of ["a", "0", "-", "--", "a".repeat(64), crypto.randomUUID()]) {
    test(`${JSON.stringify(key)} can be a key`, async ({ store }) => {
      await store.put(key, bodyOf([key]), PUT);
      assert.equal(text(await read(store, key)), key);
    });
  }

  for (const chunks of [0, 1, 10]) {
    test(`a body that errors after ${chunks} chunks is no file`, async ({ store, held }) => {
      const error = new Error("the source broke");
      const before = await held();
      const broken = () => bodyOf(chunksOf(noise(chunks * 100_000), 100_000), error);
      await assert.rejects(store.put("file", broken(), PUT), (thrown) => thrown === error);
      assert.equal(await store.get("file"), undefined);
      assert.deepEqual(await held(), before);

      await store.put("file", bodyOf(["old"]), PUT);
      const between = await held();
      await assert.rejects(store.put("file", broken(), PUT), (thrown) => thrown === error);
      assert.equal(text(await read(store, "file")), "old");
      assert.deepEqual(await held(), between);
    });
  }

  test("a body that is aborted while it stalls is no file", async ({ store, held }) => {
    const before = await held();
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (itself) => void (controller = itself) });
    controller.enqueue(noise(1_000));
    const put = store.put("file", body, PUT);
    await turns();
    const reason = new Error("its owner gave up");
    controller.error(reason);
    await assert.rejects(put, (thrown) => thrown === reason);
    assert.equal(await store.get("file"), undefined);
    assert.deepEqual(await held(), before);
  });

  test("a body that somebody else reads is refused", async ({ store, held }) => {
    const before = await held();
    const body = bodyOf(["x"]);
    const reader = body.getReader();
    await assert.rejects(store.put("file", body, PUT), TypeError);
    assert.deepEqual(await held(), before);
    assert.equal(text((await reader.read()).value), "x");
  });

  for (const chunks of [["12", "3456"], ["12345678"], ["1234", "5678"], []]) {
    const bytes = chunks.join("").length;
    test(`${bytes} bytes in ${chunks.length} chunks are refused where 7 were announced`, async ({ store, held }) => {
      const before = await held();
      await assert.rejects(store.put("file", bodyOf(chunks), { ...PUT, size: 7 }), RangeError);
      assert.equal(await store.get("file"), undefined);
      assert.deepEqual(await held(), before);
    });
  }

  test("a body that is of the size that was announced is put", async ({ store }) => {
    await store.put("file", bodyOf(["123", "4567"]), { ...PUT, size: 7 });
    assert.equal(text(await read(store, "file")), "1234567");
    await store.put("empty", bodyOf([]), { ...PUT, size: 0 });
    assert.equal(text(await read(store, "empty")), "");
  });

  test("a second put replaces the first", async ({ store, held }) => {
    await store.put("file", bodyOf(["the first"]), PUT);
    const one = await held();
    const second = await store.put("file", bodyOf(["the other"]), PUT);
    assert.equal(text(await read(store, "file")), "the other");
    if (store.head) assert.deepEqual(await store.head("file"), second);
    // The two are of one length, so that two of them would be held as twice as much.
    assert.deepEqual(await held(), one);
  });

  test("of puts at the same time under one key, one is there, whole", async (fixture) => {
    const { store, held } = fixture;
    const before = await held();
    for (let round = 0; round < 10; round++) {
      const files = Array.from({ length: 8 }, (_, index) => noise(50_000 + 1_000 * index, index));
      const puts = await Promise.all(
        files.map((bytes) => store.put("file", bodyOf(chunksOf(bytes, 10_000)), PUT)),
      );
      const file = await store.get("file");
      const bytes = await new Response(file!.body).bytes();
      const index = puts.findIndex((put) => put.sha256 === file!.object.sha256);
      assert(index >= 0, "what is there was never put");
      assert(Buffer.compare(bytes, files[index]!) === 0, "the bytes are not those of its facts");
    }
    if (!store.delete) return;
    await store.delete("file");
    assert.deepEqual(await held(), before);
  });

  test("puts at the same time under keys of their own are all there", async ({ store }) => {
    const files = Array.from({ length: 16 }, (_, index) => noise(30_000 + index, index));
    await Promise.all(
      files.map((bytes, index) => store.put(`file-${index}`, bodyOf(chunksOf(bytes, 7_000)), PUT)),
    );
    for (const [index, bytes] of files.entries()) {
      assert(Buffer.compare((await read(store, `file-${index}`))!, bytes) === 0, `file ${index}`);
    }
  });

  test("readers of one file do not disturb each other", async ({ store, held }) => {
    const bytes = noise(1_000_000);
    await store.put("file", bodyOf([bytes]), PUT);
    const before = await held();
    const all = await Promise.all(Array.from({ length: 5 }, () => read(store, "file")));
    for (const one of all) assert(Buffer.compare(one!, bytes) === 0);
    assert.deepEqual(await held(), before);
  });

  test("a reader that leaves lets go, before its first read and after it", async (fixture) => {
    const { store, held } = fixture;
    await store.put("file", bodyOf([noise(1_000_000)]), PUT);
    const before = await held();
    await (await store.get("file"))!.body.cancel("changed my mind");
    assert.deepEqual(await held(), before);

    const reader = (await store.get("file"))!.body.getReader();
    await reader.read();
    await reader.cancel("gone");
    assert.deepEqual(await held(), before);

    const cancelled = (await store.get("file"))!.body.getReader();
    const pending = cancelled.read();
    await cancelled.cancel("gone in the middle of a read");
    await pending;
    assert.deepEqual(await held(), before);
  });

  test("a file that is replaced stays what it was for its reader", async ({ store }) => {
    const [first, second] = [noise(1_000_000, 1), noise(1_000_000, 2)];
    await store.put("file", bodyOf([first]), PUT);
    const file = await store.get("file");
    await store.put("file", bodyOf([second]), PUT);
    const bytes = await new Response(file!.body).bytes();
    assert.equal(await sha256(bytes), file!.object.sha256);
    assert(Buffer.compare(bytes, first) === 0);
    assert(Buffer.compare((await read(store, "file"))!, second) === 0);
  });

  test("a file that is deleted is gone, but for its reader", async ({ store, held }) => {
    if (!store.delete) return;
    const before = await held();
    const bytes = noise(1_000_000);
    await store.put("file", bodyOf([bytes]), PUT);
    await store.put("other", bodyOf(["other"]), PUT);
    const body = (await store.get("file"))!.body;
    await store.delete("file");
    assert.equal(await store.get("file"), undefined);
    assert.equal(await store.head?.("file"), undefined);
    assert(Buffer.compare(await new Response(body).bytes(), bytes) === 0);
    assert.equal(text(await read(store, "other")), "other");
    await store.delete("file");
    await Promise.all([store.delete("other"), store.delete("other")]);
    assert.deepEqual(await held(), before);
  });

  test("a deleted key can be put again", async ({ store }) => {
    if (!store.delete) return;
    await store.put("file", bodyOf(["old"]), PUT);
    await store.delete("file");
    await store.put("file", bodyOf(["new"]), PUT);
    assert.equal(text(await read(store, "file")), "new");
  });

  test("a file is gone from the moment that it expires", async ({ store, clock }) => {
    await store.put("file", bodyOf(["x"]), { ...PUT, expiresAt: ONE });
    clock.now = new Date(ONE.getTime() - 1);
    assert.equal(text(await read(store, "file")), "x");
    clock.now = ONE;
    assert.equal(await store.get("file"), undefined);
    assert.equal(await store.head?.("file"), undefined);
  });

  test("expire removes what has expired by then, and says how much", async (fixture) => {
    const { store, held } = fixture;
    if (!store.expire) return;
    const at = (minutes: number) => new Date(ONE.getTime() + minutes * 60_000);
    const before = await held();
    await store.put("later", bodyOf(["12345"]), { ...PUT, expiresAt: at(2) });
    const withLater = await held();
    await store.put("first", bodyOf(["123"]), { ...PUT, expiresAt: at(0) });
    await store.put("second", bodyOf(["1234567"]), { ...PUT, expiresAt: at(1) });
    assert.equal(await store.expire(new Date(ONE.getTime() - 1)), 0);
    assert.equal(text(await read(store, "first")), "123");
    const body = (await store.get("first"))!.body;
    assert.equal(await store.expire(at(1)), 10);
    assert.equal(await store.expire(at(1)), 0);
    assert.equal(await new Response(body).text(), "123", "it is taken from its reader");
    assert.deepEqual(await held(), withLater);
    assert.equal(text(await read(store, "later")), "12345");
    const both = await Promise.all([store.expire(at(2)), store.expire(at(2))]);
    assert.equal(both[0]! + both[1]!, 5, "bytes that came free were counted twice");
    assert.deepEqual(await held(), before);
  });

  test("list names what is there, and what has expired no more", async ({ store, clock }) => {
    if (!store.list) return;
    assert.deepEqual(await store.list(), []);
    const one = await store.put("one", bodyOf(["1"]), PUT);
    await store.put("two", bodyOf(["old"]), PUT);
    const expiresAt = new Date(ONE.getTime() + 1);
    const two = await store.put("two", bodyOf(["new"]), { ...PUT, expiresAt });
    const names = async () => (await store.list!()).toSorted((a, b) => a.key < b.key ? -1 : 1);
    assert.deepEqual(await names(), [one, two]);
    clock.now = ONE;
    assert.deepEqual(await names(), [two]);
  });

  test("an address gives the file without a credential, and only for a while", async (fixture) => {
    const { store } = fixture;
    if (!store.presign) return;
    assert.equal(await store.presign("file", { expiresIn: 60_000 }), undefined);
    await store.put("file", bodyOf(["0123", "456789"]), PUT);
    const url = await store.presign("file", { expiresIn: 60_000 });
    assert.equal(await (await fetch(url!)).text(), "0123456789");
    const late = await store.presign("file", { expiresIn: 1 });
    await until(() =>
      fetch(late!).then(async (answer) => (await answer.text(), !answer.ok), () => true)
    );
  });

  test("evict removes what was got least recently, as much as is needed and nothing in vain", async (fixture) => {
    const { store, held } = fixture;
    if (!store.evict) return;
    const nothing = () => false;
    const put = (key: string) => store.put(key, bodyOf([noise(100_000)]), PUT);
    for (const key of ["a", "b", "c", "d"]) await put(key);
    const keys = async (bytes: number, isNeeded: (key: string) => boolean = nothing) =>
      (await store.evict!(bytes, isNeeded)).map(({ key }) => key);
    await read(store, "a");
    assert.deepEqual(await keys(1), ["b"]);
    assert.equal(await store.get("b"), undefined);
    const reading = (await store.get("c"))!.body;
    const before = await held();
    assert.deepEqual(await keys(1_000_000), [], "all of them would not be enough");
    assert.deepEqual(await keys(250_000), [], "one is being read");
    assert.deepEqual(await keys(200_000, (key) => key === "d"), [], "and another one is needed");
    assert.deepEqual(await held(), before);
    assert.deepEqual(await keys(200_000), ["d", "a"]);
    assert.equal((await new Response(reading).bytes()).length, 100_000);
    assert.deepEqual(await keys(1), ["c"]);
    assert.deepEqual(await keys(1), []);
  });
}
