/**
 * Workbooks with bytes changed at random: each is read or refused, quickly and in little memory. Some hundreds by
 * default; `SPILLWAY_SOAK=1` makes ten thousand, `SPILLWAY_MUTATIONS` any number, and `SPILLWAY_SEED` other ones.
 */

import assert from "node:assert/strict";
import { AUDIT_COLUMNS, auditRows } from "../../../../examples/demo_data.ts";
import { createXlsx } from "../../../../exporters/xlsx/mod.ts";
import { UploadError } from "../../../../sources/upload/reader.ts";
import type { Row } from "../../../../table/table.ts";
import { exportTable, tableOf } from "../../../exporters/tables.ts";
import { readSheet, sheetXml, stringsXml, stylesXml, workbookParts } from "./workbook_file.ts";
import { zipFile, type ZipPart } from "./zip_file.ts";

const SOAK = Deno.env.get("SPILLWAY_SOAK") === "1";
const MUTATIONS = Number(Deno.env.get("SPILLWAY_MUTATIONS") ?? (SOAK ? 10_000 : 300));
const SEED = Number(Deno.env.get("SPILLWAY_SEED") ?? 1);

/** Bytes that markup, numbers and references are made of, as those that break most. */
const TELLING = new TextEncoder().encode("<>/&;\"'=!?-[]{} \n0189.eE+ACRXcrvstfix:_#%");

/** What a reader may hold at its end, in bytes: strings, a row, an inflater, and what is not collected yet. */
const MAX_GROWTH = 512 * 2 ** 20;

/** Numbers below a bound, the same for a seed (mulberry32). */
function createRandom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % bound;
  };
}

type Random = ReturnType<typeof createRandom>;

/** Bytes with some of them changed, left out, doubled or put elsewhere. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let changed = bytes.slice();
  for (let times = 1 + random(4); times > 0 && changed.length > 0; times--) {
    const at = random(changed.length);
    const length = Math.min(1 + random(random(4) === 0 ? 200 : 8), changed.length - at);
    switch (random(5)) {
      case 0:
        changed[at] = random(256);
        break;
      case 1:
        changed[at] = TELLING[random(TELLING.length)]!;
        break;
      case 2:
        changed.copyWithin(random(changed.length), at, at + length);
        break;
      case 3: {
        const shorter = new Uint8Array(changed.length - length);
        shorter.set(changed.subarray(0, at));
        shorter.set(changed.subarray(at + length), at);
        changed = shorter;
        break;
      }
      default: {
        const longer = new Uint8Array(changed.length + length);
        longer.set(changed.subarray(0, at + length));
        longer.set(changed.subarray(at), at + length);
        changed = longer;
      }
    }
  }
  return changed;
}

/** Bytes of text of which each character is one. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Parts of a workbook in which each way of writing a cell stands. */
function variedParts(): ZipPart[] {
  const cells = [
    '<c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><v>46024.5</v></c><c r="C1" t="b"><v>1</v></c>',
    '<c r="A2" t="inlineStr"><is><r><t xml:space="preserve"> a&amp;b_x000A_</t></r><rPh><t>p</t></rPh></is></c>',
    '<c><f t="shared" si="0">A1</f><v>-12.5e-3</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>"x"</f><v>x</v></c>',
    '<c r="B4" t="d"><v>2026-01-02</v></c><c r="A4"><v>123456789012345678901</v></c><c r="XFD4"/>',
  ];
  const rows = cells.map((xml, index) => `<row r="${index + 1}" spans="1:3">${xml}</row>\n`).join(
    "",
  );
  return workbookParts({
    sheets: { Data: sheetXml(rows), Other: sheetXml("") },
    strings: stringsXml(["<t>größe 👍</t>", "<r><t>a</t></r><r><t>b</t></r>", "<t/>"]),
    styles: stylesXml([0, "yyyy-mm-dd hh:mm:ss.000", 46]),
    states: { Other: 'state="hidden"' },
  });
}

/**
 * A part or two changed, within a ZIP file that is whole: the reader has to look at them.
 */
function mutatedParts(parts: readonly ZipPart[], random: Random): readonly ZipPart[] {
  const changed = random(parts.length);
  const other = random(8) === 0 ? random(parts.length) : changed;
  return parts.map((part, index) => {
    if (index !== changed && index !== other) return part;
    const { content } = part;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return { ...part, content: mutated(bytes, random), method: random(2) * 8 };
  });
}

/** The same parts with comments before their first items, which only saxes takes. */
function forSaxes(parts: readonly ZipPart[]): readonly ZipPart[] {
  return parts.map((part) => {
    if (typeof part.content === "string") return { ...part, content: commented(part.content) };
    const text = new TextDecoder("latin1").decode(part.content);
    return text === commented(text) ? part : { ...part, content: bytesOf(commented(text)) };
  });
}

function commented(text: string): string {
  return text.replace("<sheetData>", "$&<!-- -->").replace("<si>", "<!-- -->$&");
}

/** What a file is read as; nothing where it is refused. */
async function readOrRefuse(file: Uint8Array): Promise<readonly Row[] | undefined> {
  try {
    return (await readSheet(file, { maxCells: 1_000_000, maxRow: 1_000_000 })).rows;
  } catch (error) {
    if (error instanceof UploadError) return undefined;
    throw error;
  }
}

Deno.test(`${MUTATIONS} workbooks with bytes changed are read or refused`, async () => {
  const { bytes } = await exportTable(createXlsx(), tableOf(AUDIT_COLUMNS, [...auditRows(20)]));
  const parts = variedParts();
  const before = Deno.memoryUsage().rss;
  let read = 0;
  for (let seed = SEED; seed < SEED + MUTATIONS; seed++) {
    const random = createRandom(seed);
    try {
      // Most of these fail at the checks of the ZIP file.
      if (random(4) === 0) {
        await readOrRefuse(mutated(bytes, random));
        continue;
      }
      const changed = mutatedParts(parts, random);
      const rows = await readOrRefuse(zipFile(changed));
      const bySaxes = await readOrRefuse(zipFile(forSaxes(changed)));
      // The scanner may read what is not quite XML, but nothing otherwise than saxes does.
      if (bySaxes) assert.deepEqual(rows, bySaxes);
      if (rows) read++;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  const growth = Deno.memoryUsage().rss - before;
  assert.ok(growth < MAX_GROWTH, `${growth} bytes`);
  // The changes are looked at, and leave something of the files.
  assert.ok(read > MUTATIONS / 20 && read < MUTATIONS * 0.9, `${read} were read`);
});
