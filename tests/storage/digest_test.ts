import assert from "node:assert/strict";
import { createDigest, strongETag } from "../../storage/digest.ts";

// FIPS 180-2, appendix B: the examples of SHA-256; and that of no bytes at all.
const DIGESTS: readonly [chunks: readonly string[], digest: string][] = [
  [[], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  [["abc"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [["a", "", "bc"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    ["abcdbcdecdefdefgefghfghighijhijk", "ijkljklmklmnlmnomnopnopq"],
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  [
    Array.from({ length: 1_000 }, () => "a".repeat(1_000)),
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  ],
];

for (const [chunks, expected] of DIGESTS) {
  Deno.test(`the SHA-256 of ${chunks.length} chunks is ${expected.slice(0, 8)}…`, () => {
    const digest = createDigest();
    for (const chunk of chunks) digest.update(new TextEncoder().encode(chunk));
    assert.equal(digest.finish(), expected);
  });
}

Deno.test("an entity tag is a quoted string, and strong", () => {
  assert.equal(strongETag("ba78"), '"ba78"');
});
