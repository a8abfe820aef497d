import assert from "node:assert/strict";
import { truncate } from "../../../exporters/xlsx/truncate.ts";

Deno.test("text is cut at so many units, and before a pair that would be halved", () => {
  assert.equal(truncate("ab😀", 3), "ab");
  assert.equal(truncate("ab😀", 4), "ab😀");
  assert.equal(truncate("abc", 2), "ab");
});
