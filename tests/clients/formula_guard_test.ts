/** What LibreOffice runs of CSV that it reads with separators that are not the file's. */

import assert from "node:assert/strict";
import { csv } from "../../exporters/csv/mod.ts";
import { type CsvOptions, DIALECTS } from "../../exporters/csv/options.ts";
import type { Column, Row } from "../../table/table.ts";
import { exportTable, tableOf } from "../exporters/tables.ts";
import { saveAs } from "./office.ts";
import { readerTest } from "./programs.ts";

/** How to read, see "Filter Options for CSV" in LibreOffice's help: the separators, then the quotes. */
const READINGS = ["44,34", "59,34", "9,34", "44/59/9,34", "44,", "59,", "9,", "44/59/9,"]
  .map((tokens) => ({
    tokens,
    // UTF-8, from the first line on; a field in quotes is not text for that.
    reading: `CSV:${tokens},76,1,,0,false,true`,
  }));

const SEPARATORS = [",", ";", "\t", "\n", "\r\n", "\r"];

/** Formulas in front of text, and behind each separator, bare, behind white space and behind quotes. */
const TEXTS: readonly string[] = [
  "=1+1",
  ...SEPARATORS.flatMap((separator) =>
    ["", " ", '"', '""', '" "', "\u00a0", "\x01"].map((before) =>
      `x${separator}${before}=1+1${separator}y`
    )
  ),
  "a,b;c\td\ne;=1+1",
  ";;,,\t\t\n\n=1+1",
  'x";=1+1;"y',
  "x;=cmd|'/C calc'!A1;y",
  'x;=HYPERLINK("http://example.com/?"&A1,"click");y',
];

const COLUMNS: readonly Column[] = [
  { name: "number", title: "No.;=1+1", type: "decimal" },
  { name: "text", title: "Text", type: "string" },
  { name: "other", title: "x\n=1+1", type: "string" },
];

const ROWS: readonly Row[] = TEXTS.flatMap((text, index): Row[] => [
  [`-${index}.50`, text, "other"],
  ["5", "before;", text],
  [null, text, text],
]);

/** The formulas that LibreOffice has of a table in each dialect, read in a way. */
async function formulas(reading: string, options: CsvOptions): Promise<readonly string[]> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-guard-" });
  try {
    const paths = DIALECTS.map((dialect) => `${folder}/${dialect}.csv`);
    for (const [index, dialect] of DIALECTS.entries()) {
      const { bytes } = await exportTable(csv, tableOf(COLUMNS, ROWS), { ...options, dialect });
      await Deno.writeFile(paths[index]!, bytes);
    }
    await saveAs("fods", paths, `${folder}/read`, reading);
    const found: string[] = [];
    for (const dialect of DIALECTS) {
      const text = await Deno.readTextFile(`${folder}/read/${dialect}.fods`);
      for (const [, formula] of text.matchAll(/ table:formula="([^"]*)"/g)) {
        found.push(`${dialect}: ${formula}`);
      }
    }
    return found;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const { tokens, reading } of READINGS) {
  readerTest(
    `LibreOffice, told to split at ${tokens}, runs no formula of guarded text, and some without`,
    ["soffice"],
    async () => {
      assert.deepEqual(await formulas(reading, {}), []);
      const unguarded = await formulas(reading, { formulaGuard: false });
      assert.ok(unguarded.length > 0, "it would run none anyway");
    },
  );
}
