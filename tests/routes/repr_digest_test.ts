import assert from "node:assert/strict";
import { reprDigest } from "../../routes/repr_digest.ts";

Deno.test("Repr-Digest is the SHA-256 in base64 between colons", () => {
  // RFC 9530, appendix B: the digest of {"hello": "world"} and a line feed.
  assert.equal(
    reprDigest("44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38"),
    "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
  );
});

Deno.test("Repr-Digest refuses what is no digest", () => {
  assert.throws(() => reprDigest("not hexadecimal"), SyntaxError);
});
