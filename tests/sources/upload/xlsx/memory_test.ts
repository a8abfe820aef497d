/** Reading takes the same memory for a sheet of any size, and for one that is made to take much. */

import assert from "node:assert/strict";
import { AUDIT_COLUMNS, auditRows } from "../../../../examples/demo_data.ts";
import { createXlsx } from "../../../../exporters/xlsx/mod.ts";
import { exportTable, tableOf } from "../../../exporters/tables.ts";
import { sheetXml, stringsXml, workbookFile } from "./workbook_file.ts";

/** Of a process that reads, Deno's own 60 MB included. */
const MAX_BYTES = 250 * 2 ** 20;

interface Measured {
  readonly rows: number;
  readonly error?: string;
  readonly peak: number;
}

/** Reads a file in a process of its own. */
async function measure(bytes: Uint8Array): Promise<Measured> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-upload-" });
  try {
    await Deno.writeFile(`${folder}/file.xlsx`, bytes);
    const script = new URL("./read_in_process.ts", import.meta.url).pathname;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      // As a worker is started: `deno.json`, tasks.
      args: [
        "run",
        "--v8-flags=--max-semi-space-size=4",
        "-A",
        "--no-check",
        `--config=${config}`,
        script,
      ]
        .concat(`${folder}/file.xlsx`, `${folder}/scratch`),
      stderr: "inherit",
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a sheet of 100,000 rows takes as much memory as one of 10,000, to a half", async () => {
  const peaks: number[] = [];
  for (const count of [10_000, 100_000]) {
    const { bytes } = await exportTable(
      createXlsx(),
      tableOf(AUDIT_COLUMNS, [...auditRows(count)]),
    );
    const { rows, peak } = await measure(bytes);
    assert.equal(rows, count + 1);
    assert.ok(peak < MAX_BYTES, `${peak} bytes`);
    peaks.push(peak);
  }
  assert.ok(peaks[1]! < peaks[0]! * 1.5, peaks.join(", "));
});

Deno.test("what is made to take much memory does not", async () => {
  const long = "x".repeat(32_000);
  const cells = (count: number, cell: string) => `<row>${cell.repeat(count)}</row>`;
  const files: Readonly<
    Record<string, readonly [Uint8Array, error: string | undefined, rows: number]>
  > = {
    "a row of spaces": [
      workbookFile({ sheets: { Data: sheetXml(`<row>${" ".repeat(20_000_000)}</row>`) } }),
      'Cannot read the upload: its part "xl/worksheets/sheet1.xml" has a row of more than 16777216 bytes',
      0,
    ],
    "a comment": [
      workbookFile({ sheets: { Data: sheetXml(`<!--${" ".repeat(20_000_000)}-->`) } }),
      'Cannot read the upload: its part "xl/worksheets/sheet1.xml" has a tag or a text of more than 16777216 bytes',
      0,
    ],
    "long strings in every cell": [
      workbookFile({
        sheets: { Data: sheetXml(cells(100, '<c t="s"><v>0</v></c>').repeat(100)) },
        strings: stringsXml([`<t>${long}</t>`]),
      }),
      undefined,
      100,
    ],
    "the same, read by saxes": [
      workbookFile({
        sheets: { Data: sheetXml(`<!-- -->${cells(100, '<c t="s"><v>0</v></c>').repeat(100)}`) },
        strings: stringsXml([`<t>${long}</t>`]),
      }),
      undefined,
      100,
    ],
    "rows of every column": [
      workbookFile({ sheets: { Data: sheetXml(cells(16_384, "<c><v>1.5</v></c>").repeat(60)) } }),
      undefined,
      60,
    ],
    "a million rows without cells before the last": [
      workbookFile({
        sheets: {
          Data: sheetXml('<row><c><v>1</v></c></row><row r="1048576"><c><v>1</v></c></row>'),
        },
      }),
      undefined,
      1_048_576,
    ],
    "a million shared strings that are empty": [
      workbookFile({
        sheets: { Data: sheetXml("") },
        strings: stringsXml(new Array(1_000_000).fill("")),
      }),
      undefined,
      0,
    ],
    "shared strings of 60 MB": [
      workbookFile({
        sheets: { Data: sheetXml(cells(1, '<c t="s"><v>59999</v></c>')) },
        strings: stringsXml(
          Array.from({ length: 60_000 }, (_, n) => `<t>${`${n}`.padEnd(1000, "x")}</t>`),
        ),
      }),
      undefined,
      1,
    ],
  };
  for (const [name, [bytes, error, rows]] of Object.entries(files)) {
    const measured = await measure(bytes);
    assert.equal(measured.error, error, name);
    assert.equal(measured.rows, rows, name);
    assert.ok(measured.peak < MAX_BYTES, `${name}: ${measured.peak} bytes`);
  }
});
