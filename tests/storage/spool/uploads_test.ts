/** Uploads in the spool: their room, their end, and what is left of one that a disk or a client breaks. */

import assert from "node:assert/strict";
import { createDigest } from "../../../storage/digest.ts";
import { DiskError } from "../../../storage/disk/error.ts";
import { NoRoomError } from "../../../storage/store.ts";
import type { OpenedSpool } from "../../../storage/spool/mod.ts";
import { createUploads, UploadTooLargeError } from "../../../storage/spool/uploads.ts";
import { until } from "../../waiting.ts";
import { faultyFiles } from "../disk/faulty_files.ts";
import { inDirectory } from "../disk/fixture.ts";
import { MiB, openTestSpool, pattern } from "./spools.ts";

/** A body of chunks. */
function bodyOf(...chunks: readonly Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks);
}

/** Nothing is in the spool, and no room is taken. */
async function assertEmpty(spool: OpenedSpool): Promise<void> {
  const { bytes, reservedBytes } = await spool.stats();
  assert.deepEqual({ bytes, reservedBytes }, { bytes: 0, reservedBytes: 0 });
  assert.deepEqual([...Deno.readDirSync(spool.directory)], []);
}

Deno.test("an upload takes its size, and room for what is unpacked of it, until it is released", async () => {
  await inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir, { maxBytes: 16 * MiB });
    const uploads = createUploads(spool);
    const body = pattern(100_000);
    const upload = await uploads.receive(bodyOf(body.slice(0, 7), body.slice(7)), {
      maxBytes: 200_000,
      scratchBytes: (begin, size) => {
        assert.deepEqual(begin, body.slice(0, 16));
        return 3 * size;
      },
    });
    assert.deepEqual(await Deno.readFile(upload.path), body);
    assert.deepEqual([upload.size, upload.scratch?.maxBytes], [100_000, 200_000]);
    const { bytes, reservedBytes } = await spool.stats();
    assert.deepEqual([bytes, reservedBytes], [100_000, 300_000]);
    await Deno.writeTextFile(upload.scratch!.path, "unpacked");
    await upload.release();
    await upload.release();
    await assertEmpty(spool);
  });
});

Deno.test("what a run has is removed at its end, with what its worker has made meanwhile", async () => {
  await inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir, { maxBytes: 16 * MiB });
    const uploads = createUploads(spool);
    const upload = await uploads.receive(bodyOf(pattern(1000)), {
      maxBytes: MiB,
      scratchBytes: () => 5000,
    });
    uploads.runStarted(upload.path);
    // Its client has left, and its worker does not know it yet.
    await upload.release();
    await Deno.writeTextFile(upload.scratch!.path, "unpacked");
    assert.equal((await Deno.stat(upload.path)).size, 1000);
    assert.equal((await spool.stats()).reservedBytes, 6000);
    await uploads.runEnded(upload.path);
    await assertEmpty(spool);
    await uploads.runEnded(upload.path);
    await upload.release();
    await assertEmpty(spool);
  });
});

Deno.test("an upload is digested as it is written", async () => {
  await inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir, { maxBytes: 16 * MiB });
    const digest = createDigest();
    const [one, other] = ["a", "bc"].map((text) => new TextEncoder().encode(text));
    const upload = await createUploads(spool).receive(bodyOf(one!, other!), {
      maxBytes: MiB,
      digest,
    });
    await upload.release();
    // FIPS 180-4: that of "abc".
    assert.equal(
      digest.finish(),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

Deno.test("one that is too long, or finds no room, leaves nothing", async () => {
  await inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir, { maxBytes: 16 * MiB });
    const uploads = createUploads(spool);
    const chunk = pattern(MiB);
    const many = () => bodyOf(...Array.from({ length: 20 }, () => chunk));
    await assert.rejects(uploads.receive(many(), { maxBytes: 3 * MiB }), UploadTooLargeError);
    await assert.rejects(uploads.receive(many(), { maxBytes: MiB, size: 2 * MiB }), (error) => {
      return error instanceof UploadTooLargeError && error.maxBytes === MiB;
    });
    // Whole files and uploads have three quarters, a tenant a half.
    const reasons: unknown[] = [];
    for (const options of [{}, { size: 13 * MiB }, { size: 9 * MiB, tenant: "one" }]) {
      await uploads.receive(many(), { maxBytes: 2 ** 30, ...options }).catch((error) => {
        assert(error instanceof NoRoomError);
        reasons.push(error.reason);
      });
    }
    assert.deepEqual(reasons, ["quota", "quota", "tenant"]);
    // Without room for what may be unpacked, it is taken all the same.
    const upload = await uploads.receive(bodyOf(chunk), {
      maxBytes: 2 ** 30,
      scratchBytes: () => 2 ** 29,
    });
    assert.equal(upload.scratch, undefined);
    await upload.release();
    await assertEmpty(spool);
  });
});

Deno.test("a body or a disk that fails leaves nothing", async () => {
  for (const call of ["open", "write"] as const) {
    await inDirectory(async (dir) => {
      const files = faultyFiles();
      await using spool = await openTestSpool(dir, { files });
      files.setFaults([{ call, at: 1, code: "ENOSPC" }]);
      const uploads = createUploads(spool, files);
      await assert.rejects(uploads.receive(bodyOf(pattern(1000)), { maxBytes: MiB }), DiskError);
      await assertEmpty(spool);
    });
  }
  await inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir);
    const error = new Error("The client left");
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++pulls === 3) controller.error(error);
        else controller.enqueue(pattern(1000));
      },
    });
    await assert.rejects(createUploads(spool).receive(body, { maxBytes: MiB, size: 5000 }), error);
    await assertEmpty(spool);
  });
});

Deno.test("a body that does not come holds no room for what it says it has", async () => {
  await inDirectory(async (dir) => {
    await using spool = await openTestSpool(dir, { maxBytes: 16 * MiB });
    const uploads = createUploads(spool);
    // Each would have the room of all uploads for itself.
    const options = { maxBytes: 2 ** 30, size: 12 * MiB };
    const clients = Array.from({ length: 3 }, () => new TransformStream<Uint8Array>());
    const waiting = clients.map(({ readable }) => uploads.receive(readable, options));
    const [slow, ...idle] = clients.map(({ writable }) => writable.getWriter());
    await until(() => [...Deno.readDirSync(spool.directory)].length === 3);
    assert.equal((await spool.stats()).reservedBytes, 3 * 65_536);

    await slow!.write(pattern(MiB));
    await until(async () => (await spool.stats()).bytes === MiB);
    await slow!.write(pattern(1));
    await until(async () => (await spool.stats()).bytes === MiB + 1);
    const { reservedBytes } = await spool.stats();
    assert.equal(reservedBytes, 2 * MiB + 2 * 65_536, "as much again as has come");

    const body = bodyOf(...Array.from({ length: 9 }, () => pattern(MiB)));
    const upload = await uploads.receive(body, { ...options, size: 9 * MiB });
    assert.equal(upload.size, 9 * MiB);
    await upload.release();
    const left = new Error("The client left");
    for (const client of [slow!, ...idle]) await client.abort(left);
    for (const one of waiting) await assert.rejects(one, left);
    await assertEmpty(spool);
  });
});
