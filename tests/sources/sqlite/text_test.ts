import assert from "node:assert/strict";
import type { Exporter } from "../../../exporters/exporter.ts";
import { loadExporters } from "../../../exporters/mod.ts";
import { Warnings } from "../../../exporters/warnings.ts";
import { sqlite } from "../../../sources/sqlite/descriptor.ts";
import { sqliteDriver } from "../../../sources/sqlite/driver.ts";
import { toTable } from "../../../sources/to_table.ts";
import { createFolder } from "./fixture.ts";

const exporters: Readonly<Record<string, Exporter>> = await loadExporters();

/** Writes a query in a format, as a worker does; gives the warnings. */
async function write(path: string, text: string, format: string) {
  const warnings = new Warnings();
  const stream = await sqliteDriver.open(sqlite.config.parse({ path }), { text, params: {} }, {
    invalidText: {
      get suspected() {
        return warnings.textSuspected;
      },
      count: (column) => warnings.count("invalid-text", column),
    },
  });
  const table = await toTable(stream, { title: "t", columns: {} });
  for await (const _ of exporters[format]!.encode(table, {} as never, warnings));
  return warnings.list();
}

/** A database of rows with text that is none in some of them. */
function database(rows: number, cells: Readonly<Record<number, string>>, setup = "") {
  const folder = createFolder();
  const chosen = Object.entries(cells).map(([row, cell]) => `when ${row} then ${cell}`).join(" ");
  folder.write(`${setup}; create table t (id integer primary key, a text, b text);
    with recursive s(n) as (values (1) union all select n + 1 from s where n < ${rows})
    insert into t select n, case n ${chosen} else 'plain' end, 'x' from s`);
  return folder;
}

const INVALID = "cast(x'61ff62' as text)";
const CUT_OFF = "cast(x'e282' as text)";

for (const format of Object.keys(exporters)) {
  Deno.test(`${format}: text that is not valid is counted, wherever it is`, async () => {
    const cells = { 1: INVALID, 300: CUT_OFF, 4999: INVALID, 5000: INVALID };
    using folder = database(5000, cells);
    const query = "select id, a, b from t order by id";
    assert.deepEqual(await write(folder.path, query, format), [
      { kind: "invalid-text", column: "a", count: 4 },
    ]);
    for (const row of [1, 256, 257, 2500, 5000]) {
      const text = `select id, iif(id = ${row}, ${INVALID}, b) as c from t order by id`;
      assert.deepEqual(
        await write(folder.path, text, format),
        [{ kind: "invalid-text", column: "c", count: 1 }],
        `row ${row}`,
      );
    }
  });

  Deno.test(`${format}: U+FFFD that was stored is no invalid text`, async () => {
    using folder = database(1000, { 1: "'\ufffd'", 500: "'a\ufffdb'", 1000: "'\ufffd'" });
    assert.deepEqual(await write(folder.path, "select a from t order by id", format), []);
  });
}

Deno.test("each cell is counted once, in its column, in a few rows as in a sort", async () => {
  using folder = database(3, { 1: INVALID, 3: INVALID });
  const text = "select a, b, a as c from t order by a || b, id";
  assert.deepEqual(await write(folder.path, text, "csv"), [
    { kind: "invalid-text", column: "a", count: 2 },
    { kind: "invalid-text", column: "c", count: 2 },
  ]);
});

Deno.test("in a UTF-16 database half a pair is counted, and a whole one is text", async () => {
  const setup = "pragma encoding = 'UTF-16le'";
  using folder = database(3, { 1: "'🎉'", 2: "'\ufffd'", 3: "cast(x'00d8' as text)" }, setup);
  assert.deepEqual(await write(folder.path, "select a from t", "csv"), [
    { kind: "invalid-text", column: "a", count: 1 },
  ]);
});

Deno.test("a cancel while invalid text is counted lets the database go", async () => {
  using folder = database(50_000, { 1: INVALID });
  let counted = 0;
  const config = sqlite.config.parse({ path: folder.path });
  const stream = await sqliteDriver.open(config, { text: "select a from t", params: {} }, {
    invalidText: { suspected: false, count: () => counted++ },
  });
  const reader = stream.batches.getReader();
  for (let rows = 0; rows < 50_000;) rows += (await reader.read()).value!.length;
  const end = reader.read();
  await reader.cancel();
  assert.equal((await end).done, true);
  assert(counted <= 1);
  folder.write("drop table t");
});
