/** Every program that the tests read the entries of a ZIP file with. */

import { type Program, PYTHON, runProgram } from "./programs.ts";

/** A program that checks every entry. */
export interface ZipReader {
  /** What it is called in the tests. */
  readonly name: string;
  /** The programs that it needs. */
  readonly programs: readonly Program[];
  /**
   * Reads a file to its end; gives a line for each entry, its name and its size.
   *
   * @throws {Error} when it finds a fault
   */
  list(file: string): Promise<readonly string[]>;
}

const ZIPFILE = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as file:
    assert file.testzip() is None
    for entry in file.infolist():
        print(entry.filename, entry.file_size)`;

/** The programs. */
export const ZIP_READERS: readonly ZipReader[] = [
  {
    name: "Python's zipfile",
    programs: ["python"],
    list: async (file) => linesOf(await runProgram(PYTHON, ["-c", ZIPFILE, file])),
  },
  {
    name: "unzip",
    programs: ["unzip"],
    async list(file) {
      const said = await runProgram("unzip", ["-tq", file]);
      // It ends with 0 after some warnings too.
      if (said !== `No errors detected in compressed data of ${file}.\n`) throw new Error(said);
      const listing = linesOf(await runProgram("unzip", ["-lqq", file]));
      return listing.map((line) => line.replace(/^ *(\d+) +\S+ +\S+ +(.*)$/, "$2 $1"));
    },
  },
  {
    // It streams a file, without its central directory.
    name: "Java's ZipInputStream",
    programs: ["java"],
    async list(file) {
      const script = new URL("./ReadZip.java", import.meta.url).pathname;
      return linesOf(await runProgram("java", [script, file]));
    },
  },
];

function linesOf(text: string): readonly string[] {
  return text.trimEnd().split("\n");
}
