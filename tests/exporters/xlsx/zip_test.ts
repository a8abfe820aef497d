import assert from "node:assert/strict";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipReader, ZipWriter } from "@zip.js/zip.js";
import type { Blocks } from "../../../exporters/xlsx/deflate_blocks.ts";
import { createZip } from "../../../exporters/xlsx/zip.ts";
import { until } from "../../waiting.ts";
import { readZip } from "./read_zip.ts";

const SHEET = "<worksheet/>".repeat(100_000);

/** A file that is being written, and its bytes as they will be. */
function begin(level: number) {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  return {
    zip: createZip(writable, { level, cores: { idle: 0 } }),
    bytes: new Response(readable).bytes(),
  };
}

/** The chunks of a stream as blocks. */
async function* blocks(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Blocks {
  for await (const chunk of stream) yield chunk;
}

/** Two small parts around a sheet. */
async function write(level: number): Promise<Uint8Array<ArrayBuffer>> {
  const { zip, bytes } = begin(level);
  await zip.add("a.xml", "first, first, first");
  await zip.addBlocks("sheet.xml", blocks(new Blob([SHEET]).stream()));
  await zip.add("b.xml", "last, last, last");
  await zip.close();
  return await bytes;
}

Deno.test("small parts state their sizes before them", async () => {
  const [part] = readZip(await write(2));
  assert.ok(part);
  assert.equal(part.name, "a.xml");
  assert.equal(new TextDecoder().decode(part.content), "first, first, first");
  assert.equal(part.descriptor, undefined);
  assert.deepEqual(part.local, {
    start: 0,
    signature: 0x04034b50,
    version: 20,
    flags: 0,
    method: 8,
    time: 0,
    date: 0x0021,
    crc: 0x09e5d773,
    deflated: part.local.deflated,
    plain: 19,
    nameLength: 5,
    extraLength: 0,
  });
});

Deno.test("sheets state nothing before them, and all in a signed descriptor of 16 bytes", async () => {
  const bytes = await write(2);
  const [, sheet, last] = readZip(bytes);
  assert.ok(sheet && last);
  assert.equal(sheet.name, "sheet.xml");
  assert.ok(new TextDecoder().decode(sheet.content) === SHEET);
  assert.deepEqual(sheet.local, {
    start: sheet.local.start,
    signature: 0x04034b50,
    version: 20,
    flags: 8,
    method: 8,
    time: 0,
    date: 0x0021,
    crc: 0,
    deflated: 0,
    plain: 0,
    nameLength: 9,
    extraLength: 0,
  });
  assert.equal(sheet.descriptor?.signature, 0x08074b50);
  assert.equal(sheet.descriptor?.plain, 1_200_000);
  const records = 30 + "sheet.xml".length + 16;
  assert.equal(last.local.start! - sheet.local.start!, records + sheet.descriptor!.deflated!);
});

Deno.test("the central directory repeats them, without ZIP64 and without a clock", async () => {
  const entries = readZip(await write(2));
  for (const { name, local, descriptor, central } of entries) {
    const { crc, deflated, plain } = descriptor ?? local;
    assert.deepEqual(central, {
      signature: 0x02014b50,
      madeBy: 20,
      version: 20,
      flags: local.flags,
      method: 8,
      time: 0,
      date: 0x0021,
      crc,
      deflated,
      plain,
      nameLength: name.length,
      extraLength: 0,
      commentLength: 0,
      disk: 0,
      internal: 0,
      external: 0,
      offset: local.start,
    });
  }
  assert.deepEqual(entries.map(({ name }) => name), ["a.xml", "sheet.xml", "b.xml"]);
});

Deno.test("zip.js itself reads it back", async () => {
  const reader = new ZipReader(new Uint8ArrayReader(await write(1)), { useWebWorkers: false });
  const [, sheet] = await reader.getEntries();
  assert.ok(sheet && !sheet.directory);
  const content = await sheet.getData(new Uint8ArrayWriter(), { checkSignature: true });
  assert.ok(new TextDecoder().decode(content) === SHEET);
  await reader.close();
});

Deno.test("files of different levels, written at once, are each what they are alone", async () => {
  const levels = [0, 1, 2, 9, 1, 2];
  const alone: Uint8Array[] = [];
  for (const level of levels) alone.push(await write(level));
  assert.deepEqual(await Promise.all(levels.map(write)), alone);
  assert.equal(new Set(alone.map(({ length }) => length)).size, 4);
});

Deno.test("more files than cores can be open, and none waits for another", async () => {
  const open = Array.from({ length: navigator.hardwareConcurrency + 8 }, () => {
    const { zip, bytes } = begin(2);
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
    return {
      zip,
      bytes,
      sheet: writable.getWriter(),
      added: zip.addBlocks("s.xml", blocks(readable)),
    };
  });
  for (const { sheet } of open) await sheet.write(new TextEncoder().encode("<x/>"));
  assert.equal(readZip(await write(2)).length, 3);
  for (const { zip, bytes, sheet, added } of open) {
    await sheet.close();
    await added;
    await zip.close();
    assert.deepEqual(readZip(await bytes).map(({ content }) => content.length), [4]);
  }
});

Deno.test("an entry whose bytes fail is not written, and the file cannot end", async () => {
  const { zip, bytes } = begin(2);
  const error = Object.assign(new RangeError("the rows broke"), { code: "BROKEN" });
  bytes.catch(() => {});
  const broken = async function* (): Blocks {
    yield new Uint8Array(100_000);
    throw error;
  };
  await assert.rejects(
    zip.addBlocks("sheet.xml", broken()),
    (thrown) => thrown === error && error.name === "RangeError" && error.code === "BROKEN",
  );
});

Deno.test("an entry that asks for no worker of ours is deflated at zlib's own level", async () => {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  await writer.add("a.txt", new Blob([SHEET]).stream());
  const bytes = await writer.close();
  const reader = new ZipReader(new Uint8ArrayReader(bytes), { useWebWorkers: false });
  const [entry] = await reader.getEntries();
  assert.ok(entry && !entry.directory);
  const content = await entry.getData(new Uint8ArrayWriter(), { checkSignature: true });
  assert.ok(new TextDecoder().decode(content) === SHEET);
  assert.ok(bytes.length < 20_000);
  await reader.close();
});

Deno.test("the blocks of an entry end when its file is closed", async () => {
  const output = new TransformStream<Uint8Array<ArrayBuffer>>();
  const zip = createZip(output.writable, { level: 2, cores: { idle: 0 } });
  let ended = false;
  const endless = async function* (): Blocks {
    try {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve));
        yield new Uint8Array(100_000);
      }
    } finally {
      ended = true;
    }
  };
  const adding = zip.addBlocks("sheet.xml", endless());
  const reader = output.readable.getReader();
  await reader.read();
  await reader.cancel(new Error("gone"));
  await assert.rejects(adding, /gone/);
  await until(() => ended);
});
