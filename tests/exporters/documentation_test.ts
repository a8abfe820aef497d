/** The tables of the documents that are about formats and their options, beside what the schemas say. */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { loadFormats } from "../../exporters/mod.ts";
import { describeOptions } from "../../requests/options.ts";

const formats = Object.values(await loadFormats());

/** The rows of the first table of a document whose header begins with these titles, without its ticks. */
function readTable(page: string, ...titles: readonly string[]): readonly (readonly string[])[] {
  const text = Deno.readTextFileSync(new URL(`../../docs/${page}`, import.meta.url));
  const lines = text.split("\n").map((line) =>
    line.replaceAll("`", "").split("|").slice(1, -1).map((cell) => cell.trim())
  );
  const start = lines.findIndex((cells) => titles.every((title, index) => cells[index] === title));
  assert.ok(start >= 0, `${page} has a table of ${titles}`);
  const rows = lines.slice(start + 2);
  return rows.slice(0, rows.findIndex((cells) => cells.length === 0));
}

Deno.test("docs/formats.md lists every format with its media type", () => {
  assert.deepEqual(
    readTable("formats.md", "key", "media type"),
    formats.map(({ key, mediaType }) => [key, mediaType]),
  );
});

Deno.test("docs/formats.md says what every warning means", () => {
  const code = Deno.readTextFileSync(new URL("../../exporters/warnings.ts", import.meta.url));
  const kinds = [...code.matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, kind]) => kind);
  assert.equal(kinds.length, 22);
  assert.deepEqual(
    readTable("formats.md", "warning", "means").map(([kind]) => kind).sort(),
    kinds.sort(),
  );
});

Deno.test("docs/http.md lists every option with an example, its formats and what it means", () => {
  assert.deepEqual(
    readTable("http.md", "option", "for", "means"),
    describeOptions(formats).map(({ name, formats: keys, description, example }) => [
      `${name}=${example}`,
      keys.length === formats.length ? "all" : keys.join(", "),
      description,
    ]),
  );
});

Deno.test("docs/configuration.md lists every setting of a format, what it means and its default", () => {
  const rows = readTable("configuration.md", "key", "means", "default");
  const settings = Object.entries(
    Object.assign({}, ...formats.map(({ settings }) => settings)) as typeof formats[0]["settings"],
  );
  assert.equal(settings.length, 3);
  for (const [key, schema] of settings) {
    const [, means, preset] = rows.find(([name]) => name === key) ?? [];
    assert.equal(means, schema.meta()?.description, key);
    assert.deepEqual(schema.parse(parse(preset!)), schema.parse(undefined), key);
  }
});
