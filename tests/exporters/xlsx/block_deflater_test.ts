import assert from "node:assert/strict";
import { inflateRawSync } from "node:zlib";
import { BLOCK_BYTES, BlockDeflater } from "../../../exporters/xlsx/block_deflater.ts";
import { DeflateHelper } from "../../../exporters/xlsx/deflate_helper.ts";
import { DeflateThreads } from "../../../exporters/xlsx/deflate_threads.ts";
import { inTime, standstill, until } from "../../waiting.ts";

const LEVEL = 2;

/** Blocks that tell themselves apart, and the last one, which is not full. */
const BLOCKS = Array.from({ length: 24 }, (_, block) => {
  const bytes = new Uint8Array(block === 23 ? 1234 : BLOCK_BYTES);
  for (let at = 0, state = block + 1; at < bytes.length; at++) {
    state = state * 16_807 % 2_147_483_647;
    bytes[at] = 0x61 + state % 16;
  }
  return bytes;
});

/** Counts the blocks that threads are given, and those threads, and changes the next block. */
function spyOnHelp() {
  const { deflate } = DeflateHelper.prototype;
  const spy = {
    blocks: 0,
    threads: new Set<DeflateHelper>(),
    next: undefined as ((bytes: Uint8Array) => void) | undefined,
    [Symbol.dispose]() {
      DeflateHelper.prototype.deflate = deflate;
    },
  };
  DeflateHelper.prototype.deflate = function (block, answer) {
    spy.blocks++;
    spy.threads.add(this);
    spy.next?.(block.bytes);
    spy.next = undefined;
    deflate.call(this, block, answer);
  };
  return spy;
}

/** Lets threads have room only while `may` says so. */
function limitRoom(may: (helper: DeflateHelper) => boolean): Disposable {
  const room = Object.getOwnPropertyDescriptor(DeflateHelper.prototype, "hasRoom")!;
  Object.defineProperty(DeflateHelper.prototype, "hasRoom", {
    ...room,
    get(this: DeflateHelper): boolean {
      return room.get!.call(this) && may(this);
    },
  });
  return {
    [Symbol.dispose]: () => Object.defineProperty(DeflateHelper.prototype, "hasRoom", room),
  };
}

/** Deflates the blocks; `cores` is told of each one before it is taken. */
async function deflate(
  idle: (block: number) => number,
  threads?: DeflateThreads,
): Promise<Uint8Array> {
  const cores = { idle: 0 };
  const chunks: Uint8Array[] = [];
  const deflater = new BlockDeflater(LEVEL, cores, (bytes) => chunks.push(bytes), threads);
  for (const [block, bytes] of BLOCKS.entries()) {
    cores.idle = idle(block);
    // The deflater's own from now on, and of threads.
    await deflater.add(bytes.slice());
  }
  await deflater.finish();
  return await new Blob(chunks as BlobPart[]).bytes();
}

async function plain(): Promise<Uint8Array> {
  return await new Blob(BLOCKS).bytes();
}

Deno.test("blocks that were deflated apart are one stream", async () => {
  assert.deepEqual(new Uint8Array(inflateRawSync(await deflate(() => 0))), await plain());
});

Deno.test("the same bytes come out however many cores help, and as they come and go", async () => {
  const alone = await deflate(() => 0);
  assert.deepEqual(await deflate(() => 1), alone);
  assert.deepEqual(await deflate(() => 3), alone);
  assert.deepEqual(await deflate((block) => block % 7 < 4 ? 2 : 0), alone);
});

Deno.test("no block at all is a stream that ends", async () => {
  const chunks: Uint8Array[] = [];
  const deflater = new BlockDeflater(LEVEL, { idle: 1 }, (bytes) => chunks.push(bytes));
  await deflater.finish();
  assert.equal(inflateRawSync(await new Blob(chunks as BlobPart[]).bytes()).length, 0);
});

Deno.test("a thread that cannot start is done without", async () => {
  const missing = new URL("./no_such_thread.js", import.meta.url);
  assert.deepEqual(await deflate(() => 1, new DeflateThreads(missing)), await deflate(() => 0));
});

Deno.test("a thread that breaks with a block in its hands breaks the stream", async () => {
  const breaks = new URL(
    "data:application/javascript," +
      encodeURIComponent("onmessage = () => { throw new Error('no') }; postMessage('ready');"),
  );
  using helped = spyOnHelp();
  const deflater = new BlockDeflater(LEVEL, { idle: 1 }, () => {}, new DeflateThreads(breaks));
  const adding = async () => {
    await until(async () => {
      await deflater.add(new Uint8Array(BLOCK_BYTES));
      return helped.blocks > 0;
    });
    await deflater.finish();
  };
  await assert.rejects(adding(), /Cannot deflate: .*no/);
});

Deno.test("a thread that breaks breaks the stream while another one lives", async () => {
  const breaksOnce = new URL(
    "data:application/javascript," + encodeURIComponent(
      "onmessage = ({ data: { bytes } }) => {" +
        " if (bytes[0] === 1) throw new Error('no');" +
        " postMessage({ deflated: new Uint8Array(1), bytes }); };" +
        "postMessage('ready');",
    ),
  );
  const deflater = new BlockDeflater(LEVEL, { idle: 2 }, () => {}, new DeflateThreads(breaksOnce));
  const adding = async () => {
    await until(async () => {
      await deflater.add(new Uint8Array(BLOCK_BYTES));
      return helped.threads.size === 2;
    });
    helped.next = (bytes) => bytes[0] = 1;
    // Without a pause, so that it waits for the one that breaks.
    for (let block = 0; block < 100; block++) await deflater.add(new Uint8Array(BLOCK_BYTES));
    await deflater.finish();
  };
  using helped = spyOnHelp();
  // However fast the first one answers, the second one gets its block too.
  using _room = limitRoom((helper) => helped.threads.size === 2 || !helped.threads.has(helper));
  try {
    await assert.rejects(adding(), /Cannot deflate: .*no/);
  } finally {
    deflater.close();
  }
});

Deno.test("closing ends the threads, and what waits for them", async () => {
  const stuck = new URL(
    "data:application/javascript," +
      encodeURIComponent("onmessage = () => {}; postMessage('ready');"),
  );
  const deflater = new BlockDeflater(LEVEL, { idle: 1 }, () => {}, new DeflateThreads(stuck));
  using helped = spyOnHelp();
  let added = 0;
  let closed = false;
  // Fills the thread's hands and then waits for it.
  const adding = (async () => {
    for (; !closed; added++) {
      await deflater.add(new Uint8Array(BLOCK_BYTES));
      await new Promise((resolve) => setTimeout(resolve));
    }
  })();
  await until(() => helped.blocks > 0);
  await standstill(() => added);
  closed = true;
  deflater.close();
  await inTime(adding, "what waited for the thread");
});

Deno.test("the buffers of blocks come back, each when it is done with", async () => {
  const deflater = new BlockDeflater(LEVEL, { idle: 1 }, () => {});
  let buffers = 0;
  let spare: Uint8Array<ArrayBuffer> | undefined;
  for (let block = 0; block < 200; block++) {
    if (!spare) buffers++;
    spare = await deflater.add(spare ?? new Uint8Array(BLOCK_BYTES));
    assert.ok(!spare || spare.length === BLOCK_BYTES);
  }
  await deflater.finish();
  // One that is filled, and two of a thread, as there is never more in its hands.
  assert.ok(buffers <= 4, String(buffers));
});

Deno.test("a thread that may stay deflates the next stream too", async () => {
  const cores = { idle: 1, keepThreads: true };
  const threads = new DeflateThreads();
  const inOrder = async () => {
    const chunks: Uint8Array[] = [];
    const deflater = new BlockDeflater(LEVEL, cores, (bytes) => chunks.push(bytes), threads);
    for (const bytes of BLOCKS) await deflater.add(bytes.slice());
    await deflater.finish();
    return await new Blob(chunks as BlobPart[]).bytes();
  };
  const alone = await deflate(() => 0);
  try {
    await inOrder();
    assert.equal(threads.size, 1);
    using helped = spyOnHelp();
    // It helps as soon as it has started.
    for (let file = 0; file < 5 || helped.blocks <= 5; file++) {
      assert.ok(file < 1000, `it deflated ${helped.blocks} blocks`);
      assert.deepEqual(await inOrder(), alone);
    }
    assert.equal(threads.size, 1);
  } finally {
    threads.close();
  }
});

/** A thread that says that each block took so long, and for how much of it a core was there. */
function reporting(elapsed: number, cpu: number): DeflateThreads {
  const script = "onmessage = ({ data: { bytes } }) => postMessage(" +
    `{ deflated: new Uint8Array(1), bytes, elapsed: ${elapsed}, cpu: ${cpu} });` +
    "postMessage('ready');";
  return new DeflateThreads(
    new URL("data:application/javascript," + encodeURIComponent(script)),
  );
}

Deno.test("files at once share one thread for each idle core", async () => {
  using helped = spyOnHelp();
  const threads = new DeflateThreads();
  const cores = { idle: 1 };
  const alone = await deflate(() => 0);
  const files = Array.from({ length: 4 }, async () => {
    const chunks: Uint8Array[] = [];
    const deflater = new BlockDeflater(LEVEL, cores, (bytes) => chunks.push(bytes), threads);
    for (const bytes of BLOCKS) {
      await deflater.add(bytes.slice());
      assert.ok(threads.size <= 1);
      await new Promise((resolve) => setTimeout(resolve));
    }
    await deflater.finish();
    return await new Blob(chunks as BlobPart[]).bytes();
  });
  for (const file of await Promise.all(files)) assert.deepEqual(file, alone);
  assert.ok(helped.threads.size <= 1);
  assert.equal(threads.size, 0, "it went with the last of them");
});

for (
  const { cpu, pauses, says } of [
    {
      cpu: 20,
      pauses: [64, 128],
      says: "a thread whose core has other work is given no block for a while",
    },
    {
      cpu: 50,
      pauses: [0, 0],
      says: "a thread that has a core of its own is given one block after another",
    },
  ]
) {
  Deno.test(says, async () => {
    const threads = reporting(60, cpu);
    threads.acquire();
    /** Offers a block until the thread takes it, and has answered; says how often it did not. */
    const offer = async (times = Infinity) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const block = { bytes: new Uint8Array(BLOCK_BYTES), options: {} };
      let refused = 0;
      while (!threads.deflate(block, 1, resolve)) {
        if (++refused === times) return refused;
      }
      await promise;
      return refused;
    };
    await until(async () => await offer(1) === 0);
    for (const pause of pauses) {
      assert.equal(await offer(), 0);
      assert.equal(await offer(), pause);
    }
    threads.release(false);
    assert.equal(threads.size, 0);
  });
}
