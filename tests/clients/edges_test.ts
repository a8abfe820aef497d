/** Dates and times at the edges of what a worksheet holds, as the programs read them that people use. */

import assert from "node:assert/strict";
import type { Column, Row } from "../../table/table.ts";
import { xlsx } from "../../exporters/xlsx/mod.ts";
import { exportTable, tableOf } from "../exporters/tables.ts";
import { withFile } from "./features.ts";
import { readerTest } from "./programs.ts";
import { assertFinds, type ReadValue, sameValue, type Wanted, type WantedValue } from "./reader.ts";
import { READERS } from "./readers.ts";
import { validate, validatorTest } from "./validator.ts";

const COLUMNS: readonly Column[] = [
  { name: "moment", title: "Moment", type: "datetime" },
  { name: "clock", title: "Clock", type: "time" },
  { name: "span", title: "Span", type: "duration" },
  { name: "amount", title: "Amount", type: "decimal" },
];

const DAY = 86_400_000;

/** Milliseconds of a day. */
const LAST_MS = DAY - 1;

/** Cells, and what should be read of them. */
const EDGES: readonly (readonly [cells: Row, wanted: readonly WantedValue[]])[] = [
  [
    ["1900-03-01 00:00:00.001", "00:00:00.001", "PT0.001S", "3.3333333333333333"],
    [{ serial: 61 + 1 / DAY }, { serial: 1 / DAY }, { serial: 1 / DAY }, 3.3333333333333335],
  ],
  [
    ["9999-12-31 23:59:59.999", "23:59:59.999", "PT9999H59M59.999S", "2180.0000000000000000"],
    [
      { serial: 2_958_465 + LAST_MS / DAY },
      { serial: LAST_MS / DAY },
      { serial: (9999 * 3_600_000 + 3_599_999) / DAY },
      2180,
    ],
  ],
  [
    ["9999-12-31 23:59:59.9999", "838:59:59", "-PT1H", "12345678901234567890"],
    [
      "9999-12-31 23:59:59.9999",
      { serial: (838 * 3600 + 3599) / 86_400 },
      "-PT1H",
      "12345678901234567890",
    ],
  ],
  [
    ["infinity", "-838:59:59", "P1Y2M", "NaN"],
    ["infinity", "-838:59:59", "P1Y2M", "NaN"],
  ],
];

function* wanted(): Generator<Wanted> {
  yield "Table";
  yield COLUMNS.map(({ title }) => title);
  for (const [, values] of EDGES) yield values;
}

async function edgesWorkbook(): Promise<Uint8Array> {
  const rows = EDGES.map(([cells]) => cells);
  return (await exportTable(xlsx, tableOf(COLUMNS, rows))).bytes;
}

/** LibreOffice saves 15 digits. */
function agrees(wanted: WantedValue, found: ReadValue): boolean {
  if (typeof wanted !== "number" || typeof found !== "number") return sameValue(wanted, found);
  return Math.abs(found - wanted) <= Math.abs(wanted) * 1e-14;
}

// What LibreOffice writes of a time to CSV has no fraction of a second.
for (const reader of READERS.filter(({ name }) => name !== "LibreOffice, to CSV,")) {
  readerTest(
    `${reader.name} reads dates and times at the edges`,
    reader.programs,
    async () => {
      await withFile(
        await edgesWorkbook(),
        (file) => assertFinds({ read: reader.read, agrees }, file, wanted()),
      );
    },
  );
}

validatorTest(
  "the Open XML SDK finds nothing wrong with dates and times at the edges",
  async () => {
    await withFile(
      await edgesWorkbook(),
      async (file) => assert.deepEqual(await validate(file), []),
    );
  },
);
