/** Which number formats show a date or a time. */

import assert from "node:assert/strict";
import { builtInReading, readingOf } from "../../../../sources/upload/xlsx/number_formats.ts";
import { parseNumber } from "../../../../sources/upload/xlsx/numbers.ts";

/** Formats of Excel and of other programs, and what they show. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  date: [
    "yyyy\\-mm\\-dd",
    "m/d/yy",
    "[$-409]mmmm\\ d\\,\\ yyyy;@",
    "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy",
    'yyyy"年"m"月"d"日";@',
    '[$-411]ggge"年"m"月"d"日"',
    "mmm-yy",
    "mmmm",
    "dd/mm/yyyy;\\-0;;@",
    "[<=99999]dd.mm.yyyy;0",
    "bbbb",
    "D-MMM-YYYY",
  ],
  datetime: [
    "yyyy-mm-dd hh:mm:ss",
    "m/d/yy h:mm AM/PM",
    "dd.mm.yyyy\\ hh:mm",
    "d h:mm",
    "mm:mmm h",
  ],
  "datetime with fractions": ["yyyy-mm-dd hh:mm:ss.000", "d/m hh:mm:ss,0"],
  time: [
    "h:mm",
    "h:mm:ss\\ AM/PM",
    "[$-F400]h:mm:ss\\ AM/PM",
    "mm:ss",
    "hh",
    'h"時"mm"分"',
    "ss",
    "A/P h",
  ],
  "time with fractions": ["mm:ss.0", "mmss.0", "h:mm:ss.000"],
  duration: ["[h]:mm:ss", "[hh]:mm", "[mm]:ss", "[Red][s]", "[HH]:MM"],
  "duration with fractions": ["[h]:mm:ss.000", "[s].00"],
  number: [
    "General",
    "0",
    "0.00",
    "#,##0.00_);[Red]\\(#,##0.00\\)",
    '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)',
    "0%",
    "0.00E+00",
    "##0.0e-0",
    "# ?/?",
    "@",
    '#,##0\\ "days"',
    "[$€-2] #,##0",
    "[$kr-41D]\\ #,##0",
    "[DBNum1][$-804]General",
    "[Red]0;[Blue]\\-0",
    '"h:mm"',
    "0\\d",
    "",
    "hm".repeat(200),
  ],
};

for (const [shown, codes] of Object.entries(FORMATS)) {
  Deno.test(`formats of a ${shown}`, () => {
    for (const code of codes) {
      const reading = readingOf(code);
      const found = reading
        ? `${reading.type}${reading.fractions ? " with fractions" : ""}`
        : "number";
      assert.equal(found, shown, code);
    }
  });
}

Deno.test("formats that a workbook does not spell", () => {
  const types = [
    0,
    9,
    13,
    14,
    17,
    18,
    21,
    22,
    23,
    27,
    36,
    37,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    58,
    59,
    164,
  ];
  assert.deepEqual(types.map((id) => builtInReading(id)?.type ?? "number"), [
    ...["number", "number", "number", "date", "date", "time", "time", "datetime", "number"],
    ...["date", "date", "number", "number", "time", "duration", "time", "number", "number"],
    ...["date", "date", "number", "number"],
  ]);
});

Deno.test("numbers keep what a double does not", () => {
  const numbers: readonly (readonly [string, number | bigint | string | undefined])[] = [
    ["12", 12],
    ["+1.50", 1.5],
    ["1e3", 1000],
    ["1.7976931348623157E+308", 1.7976931348623157e308],
    ["1e400", "1e400"],
    ["-0.0", 0],
    ["000123456789012345678", 123456789012345678n],
    ["9007199254740992", 9007199254740992n],
    ["9007199254740991", 9007199254740991],
    ["0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"],
    ["2.50000000000000000000", 2.5],
    ["1".repeat(101), "1".repeat(101)],
    ["-INF", -Infinity],
    ["constructor", undefined],
    [`0.1${"0".repeat(100)}`, `0.1${"0".repeat(100)}`],
    ["", undefined],
    [".", undefined],
    ["1.2.3", undefined],
    ["0x10", undefined],
    ["1 2", undefined],
    ["１２", undefined],
  ];
  for (const [text, expected] of numbers) assert.equal(parseNumber(text), expected, text);
});
