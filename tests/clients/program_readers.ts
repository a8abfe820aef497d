/** Reads workbooks with programs that are no JavaScript. */

import { createReadStream } from "node:fs";
import { parse } from "csv-parse";
import { saveAs } from "./office.ts";
import { POI_JARS, programLines, PYTHON } from "./programs.ts";
import type { Found, ReadValue, WantedValue } from "./reader.ts";
import { sameValue } from "./reader.ts";
import { readSheetJs } from "./javascript_readers.ts";

/** A reader of a million rows takes a minute of a core of its own, which it may not have: it hangs later. */
const TIME_LIMIT_MS = 1_800_000;

/** openpyxl, `normal` or `read-only`. */
export function readOpenpyxl(file: string, mode: "normal" | "read-only"): AsyncIterable<Found> {
  // -B: no __pycache__ in the tree.
  return readLines(PYTHON, ["-B", pathOf("read_openpyxl.py"), file, mode]);
}

/** Apache POI. */
export function readPoi(file: string): AsyncIterable<Found> {
  return readLines("java", ["-cp", POI_JARS.join(":"), pathOf("ReadPoi.java"), file]);
}

async function* readLines(path: string, args: readonly string[]): AsyncGenerator<Found> {
  for await (const line of programLines(path, args, { timeLimit: TIME_LIMIT_MS })) {
    yield JSON.parse(line) as Found;
  }
}

/** The path of a file of this folder. */
function pathOf(name: string): string {
  return new URL(`./${name}`, import.meta.url).pathname;
}

/** A workbook that LibreOffice has opened and saved again, as SheetJS reads it. */
export async function* readSavedAgain(file: string): AsyncGenerator<Found> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-saved-" });
  try {
    await saveAs("xlsx", [file], folder);
    yield* readSheetJs(`${folder}/${file.split("/").at(-1)}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * CSV in UTF-8 of every sheet (-1), of values and not of what is shown; see "Filter Options for CSV" in
 * LibreOffice's help.
 */
const EVERY_SHEET = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false,false,false,false,-1";

/** The CSV that LibreOffice makes of each sheet; what it finds is text, or null. */
export function readOfficeCsv(file: string): AsyncGenerator<Found> {
  return readOfficeCsvs([file]);
}

/** The same of several files, which LibreOffice is started once for. */
export async function* readOfficeCsvs(files: readonly string[]): AsyncGenerator<Found> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-csv-" });
  try {
    const said = await saveAs(EVERY_SHEET, files, folder);
    for (const [, name, path] of said.matchAll(/^Writing sheet (.*) -> (.*)$/gm)) {
      yield name!;
      const parser = parse({ relax_column_count: true });
      for await (const row of createReadStream(path!).pipe(parser) as AsyncIterable<string[]>) {
        yield row.map((text) => text === "" ? null : text);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether the text that LibreOffice writes for a value is one for the value that it should be. */
export function sameOfficeText(wanted: WantedValue, found: ReadValue): boolean {
  if (wanted === null || typeof wanted === "string" || typeof found !== "string") {
    return wanted === found;
  }
  if (typeof wanted === "boolean") return found === String(wanted).toUpperCase();
  return sameValue(wanted, numberOf(found));
}

const DATE = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d))?$/;
const TIME = /^(\d+):(\d\d):(\d\d)(?: (AM|PM))?$/;

/** The number that LibreOffice shows as a number, a percentage, a date, a time or a duration. */
function numberOf(text: string): ReadValue {
  const date = DATE.exec(text);
  if (date) {
    const [, day, time = "00:00:00"] = date;
    return Date.parse(`${day}T${time}Z`) / 86_400_000 + 25_569;
  }
  const time = TIME.exec(text);
  if (time) {
    const [, hour, minute, second, half] = time;
    const hours = half === undefined ? Number(hour) : Number(hour) % 12 + (half === "PM" ? 12 : 0);
    return (hours * 3600 + Number(minute) * 60 + Number(second)) / 86_400;
  }
  if (/^-?[\d.]+%$/.test(text)) return Number(text.slice(0, -1)) / 100;
  return /^-?[\d.]+(?:E[+-]\d+)?$/.test(text) ? Number(text) : text;
}
