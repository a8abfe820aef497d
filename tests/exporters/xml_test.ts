import assert from "node:assert/strict";
import fc from "fast-check";
import { SaxesParser } from "saxes";
import { xml } from "../../exporters/xml.ts";
import { type DecodedRows, exporterContract } from "../contracts/exporter_contract.ts";
import { column, exportTable, exportText, tableOf } from "./tables.ts";

/** Reads with a parser that checks well-formedness, namespaces too; an absent element is null. */
function decode(bytes: Uint8Array, header: readonly string[]): DecodedRows {
  const parser = new SaxesParser({ xmlns: true, fileName: "test" });
  const rows: Map<string, string>[] = [];
  const path: string[] = [];
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name }) => {
    path.push(name);
    if (path.length === 2) rows.push(new Map());
    if (path.length < 3) return assert.equal(name, ["rows", "row"][path.length - 1]);
    assert.ok(path.length === 3 && header.includes(name) && !rows.at(-1)!.has(name), name);
    rows.at(-1)!.set(name, "");
  });
  parser.on("text", (text) => {
    if (path.length < 3) return assert.equal(text.trim(), "");
    rows.at(-1)!.set(path[2]!, rows.at(-1)!.get(path[2]!)! + text);
  });
  parser.on("closetag", () => path.pop());
  parser.write(new TextDecoder("utf-8", { fatal: true }).decode(bytes)).close();
  return rows.map((row) => header.map((name) => row.get(name) ?? null));
}

exporterContract("xml", xml, {
  decode,
  hostileNames: [
    "id",
    "id_3",
    "id_2",
    "id_4",
    "__proto__",
    "_",
    "_cmd",
    "a_b",
    "_xml_",
    "_xml",
    "say__hi___안녕",
  ],
  renamed: 8,
  controls: "a\tb\nc\rd\r\ne\ufffdf\ufffdg\ufffdh\x7fi\x85j\u2028k\ufffdl\ufffdm",
  hasEnd: true,
});

/** The file around its rows. */
function file(...rows: string[]): string {
  return '<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n' +
    rows.map((row) => `<row>${row}</row>\n`).join("") + "</rows>\n";
}

Deno.test("xml: one row a line, an element a cell", async () => {
  const columns = [column("id", "integer"), { ...column("name"), title: "Full name" }];
  assert.equal(
    await exportText(xml, columns, [[1, "Ada"], [2, "Grace"]]),
    file("<id>1</id><name>Ada</name>", "<id>2</id><name>Grace</name>"),
  );
  assert.equal(await exportText(xml, columns, []), file());
});

Deno.test("xml: null is absent, the empty string is an empty element", async () => {
  const columns = [column("a"), column("b"), column("c", "binary")];
  assert.equal(
    await exportText(xml, columns, [[null, "", new Uint8Array()], [null, null, null]]),
    file("<b/><c/>", ""),
  );
});

Deno.test("xml: markup is escaped, white space is kept", async () => {
  const columns = [column("a")];
  const rows = [["<a href='x'>&\"</a>"], ["]]>"], ["&#13;"], [" \t\n\r\r\n "]];
  assert.equal(
    await exportText(xml, columns, rows),
    file(
      "<a>&lt;a href='x'&gt;&amp;\"&lt;/a&gt;</a>",
      "<a>]]&gt;</a>",
      "<a>&amp;#13;</a>",
      "<a> \t\n&#13;&#13;\n </a>",
    ),
  );
});

Deno.test("xml: characters that XML forbids become U+FFFD, and their cells are counted", async () => {
  const columns = [column("a"), column("b", "integer")];
  const rows = [["x\0y\x1f", "\ufffe"], ["ok\x7f\x85", "\uffff<"], ["\t\n\r", 1]];
  const { bytes, warnings } = await exportTable(xml, tableOf(columns, rows));
  assert.equal(
    new TextDecoder().decode(bytes),
    file(
      "<a>x\ufffdy\ufffd</a><b>\ufffd</b>",
      "<a>ok\x7f\x85</a><b>\ufffd&lt;</b>",
      "<a>\t\n&#13;</a><b>1</b>",
    ),
  );
  assert.deepEqual(warnings, [
    { kind: "illegal-character", column: "a", count: 1 },
    { kind: "illegal-character", column: "b", count: 2 },
  ]);
});

Deno.test("xml: every type of cell", async () => {
  const columns = [
    column("a", "boolean"),
    column("b", "integer"),
    column("c", "datetime", "Europe/Paris"),
    column("d", "number"),
    column("e", "json"),
  ];
  assert.equal(
    await exportText(xml, columns, [[true, 2n ** 63n, "2026-01-02 03:04:05.5", -0, '{"a":"<"}']]),
    file(
      "<a>true</a><b>9223372036854775808</b><c>2026-01-02T04:04:05.5+01:00</c><d>-0</d>" +
        '<e>{"a":"&lt;"}</e>',
    ),
  );
});

Deno.test("xml: names become legal element names by the rule", async () => {
  const names = ["2fa", "-a", "a:b", "Xml", "XMLa", "é.1-ü", "\u0300a", "😀", "\ud800", "a\0", "·"];
  const columns = names.map((name) => column(name));
  const text = await exportText(xml, columns, [names.map((_, index) => index)]);
  assert.deepEqual([...text.matchAll(/<([^/>]+)>\d/g)].map(([, name]) => name), [
    "_2fa",
    "_-a",
    "a_b",
    "_Xml",
    "_XMLa",
    "é.1-ü",
    "_\u0300a",
    "😀",
    "\ufffd",
    "a_",
    "_·",
  ]);
});

// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\0-\x08\v\f\x0e-\x1f\ufffe\uffff]/g;

Deno.test("xml: a parser gets every text, under any name", async () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."ab<>&]'\"\t\n\r \0\x1f\ufffe") }),
  );
  const anyTable = fc.uniqueArray(anyText, { minLength: 1, maxLength: 4 }).chain((names) =>
    fc.array(fc.array(fc.option(anyText), { minLength: names.length, maxLength: names.length }))
      .map((rows) => ({ names, rows }))
  );
  await fc.assert(fc.asyncProperty(anyTable, async ({ names, rows }) => {
    const columns = names.map((name) => column(name));
    const filled = names.map(() => "x");
    const { bytes } = await exportTable(xml, tableOf(columns, [filled, ...rows]));
    const text = new TextDecoder().decode(bytes);
    const header = [...text.split("\n")[2]!.matchAll(/<([^/>]+)>x/g)].map(([, name]) => name!);
    assert.equal(new Set(header).size, names.length);
    assert.deepEqual(
      decode(bytes, header).slice(1),
      rows.map((row) => row.map((cell) => cell?.replace(FORBIDDEN, "\ufffd") ?? null)),
    );
  }));
});
