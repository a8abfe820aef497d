import assert from "node:assert/strict";
import fc from "fast-check";
import { ndjson } from "../../exporters/ndjson.ts";
import { exporterContract } from "../contracts/exporter_contract.ts";
import { cellsOf, parseExact } from "./json_reader.ts";
import { column, exportText } from "./tables.ts";

exporterContract("ndjson", ndjson, {
  decode(bytes, header) {
    const lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split("\n");
    assert.equal(lines.pop(), "");
    return lines.map((line) => cellsOf(parseExact(line), header));
  },
  hostileNames: [
    "id",
    "id_3",
    "id_2",
    "id_4",
    "__proto__",
    "",
    "=cmd",
    "a b",
    "<xml>",
    "xml",
    'say "hi", 안녕',
  ],
  renamed: 2,
  hasEnd: false,
});

Deno.test("ndjson: one object a line, each line ended", async () => {
  const columns = [column("id", "integer"), column("note"), column("doc", "json")];
  const rows = [[1, "a\nb", '{"x":\n[1,\n2]}'], [2, null, "{"]];
  assert.equal(
    await exportText(ndjson, columns, rows),
    '{"id":1,"note":"a\\nb","doc":{"x":[1,2]}}\n{"id":2,"note":null,"doc":"{"}\n',
  );
});

Deno.test("ndjson: no row is no byte", async () => {
  assert.equal(await exportText(ndjson, [column("id")], []), "");
});

Deno.test("ndjson: every line is one row, whatever is in it", async () => {
  const anyText = fc.string({ unit: fc.constantFrom(...'ab"\\\n\r\0\u2028\u2029\x85{}') });
  const anyRows = fc.array(fc.tuple(anyText, fc.json({ maxDepth: 3 })), { maxLength: 8 });
  const columns = [column("__proto__"), column("doc", "json")];
  await fc.assert(fc.asyncProperty(anyRows, async (rows) => {
    const indented = rows.map(([text, doc]) => [text, JSON.stringify(JSON.parse(doc), null, 2)]);
    const lines = (await exportText(ndjson, columns, indented)).split("\n");
    assert.equal(lines.pop(), "");
    assert.deepEqual(
      lines.map((line) => Object.entries(JSON.parse(line))),
      rows.map(([text, doc]) => [["__proto__", text], ["doc", JSON.parse(doc)]]),
    );
  }));
});
