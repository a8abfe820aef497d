/** A workbook that uses every feature, as the programs read it that people use. */

import assert from "node:assert/strict";
import { readWorkbook } from "../exporters/xlsx/read_workbook.ts";
import { readZip } from "../exporters/xlsx/read_zip.ts";
import { columnLetters } from "../../exporters/xlsx/references.ts";
import { featureValues, featureWorkbook, FORMS, withFile } from "./features.ts";
import { readerTest } from "./programs.ts";
import { assertFinds, type Reader, type Wanted, type WantedValue } from "./reader.ts";
import { READERS } from "./readers.ts";
import { validate, validatorTest } from "./validator.ts";
import { ZIP_READERS } from "./zip_readers.ts";

/** What a reader should find in the workbook, with the texts as it is known to misread them. */
function* wantedBy({ misread }: Reader, bytes: Uint8Array): Generator<Wanted> {
  const sheets = readWorkbook(bytes);
  for (const [index, { name, rows }] of featureValues().entries()) {
    yield name;
    for (const [row, values] of rows.entries()) {
      yield values.map((value, column): WantedValue => {
        const type = sheets[index]!.cells.get(`${columnLetters(column)}${row + 1}`)?.type;
        const text = typeof value === "string" && (type === "s" || type === "inlineStr");
        return text && misread ? misread(value, type) : value;
      });
    }
  }
}

for (const { form, sharedStrings } of FORMS) {
  for (const reader of READERS) {
    readerTest(
      `${reader.name} reads every value of a workbook of every feature ${form}`,
      reader.programs,
      async () => {
        const bytes = await featureWorkbook(sharedStrings);
        await withFile(bytes, (file) => assertFinds(reader, file, wantedBy(reader, bytes)));
      },
    );
  }

  validatorTest(
    `the Open XML SDK finds nothing wrong with a workbook of every feature ${form}`,
    async () => {
      const bytes = await featureWorkbook(sharedStrings);
      await withFile(bytes, async (file) => assert.deepEqual(await validate(file), []));
    },
  );

  for (const { name, programs, list } of ZIP_READERS) {
    readerTest(
      `${name} reads every entry of a workbook of every feature ${form}`,
      programs,
      async () => {
        const bytes = await featureWorkbook(sharedStrings);
        const wanted = readZip(bytes).map(({ name, content }) => `${name} ${content.length}`);
        await withFile(bytes, async (file) => assert.deepEqual(await list(file), wanted));
      },
    );
  }
}
