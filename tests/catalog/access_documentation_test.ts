/** The set-ups of `docs/access.md` are configurations. */

import { ok, strictEqual } from "node:assert/strict";
import { loadConfig } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { loadDescriptors } from "../../sources/mod.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();
const text = await Deno.readTextFile(new URL("../../docs/access.md", import.meta.url));
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block]) => block!);

Deno.test("docs/access.md shows three set-ups", () => strictEqual(blocks.length, 3));

for (const [index, block] of blocks.entries()) {
  Deno.test(`set-up ${index + 1} of docs/access.md can be pasted`, () => {
    const config = loadConfig(block, {
      env: (name) =>
        name === "DATABASE_URL"
          ? "postgres://reader:password@db.internal:5432/app"
          : "x".repeat(32),
      folder: "/etc/spillway",
      sources,
      formats,
    });
    ok(config.exports.size > 0);
  });
}
