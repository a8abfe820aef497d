import assert from "node:assert/strict";
import { type FORMATS, loadExporters, loadFormats } from "../../exporters/mod.ts";

const formats = await loadFormats();

Deno.test("every format is registered under its own key", () => {
  for (const [key, format] of Object.entries(formats)) assert.equal(format.key, key);
});

Deno.test("every format but XLSX, which is deflated already, is compressed on its way", () => {
  for (const { key, compressible } of Object.values(formats)) {
    assert.equal(compressible, key !== "xlsx", key);
  }
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
