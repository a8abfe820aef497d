/** CSV, TSV, JSON, NDJSON and XML, as the programs read them that people use. */

import assert from "node:assert/strict";
import { startServer } from "../sources/postgres/server.ts";
import { AUDIT_ROWS, inSpreadsheet, INVOICES, startExports, type TestExport } from "./fixture.ts";
import { NASTY_COLUMNS, NASTY_ROWS } from "./nasty_table.ts";
import { PSQL, readerTest, runProgram, runScript } from "./programs.ts";

/** How a file is read; see `compare_text.py`. */
interface Reading {
  readonly format: "csv" | "sqlite" | "postgres" | "json" | "ndjson" | "xml";
  readonly delimiter?: string;
  readonly names?: "name" | "title";
  readonly null?: string;
  readonly guard?: boolean;
  readonly binary?: "hex";
  readonly datetimes?: "spreadsheet";
}

/** Compares every cell of a file with the database, and that there were as many as there should be. */
async function assertSame(of: TestExport, file: string, rows: number, reading: Reading) {
  const { database, query } = of;
  const columns = reading.datetimes === "spreadsheet" ? inSpreadsheet(of.columns) : of.columns;
  const counts = await runScript("compare_text.py", { columns, database, query, file, ...reading });
  // Besides the cells, the header is compared, and each row's length.
  assert.deepEqual(counts, { rows, cells: 1 + rows * (columns.length + 1) });
}

const TITLES = { format: "csv", names: "title", guard: true } as const;

const DIALECTS: readonly (readonly [file: string, reading: Reading])[] = [
  ["nasty.csv", TITLES],
  ["nasty.csv?_null=NULL", { ...TITLES, null: "NULL" }],
  ["nasty.csv?_dialect=excel", { ...TITLES, datetimes: "spreadsheet" }],
  [
    "nasty.csv?_dialect=excel-semicolon",
    { ...TITLES, datetimes: "spreadsheet", delimiter: ";" },
  ],
  ["nasty.csv?_dialect=tsv", { ...TITLES, delimiter: "\t" }],
  ["nasty.tsv?_bom=true", { ...TITLES, delimiter: "\t" }],
  ["unguarded.csv", { ...TITLES, guard: false }],
  ["unguarded.csv?_dialect=postgres", { format: "csv", names: "name", binary: "hex" }],
  ["nasty.json", { format: "json" }],
  ["nasty.ndjson", { format: "ndjson" }],
  ["nasty.xml", { format: "xml" }],
];

readerTest(
  "Python reads every cell of the nasty table as the database has it",
  ["python"],
  async () => {
    await using exports = await startExports();
    for (const [file, reading] of DIALECTS) {
      await assertSame(exports.nasty, await exports.download(file), NASTY_ROWS, reading);
    }
  },
);

readerTest(
  "Python reads every cell of the demo's exports as the database has it",
  ["python"],
  async () => {
    await using exports = await startExports();
    for (const format of ["csv", "json", "ndjson", "xml"] as const) {
      const reading = format === "csv" ? TITLES : { format };
      const audit = await exports.download(`audit-log.${format}`);
      await assertSame(exports.auditLog, audit, AUDIT_ROWS, reading);
      const invoices = await exports.download(`invoices.${format}`);
      await assertSame(exports.invoices, invoices, INVOICES, reading);
    }
  },
);

readerTest(
  "the sqlite3 shell imports every cell as the database has it",
  ["python", "sqlite3"],
  async () => {
    await using exports = await startExports();
    const { columns, database, query } = exports.nasty;
    const nasty = { columns, database, query: query.replace("true", "false") };
    const imports = [
      ["nasty.csv?nul=false", ",", nasty, NASTY_ROWS - 1, {}],
      ["nasty.csv?nul=false&_dialect=excel-semicolon", ";", nasty, NASTY_ROWS - 1, {
        datetimes: "spreadsheet",
      }],
      ["nasty.tsv?nul=false", "\\t", nasty, NASTY_ROWS - 1, {}],
      ["audit-log.csv", ",", exports.auditLog, AUDIT_ROWS, {}],
      ["invoices.csv?_dialect=excel", ",", exports.invoices, INVOICES, {}],
    ] as const;
    for (const [index, [file, separator, of, rows, rules]] of imports.entries()) {
      const path = await exports.download(file);
      const imported = `${exports.folder}/imported-${index}.db`;
      const commands = [
        ".mode csv",
        `.separator "${separator}" "\\n"`,
        `.import '${path}' imported`,
      ];
      await runProgram("sqlite3", ["-batch", "-bail", imported, ...commands]);
      await assertSame(of, imported, rows, {
        ...TITLES,
        format: "sqlite",
        ...rules,
      });
    }
  },
);

readerTest(
  "PostgreSQL copies every cell, null and the empty string apart",
  ["python", "psql"],
  async () => {
    await using exports = await startExports();
    const { columns, database, query } = exports.nasty;
    const path = await exports.download("unguarded.csv?nul=false&_dialect=postgres");
    const names = columns.map(({ name }) => `${name} text`).join(", ");
    using stack = new DisposableStack();
    const server = stack.adopt(await startServer(), (server) => server.stop());
    const copied = await runProgram(PSQL, [
      `--dbname=${server.url()}`,
      ...["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align"],
      ...["--set=ON_ERROR_STOP=1", `--command=create temporary table copied (${names})`],
      `--command=\\copy copied from '${path}' with (format csv, header)`,
      "--command=select to_json(copied) from copied order by id::integer",
    ], { environment: { PGCLIENTENCODING: "UTF8" } });
    const file = `${exports.folder}/copied.ndjson`;
    await Deno.writeTextFile(file, copied);
    const nasty = { columns, database, query: query.replace("true", "false") };
    await assertSame(nasty, file, NASTY_ROWS - 1, { format: "postgres", binary: "hex" });
  },
);

readerTest("xmllint accepts the XML and counts its rows", ["xmllint"], async () => {
  await using exports = await startExports();
  for (const [name, rows] of [["nasty", NASTY_ROWS], ["audit-log", AUDIT_ROWS]] as const) {
    const path = await exports.download(`${name}.xml`);
    // Text longer than 10 MB would need --huge; a row has none.
    await runProgram("xmllint", ["--noout", path]);
    assert.equal(await runProgram("xmllint", ["--xpath", "count(/rows/row)", path]), `${rows}\n`);
  }
  const path = `${exports.folder}/nasty.xml`;
  const cell = (id: number, name: string) =>
    runProgram("xmllint", ["--xpath", `string(/rows/row[id=${id}]/${name})`, path]);
  assert.equal(await cell(7, "label"), 'a "quoted" word\n');
  assert.equal(await cell(57, "big"), "9007199254740993\n");
});

readerTest("jq reads JSON and NDJSON alike, and no integer is rounded", ["jq"], async () => {
  await using exports = await startExports();
  const jq = (...args: string[]) => runProgram("jq", args);
  for (const [name, rows] of [["nasty", NASTY_ROWS], ["audit-log", AUDIT_ROWS]] as const) {
    const json = await exports.download(`${name}.json`);
    const ndjson = await exports.download(`${name}.ndjson`);
    assert.equal(await jq("length", json), `${rows}\n`);
    assert.equal(await jq("--slurp", "length", ndjson), `${rows}\n`);
    assert.equal(
      await jq("--compact-output", ".[]", json),
      await jq("--compact-output", ".", ndjson),
    );
  }
  const nasty = `${exports.folder}/nasty.json`;
  assert.equal(
    await jq("--compact-output", "first | keys_unsorted", nasty),
    JSON.stringify(NASTY_COLUMNS.map(({ name }) => name)) + "\n",
  );
  assert.equal(
    await jq("--compact-output", "[.[].big | select(. != null)]", nasty),
    "[0,42,-1,999999999999999," +
      '"9007199254740993","9223372036854775807","-9223372036854775808"]\n',
  );
  assert.equal(
    await jq("--compact-output", "[.[].amount | select(. != null)]", nasty),
    "[12.5,-0.1,0,1234567.89,999999999999.99," +
      '123456789012345680000000000000,-1e-30,12345678901234.56,1000,"not a number","=2+2"]\n',
  );
  assert.equal(
    await jq("--compact-output", "[.[].flag | select(. != null)]", nasty),
    '[true,false,2,"yes"]\n',
  );
  assert.equal(
    await jq("--compact-output", "[.[].data | select(. != null)]", nasty),
    '[{"a":[1,2.5,"x, \\"y\\""],"b":null},"😀","{broken",12.5,[]]\n',
  );
});
