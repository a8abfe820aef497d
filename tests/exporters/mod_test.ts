import assert from "node:assert/strict";
import { type FORMATS, loadExporters, loadFormats } from "../../exporters/mod.ts";

const formats = await loadFormats();

Deno.test("every format is registered under its own key", () => {
  for (const [key, format] of Object.entries(formats)) assert.equal(format.key, key);
});

Deno.test("the text formats say what they are", () => {
  const { csv, tsv, json, ndjson, xml } = formats;
  assert.deepEqual([csv, tsv, json, ndjson, xml].map(({ mediaType }) => mediaType), [
    "text/csv; charset=utf-8",
    "text/tab-separated-values; charset=utf-8",
    "application/json",
    "application/x-ndjson",
    "application/xml; charset=utf-8",
  ]);
  assert.deepEqual(Object.keys(csv.options).sort(), ["bom", "dialect", "header", "null"]);
  assert.deepEqual(Object.keys(tsv.options).sort(), ["bom", "header", "null"]);
  for (const { options } of [json, ndjson, xml]) assert.deepEqual(options, {});
  for (const { compressible } of [csv, tsv, json, ndjson, xml]) assert.ok(compressible);
});

Deno.test("XLSX says what it is", () => {
  const { xlsx } = formats;
  assert.equal(
    xlsx.mediaType,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  );
  assert.deepEqual(Object.keys(xlsx.options).sort(), ["header", "level"]);
  assert.equal(xlsx.compressible, false);
});

Deno.test("a format holds several tables where its exporter writes several", async () => {
  const exporters = await loadExporters();
  for (const [key, exporter] of Object.entries(exporters)) {
    const { holdsSeveral } = formats[key as keyof typeof FORMATS];
    assert.equal(holdsSeveral, "encodeAll" in exporter, key);
  }
});

Deno.test("formats that share a setting or an option share its schema, and each says what it does", () => {
  const schemas = new Map<string, unknown>();
  for (const { key, settings, options } of Object.values(formats)) {
    const all = [
      ...Object.entries(settings).map(([name, schema]) => [name, schema] as const),
      ...Object.entries(options).map(([name, schema]) => [`_${name}`, schema] as const),
    ];
    for (const [name, schema] of all) {
      assert.ok(schema.meta()?.description, `${name} of ${key}`);
      assert.equal(schemas.get(name) ?? schema, schema, `${name} of ${key}`);
      schemas.set(name, schema);
    }
  }
  assert.deepEqual([...schemas.keys()].sort(), [
    "_bom",
    "_dialect",
    "_header",
    "_level",
    "_null",
    "deflate_level",
    "formula_guard",
    "shared_strings",
  ]);
});
