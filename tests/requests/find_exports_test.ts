import assert from "node:assert/strict";
import { ANONYMOUS } from "../../access/principal.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { findExports } from "../../requests/find_exports.ts";
import { load } from "../catalog/fixture.ts";

const formats = await loadFormats();

Deno.test("a workbook holds 16 exports, and no more", () => {
  const names = Array.from({ length: 17 }, (_, index) => `e${index}`);
  const catalog = load(
    `sources: { app: { type: sqlite, path: app.db } }\nexports:\n` +
      names.map((name) => `  ${name}: { source: app, query: select 1 }\n`).join(""),
  );
  const find = (count: number) =>
    findExports(names.slice(0, count).join(","), "xlsx", { catalog, formats }, ANONYMOUS);
  assert.equal(find(16).exports.length, 16);
  assert.throws(() => find(17), {
    name: "RequestError",
    message: "17 exports are named, and a file holds at most 16",
    unknown: true,
  });
});
