import assert from "node:assert/strict";
import { createFramer } from "../../../server/http/chunk_frames.ts";

Deno.test("a piece of any size is a chunk, with its size in hexadecimal, and its bytes as they are", () => {
  const frame = createFramer();
  for (const size of [1, 15, 16, 65_536, 131_072, 131_073, 1_000_000, 3]) {
    const piece = new Uint8Array(size).map((_, index) => index % 251);
    const parts = frame(piece);
    assert.equal(parts.length, size > 131_072 ? 3 : 1, "a small one is one part");
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const head = `${size.toString(16)}\r\n`;
    assert.equal(new TextDecoder().decode(bytes.subarray(0, head.length)), head);
    assert.deepEqual(bytes.subarray(head.length, -2), piece);
    assert.equal(new TextDecoder().decode(bytes.subarray(-2)), "\r\n");
  }
});
