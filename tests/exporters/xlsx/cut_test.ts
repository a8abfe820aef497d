import assert from "node:assert/strict";
import { cut } from "../../../exporters/xlsx/cut.ts";

Deno.test("cut never leaves half a pair", () => {
  assert.equal(cut("ab😀", 3), "ab");
  assert.equal(cut("ab😀", 4), "ab😀");
  assert.equal(cut("abc", 2), "ab");
});
