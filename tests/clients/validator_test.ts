/** What the validator finds, in a workbook of every feature of which one part was changed. */

import assert from "node:assert/strict";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { readZip } from "../exporters/xlsx/read_zip.ts";
import { featureWorkbook, withFile } from "./features.ts";
import { validate, validatorTest } from "./validator.ts";

/** A workbook with another text in one of its parts. */
async function changed(path: string, from: string, to: string): Promise<Uint8Array> {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  for (const { name, content } of readZip(await featureWorkbook(true))) {
    let bytes = content;
    if (name === path) {
      const xml = new TextDecoder().decode(content);
      assert.ok(xml.includes(from), `${path} has no ${from}`);
      bytes = new TextEncoder().encode(xml.replace(from, to));
    }
    await writer.add(name, new Uint8ArrayReader(bytes));
  }
  return await writer.close();
}

const VIEWS = '<sheetViews><sheetView showGridLines="0" workbookViewId="0"/></sheetViews>';
const FORMAT = '<sheetFormatPr defaultRowHeight="15"/>';

const CHANGES: readonly (readonly [
  name: string,
  path: string,
  from: string,
  to: string,
  found: RegExp,
])[] = [
  [
    "two elements swapped",
    "xl/worksheets/sheet1.xml",
    VIEWS + FORMAT,
    FORMAT + VIEWS,
    /^\/xl\/worksheets\/sheet1\.xml .*unexpected child element.*sheetViews/,
  ],
  [
    "an attribute that is no number",
    "xl/worksheets/sheet2.xml",
    'workbookViewId="0"',
    'workbookViewId="none"',
    /^\/xl\/worksheets\/sheet2\.xml .*workbookViewId.*'none'/,
  ],
];

for (const [name, path, from, to, found] of CHANGES) {
  validatorTest(`the Open XML SDK finds ${name}`, async () => {
    await withFile(await changed(path, from, to), async (file) => {
      const mistakes = await validate(file);
      assert.ok(mistakes.some((mistake) => found.test(mistake)), mistakes.join("\n"));
    });
  });
}

validatorTest(
  "the Open XML SDK finds nothing in the same workbook, put together again",
  async () => {
    await withFile(await changed("xl/worksheets/sheet1.xml", VIEWS, VIEWS), async (file) => {
      assert.deepEqual(await validate(file), []);
    });
  },
);

validatorTest("the Open XML SDK finds that a file is no workbook", async () => {
  await withFile(new TextEncoder().encode("no workbook"), async (file) => {
    assert.equal((await validate(file)).length, 1);
  });
});
