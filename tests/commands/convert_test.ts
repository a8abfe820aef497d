/** `convert`: a file to another format, to a file or to standard output, without a configuration. */

import assert from "node:assert/strict";
import { emptyFolder, type Folder, spillway } from "./fixture.ts";

const CSV = 'id;name\r\n1;"Ann; B"\r\n2;Bob\r\nx;Cat\r\n';

async function inFolder(work: (folder: Folder, text: string) => Promise<void>): Promise<void> {
  await using folder = await emptyFolder();
  await Deno.writeTextFile(`${folder.path}/people.csv`, CSV);
  await work(folder, CSV);
}

const convert = (folder: Folder, ...args: string[]) =>
  spillway(["convert", ...args], { cwd: folder.path });

Deno.test("a file becomes a workbook and comes back as it was", async () => {
  await inFolder(async (folder) => {
    const there = await convert(
      folder,
      "people.csv",
      "people.xlsx",
      "--param",
      "_types=id:integer",
    );
    assert.equal(there.code, 0, there.stderr);
    assert.match(
      there.stderr,
      /^people\.xlsx: 3 rows, \d+ bytes in \d+ ms\nwarning: other-type: 1 in id\n$/,
    );
    const back = await convert(
      folder,
      ...["people.xlsx", "-", "--format", "csv"],
      ...[
        "--param",
        "sheet=people",
        "--param",
        "_dialect=excel-semicolon",
        "--param",
        "_bom=false",
      ],
    );
    assert.deepEqual([back.code, back.stdout], [0, CSV]);
    assert.deepEqual(folder.names(), ["people.csv", "people.xlsx"]);
  });
});

Deno.test("what is wrong is said, and leaves no file", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder.path}/broken.csv`, 'a,b\n1,"x" y\n');
    const broken = await convert(folder, "broken.csv", "broken.json");
    assert.deepEqual([broken.code, broken.stderr], [
      1,
      "spillway: The run failed: Cannot read the upload, line 2: text follows a closing quote\n",
    ]);
    const cases: readonly (readonly [number, RegExp, ...string[]])[] = [
      [1, /^spillway: Cannot read nowhere\.csv: /, "nowhere.csv", "out.csv"],
      [64, /convert needs --format/, "people.csv", "out"],
      [64, /There is no format "docx", but csv, /, "people.csv", "out.docx"],
      [64, /separator: must be one ASCII/, "people.csv", "o.csv", "--param", "separator=ab"],
      [64, /convert takes two files/, "people.csv"],
    ];
    for (const [code, expected, ...args] of cases) {
      const result = await convert(folder, ...args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, expected);
    }
    assert.deepEqual(folder.names(), ["broken.csv", "people.csv"]);
  });
});
