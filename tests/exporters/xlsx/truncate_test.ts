import assert from "node:assert/strict";
import { truncate } from "../../../exporters/xlsx/truncate.ts";

Deno.test("cut never leaves half a pair", () => {
  assert.equal(truncate("ab😀", 3), "ab");
  assert.equal(truncate("ab😀", 4), "ab😀");
  assert.equal(truncate("abc", 2), "ab");
});
