/**
 * Texts of workbooks that are not ours: the readers that are said to misread some of ours misread these
 * too. One that is mended fails here, and is then said to misread no more.
 */

import { saveAs } from "./office.ts";
import { PYTHON, readerTest, runProgram } from "./programs.ts";
import { assertFinds } from "./reader.ts";
import { escaped, READERS } from "./readers.ts";

/** LibreOffice writes an escape's letters small, and CR as it is: the one control here has neither. */
const TEXTS = ["plain", "_x0041_ is no A", "a \x01 control", "<b>&amp;</b>"];

/** Makes a workbook of texts, each in a row; openpyxl leaves the escapes to its caller. */
const MAKE = `import openpyxl, sys
file, *texts = sys.argv[1:]
book = openpyxl.Workbook()
book.active.title = "Sheet1"
for text in texts:
    book.active.append([text])
book.save(file)`;

/** The strings of openpyxl are inline, those of LibreOffice shared. */
interface Files {
  readonly inlineStr: string;
  readonly s: string;
}

/** Makes the two workbooks, the second one from the first. */
async function makeFiles(folder: string): Promise<Files> {
  const inlineStr = `${folder}/texts.xlsx`;
  await runProgram(PYTHON, ["-c", MAKE, inlineStr, ...TEXTS.map(escaped)]);
  await saveAs("xlsx", [inlineStr], `${folder}/shared`);
  return { inlineStr, s: `${folder}/shared/texts.xlsx` };
}

let folder: string | undefined;
let files: Promise<Files> | undefined;

Deno.test.afterAll(() => {
  if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
});

for (const reader of READERS) {
  const { name, programs, misread } = reader;
  if (misread === undefined) continue;
  const makers = [["inlineStr", "openpyxl"], ["s", "LibreOffice"]] as const;
  for (const [type, maker] of makers) {
    readerTest(
      `${name} reads the texts of a workbook that ${maker} has made as it reads ours`,
      [...new Set([...programs, "openpyxl", "soffice"] as const)],
      async () => {
        folder ??= Deno.makeTempDirSync({ prefix: "spillway-misread-" });
        const file = (await (files ??= makeFiles(folder)))[type];
        await assertFinds(reader, file, ["Sheet1", ...TEXTS.map((text) => [misread(text, type)])]);
      },
    );
  }
}
