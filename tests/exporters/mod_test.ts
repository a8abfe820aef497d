import assert from "node:assert/strict";
import { exporters } from "../../exporters/mod.ts";

Deno.test("every format is registered under its own key", () => {
  for (const [key, exporter] of Object.entries(exporters)) assert.equal(exporter.key, key);
});

Deno.test("the text formats say what they are", () => {
  const { csv, tsv, json, ndjson, xml } = exporters;
  assert.deepEqual([csv, tsv, json, ndjson, xml].map(({ mediaType }) => mediaType), [
    "text/csv; charset=utf-8",
    "text/tab-separated-values; charset=utf-8",
    "application/json",
    "application/x-ndjson",
    "application/xml; charset=utf-8",
  ]);
  assert.deepEqual(csv.options, ["dialect", "bom", "header", "null"]);
  assert.deepEqual(tsv.options, ["bom", "header", "null"]);
  for (const { options } of [json, ndjson, xml]) assert.deepEqual(options, []);
  for (const { compressible } of [csv, tsv, json, ndjson, xml]) assert.ok(compressible);
});
