import assert from "node:assert/strict";
import { constants, crc32, inflateRawSync } from "node:zlib";
import { BLOCK_BYTES, createDeflater } from "../../../exporters/xlsx/deflate.ts";

/** Writes texts, and keeps each block with the bytes of text that it was. */
function deflate(level: number, run: (deflater: ReturnType<typeof createDeflater>) => void) {
  const blocks: { readonly deflated: Uint8Array; readonly plain: number }[] = [];
  const deflater = createDeflater(level, (deflated, plain) => blocks.push({ deflated, plain }));
  run(deflater);
  const bytes = new Uint8Array(blocks.flatMap(({ deflated }) => [...deflated]));
  return { blocks, bytes, totals: deflater.totals() };
}

for (const level of [0, 1, 2, 6, 9]) {
  Deno.test(`blocks of level ${level} are one stream`, () => {
    // Characters of 1, 2, 3 and 4 bytes, so that blocks end within what would be one of them.
    const text = "aé안😀".repeat(70_000);
    const { blocks, bytes, totals } = deflate(level, (deflater) => {
      deflater.write(text.slice(0, 100_000));
      deflater.write(text.slice(100_000));
      deflater.end();
    });
    assert.ok(inflateRawSync(bytes).toString() === text);
    assert.deepEqual(totals, { crc: crc32(text), plain: 700_000, deflated: bytes.length });
    assert.equal(blocks.reduce((sum, { plain }) => sum + plain, 0), 700_000);
    assert.ok(blocks.every(({ plain }) => plain <= BLOCK_BYTES));
    assert.equal(blocks.length, 4);
  });
}

Deno.test("a flush makes everything so far readable", () => {
  const { blocks, bytes } = deflate(2, (deflater) => {
    deflater.write("<row/>");
    deflater.flush();
    deflater.flush();
  });
  assert.equal(blocks.length, 1);
  // RFC 1951, 3.2.4: an empty stored block, which ends on a byte.
  assert.deepEqual([...bytes.slice(-4)], [0x00, 0x00, 0xff, 0xff]);
  const partial = { finishFlush: constants.Z_SYNC_FLUSH };
  assert.equal(inflateRawSync(bytes, partial).toString(), "<row/>");
});

Deno.test("an empty stream ends", () => {
  const { bytes, totals } = deflate(2, (deflater) => deflater.end());
  assert.deepEqual([...bytes], [0x03, 0x00]);
  assert.deepEqual(totals, { crc: 0, plain: 0, deflated: 2 });
});
