import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "csv-parse/sync";
import { csv, tsv } from "../../exporters/csv/mod.ts";
import { type CsvOptions, type Dialect, DIALECTS } from "../../exporters/csv/options.ts";
import { TableError } from "../../exporters/exporter.ts";
import { Warnings } from "../../exporters/warnings.ts";
import type { Cell, Column } from "../../table/table.ts";
import {
  type DecodedRows,
  exporterContract,
  HOSTILE_NAMES,
} from "../contracts/exporter_contract.ts";
import { column, exportTable, exportText, tableOf } from "./tables.ts";

function decode(separator: string) {
  return (bytes: Uint8Array, header: readonly string[]): DecodedRows => {
    const [first, ...rows] = parse(bytes, { delimiter: separator, recordDelimiter: "\r\n" });
    assert.deepEqual(first, header);
    return rows;
  };
}

const FIXTURE = {
  nullText: "",
  hostileNames: HOSTILE_NAMES.map((name) => name === "=cmd" ? "'=cmd" : name),
  renamed: 0,
  hasEnd: false,
};

exporterContract("csv", csv, { ...FIXTURE, decode: decode(",") });
exporterContract("tsv", tsv, { ...FIXTURE, decode: decode("\t") });

/** One row of cells, each in a string column unless a type is given, without the header. */
function fields(
  cells: readonly Cell[],
  options: CsvOptions = {},
  type: Parameters<typeof column>[1] = "string",
): Promise<string> {
  const columns = cells.map((_, index) => column(`c${index}`, type));
  return exportText(csv, columns, [cells], { header: false, ...options });
}

Deno.test("csv: lines end with CRLF, the last one too", async () => {
  const columns = [column("id", "integer"), column("name")];
  const text = await exportText(csv, columns, [[1, "Ada"], [2, "Grace"]]);
  assert.equal(text, "id,name\r\n1,Ada\r\n2,Grace\r\n");
});

Deno.test("csv: the header shows titles", async () => {
  const columns = [{ name: "at", title: "When, exactly", type: "datetime" as const }];
  assert.equal(await exportText(csv, columns, []), '"When, exactly"\r\n');
});

Deno.test("csv: quotes stand only where a reader needs them", async () => {
  const cells = ["a,b", 'a"b', "a\rb", "a\nb", "a;b", "a\tb", " a ", "a'b", "a\\b", "안녕"];
  assert.equal(
    await fields(cells),
    '"a,b","a""b","a\rb","a\nb",a;b,a\tb, a ,a\'b,a\\b,안녕\r\n',
  );
});

Deno.test("csv: null is empty, the empty string is quoted", async () => {
  assert.equal(await fields([null, "", "x", null]), ',"",x,\r\n');
});

Deno.test("csv: what equals the null text is quoted, and null is not", async () => {
  assert.equal(await fields([null, "NULL", "", "null"], { null: "NULL" }), 'NULL,"NULL",,null\r\n');
  assert.equal(await fields([null, 0, 0n, "0"], { null: "0" }), '0,"0","0","0"\r\n');
  assert.equal(await fields([null, "0.0", "0"], { null: "0" }, "decimal"), '0,0.0,"0"\r\n');
  assert.equal(await fields([null, true, false], { null: "true" }), 'true,"true",false\r\n');
});

Deno.test("csv: the null text is neither a formula nor a second field", async () => {
  assert.equal(await fields([null, 1], { null: "=1+1" }), "'=1+1,1\r\n");
  assert.equal(await fields([null, 1], { null: "=1+1", formulaGuard: false }), "=1+1,1\r\n");
  assert.equal(await fields([null, 1], { null: "-" }), "-,1\r\n");
  assert.equal(await fields([null, 1], { null: "a,b" }), '"a,b",1\r\n');
  assert.equal(await fields([null, 1], { null: "x;=1" }), "x;'=1,1\r\n");
});

Deno.test("csv: the only field of a row is never an empty line", async () => {
  const columns = [{ name: "", title: "", type: "string" as const }];
  const rows = [[null], [""], ["x"]];
  assert.equal(await exportText(csv, columns, rows), '""\r\n""\r\n""\r\nx\r\n');
  assert.equal(await exportText(csv, columns, rows, { null: "-" }), '""\r\n-\r\n""\r\nx\r\n');
});

Deno.test("csv: formulas in text are guarded, and each such cell is counted once", async () => {
  const texts = ["=1", "\rx", "x", "a;=1", 'a;"=1', "=1;=2,=3", "x;-cmd|1", "37.5, -122.4"];
  assert.equal(
    await fields(texts),
    `'=1,"'\rx",x,a;'=1,"a;'""=1","'=1;'=2,'=3",x;'-cmd|1,"37.5, -122.4"\r\n`,
  );
  const { warnings } = await exportTable(csv, tableOf([column("a")], texts.map((f) => [f])));
  assert.deepEqual(warnings, [{ kind: "formula-guarded", column: "a", count: 6 }]);
});

Deno.test("csv: a title that is a formula is guarded, and counted", async () => {
  const columns = [{ name: "a", title: "=HYPERLINK(1)", type: "integer" as const }];
  const { bytes, warnings } = await exportTable(csv, tableOf(columns, [[-1]]));
  assert.equal(new TextDecoder().decode(bytes), "'=HYPERLINK(1)\r\n-1\r\n");
  assert.deepEqual(warnings, [{ kind: "formula-guarded", column: "a", count: 1 }]);
});

Deno.test("csv: numbers are never guarded, what only sits in a number column is", async () => {
  for (const type of ["integer", "number", "decimal"] as const) {
    const cells = [-1, -1.5, -5n, "-12.50", "+1", "-.5e-3", "-Infinity", -Infinity, -0];
    assert.equal(
      await fields(cells, {}, type),
      "-1,-1.5,-5,-12.50,+1,-.5e-3,-Infinity,-Infinity,-0\r\n",
    );
    assert.equal(
      await fields(["-1+cmd|' /C calc'!A0", "-", "- 1", "=1", "-1\n", "-1,5"], {}, type),
      "'-1+cmd|' /C calc'!A0,'-,'- 1,'=1,\"'-1\n\",\"'-1,5\"\r\n",
    );
  }
  assert.equal(await fields([1, -1n, "-1"]), "1,-1,'-1\r\n");
  // To who splits at `;` a row that begins with a sign is one field: its text is in quotes.
  assert.equal(await fields([-1, -1n, "-1"]), '-1,-1,"\'-1"\r\n');
});

Deno.test("csv: text is guarded in columns of every other type", async () => {
  for (const type of ["boolean", "date", "datetime", "time", "json", "binary"] as const) {
    assert.equal(await fields(["=1", "-12:00:00"], {}, type), "'=1,'-12:00:00\r\n");
  }
  assert.equal(await fields([new Uint8Array([0xf8])]), "'+A==\r\n");
});

Deno.test("csv: formulas stay where the guard is off", async () => {
  assert.equal(
    await fields(["=1", "\tx", "a;=1"], { formulaGuard: false }),
    "=1,\tx,a;=1\r\n",
  );
});

Deno.test("csv: a mark inside the first field is not the file's", async () => {
  assert.equal(await fields(["\ufeffa", "b"]), '"\ufeffa",b\r\n');
});

const WHEN = [{ name: "at", title: "When", type: "datetime" as const, timezone: "Asia/Seoul" }];

Deno.test("csv: dialect excel begins with a mark, names the zone and writes a wall clock", async () => {
  const rows = [["2026-01-02T03:04:05.5Z"], ["later"], ["2026-01-02"], [null]];
  assert.equal(
    await exportText(csv, WHEN, rows, { dialect: "excel" }),
    '\ufeffWhen (Asia/Seoul)\r\n2026-01-02 12:04:05.5\r\nlater\r\n2026-01-02\r\n""\r\n',
  );
});

Deno.test("csv: dialect excel-semicolon splits at semicolons, and quotes those alone", async () => {
  const columns = [...WHEN, column("note"), column("amount", "decimal")];
  const rows = [["2026-01-02 03:04:05", "a,b", "1.50"], [null, "a;b", null]];
  assert.equal(
    await exportText(csv, columns, rows, { dialect: "excel-semicolon" }),
    '\ufeffWhen (Asia/Seoul);note;amount\r\n2026-01-02 12:04:05;a,b;1.50\r\n;"a;b";\r\n',
  );
});

Deno.test("csv: dialect postgres has names, LF, hex and offsets, as COPY reads them", async () => {
  const columns = [...WHEN, column("note"), column("file", "binary")];
  const rows = [
    ["2026-01-02 03:04:05+00", "=1+1", new Uint8Array([0, 255])],
    [null, "", null],
    ["infinity", "a\nb", "\\."],
  ];
  assert.equal(
    await exportText(csv, columns, rows, { dialect: "postgres", formulaGuard: false }),
    'at,note,file\n2026-01-02T12:04:05+09:00,=1+1,\\x00ff\n,"",\ninfinity,"a\nb","\\."\n',
  );
});

Deno.test("csv: a link that names the dialect postgres does not turn the guard off", async () => {
  const text = await exportText(csv, [column("a")], [["=1+1"], ["x;=1+1"], ["\\."]], {
    dialect: "postgres",
  });
  assert.equal(text, "a\n'=1+1\nx;'=1+1\n\"\\.\"\n");
});

Deno.test("csv: the guard can be for spreadsheets, which COPY is not", async () => {
  const rows = [["=1+1"], ["x;=1+1"]];
  for (const dialect of DIALECTS) {
    const options = { dialect, header: false, bom: false, formulaGuard: "spreadsheets" } as const;
    assert.equal(
      await exportText(csv, [column("a")], rows, options),
      dialect === "postgres"
        ? "=1+1\nx;=1+1\n"
        : dialect === "excel-semicolon"
        ? "'=1+1\r\n\"x;'=1+1\"\r\n"
        : "'=1+1\r\nx;'=1+1\r\n",
    );
  }
  assert.equal(
    await exportText(tsv, [column("a")], rows, { formulaGuard: "spreadsheets" }),
    "a\r\n'=1+1\r\nx;'=1+1\r\n",
  );
});

Deno.test("csv: dialect postgres writes a lone null as COPY does, an empty line", async () => {
  const text = await exportText(csv, [column("a")], [[null], [""], ["x"]], { dialect: "postgres" });
  assert.equal(text, 'a\n\n""\nx\n');
});

Deno.test("csv: dialect postgres refuses a null text that COPY refuses", () => {
  for (const text of ["a,b", '"', "a\n"]) {
    const table = tableOf([column("a")], []);
    const options = { dialect: "postgres", null: text } as const;
    assert.throws(() => csv.encode(table, options, new Warnings()), TableError);
    assert.equal(table.batches.locked, false);
  }
});

Deno.test("csv: dialect tsv splits at tabs, and is what the format tsv writes in any dialect", async () => {
  const columns = [...WHEN, column("note"), column("text")];
  const rows = [["2026-01-02T03:04:05Z", "a\tb", "a,b;c"], [null, 'say "hi"', "x,=1"]];
  const expected = "When\tnote\ttext\r\n" +
    '2026-01-02T12:04:05+09:00\t"a\tb"\ta,b;c\r\n' +
    '\t"say ""hi"""\tx,\'=1\r\n';
  assert.equal(await exportText(csv, columns, rows, { dialect: "tsv" }), expected);
  assert.equal(await exportText(tsv, columns, rows), expected);
  assert.equal(await exportText(tsv, columns, rows, { dialect: "excel" }), expected);
});

Deno.test("csv: the mark and the header come and go where an option says so", async () => {
  const columns = [column("a")];
  assert.equal(await exportText(csv, columns, [["x"]], { bom: true }), "\ufeffa\r\nx\r\n");
  assert.equal(
    await exportText(csv, columns, [["x"]], { dialect: "excel", bom: false, header: false }),
    "x\r\n",
  );
  assert.equal(await exportText(csv, columns, [], { header: false }), "");
});

Deno.test("csv: a datetime without a column zone is written as stored, but for Excel", async () => {
  const cells = ["2026-01-02T03:04Z", "2026-01-02T03:04:05", "2026-01-02 03:04:05.25+00"];
  for (const dialect of DIALECTS) {
    const text = await exportText(csv, [column("at", "datetime")], cells.map((cell) => [cell]), {
      dialect,
      header: false,
      bom: false,
    });
    const written = dialect.startsWith("excel")
      ? ["2026-01-02 03:04:00", "2026-01-02 03:04:05", "2026-01-02 03:04:05.25"]
      : cells;
    assert.deepEqual(text.trimEnd().split(/\r?\n/), written, dialect);
  }
});

/** A column of datetimes as the dialect for Excel has it, and what was counted. */
async function excelDates(cells: readonly Cell[], more: Partial<Column> = {}, header = true) {
  const columns = [{ ...column("at", "datetime"), title: "When", ...more }];
  const options = { dialect: "excel", bom: false, header } as const;
  const table = tableOf(columns, cells.map((cell) => [cell]));
  const { bytes, warnings } = await exportTable(csv, table, options);
  return { lines: new TextDecoder().decode(bytes).trimEnd().split("\r\n"), warnings };
}

Deno.test("csv: Excel gets datetimes with an offset as a wall clock in UTC, named in the header", async () => {
  const { lines, warnings } = await excelDates([
    null,
    "2026-01-01T00:00:00+00:00",
    "2026-01-01T00:00:00Z",
    "2026-01-01T08:30:00.125+09:00",
    "2025-12-31 19:00:00-05",
    "2026-01-01 09:00+09",
    "2026-01-01 00:00:00",
    "n/a",
    "0001-01-01T00:00:00+01:00",
    20260101,
  ]);
  assert.deepEqual(lines, [
    "When (UTC)",
    '""',
    "2026-01-01 00:00:00",
    "2026-01-01 00:00:00",
    "2025-12-31 23:30:00.125",
    "2026-01-01 00:00:00",
    "2026-01-01 00:00:00",
    "2026-01-01 00:00:00",
    "n/a",
    "0000-12-31 23:00:00",
    "20260101",
  ]);
  assert.deepEqual(warnings, []);
});

Deno.test("csv: Excel is told no zone where there is none, and another one by its name", async () => {
  assert.deepEqual((await excelDates(["2026-01-01 00:00:00"])).lines[0], "When");
  assert.deepEqual((await excelDates(["n/a", null, 5])).lines[0], "When");
  const zoned = await excelDates([null], { timezone: "America/New_York" });
  assert.deepEqual(zoned.lines[0], "When (America/New_York)");
  const said = await excelDates(["2026-01-01T00:00:00Z"], { title: "When (UTC)" });
  assert.deepEqual(said.lines[0], "When (UTC)");
  const rows = [["2026-01-01T00:00:00Z"]];
  const named = await exportText(csv, [column("at", "datetime")], rows, { dialect: "postgres" });
  assert.equal(named, "at\n2026-01-01T00:00:00Z\n");
});

Deno.test("csv: an offset that is left out under a header that names no zone is counted", async () => {
  const late = [...Array<Cell>(100).fill(null), "2026-01-01T09:00:00+09:00", "2026-01-01 00:00:00"];
  const { lines, warnings } = await excelDates(late);
  assert.deepEqual([lines[0], ...lines.slice(-2)], [
    "When",
    "2026-01-01 00:00:00",
    "2026-01-01 00:00:00",
  ]);
  assert.deepEqual(warnings, [{ kind: "zone-unnamed", column: "at", count: 1 }]);
  const headless = await excelDates(["2026-01-01T09:00:00+09:00"], {}, false);
  assert.deepEqual(headless, {
    lines: ["2026-01-01 00:00:00"],
    warnings: [{ kind: "zone-unnamed", column: "at", count: 1 }],
  });
  const zone = { timezone: "Asia/Seoul" };
  assert.deepEqual((await excelDates(["2026-01-01T00:00:00Z"], zone, false)).warnings, []);
});

Deno.test("csv: a row that is too short is filled with nulls", async () => {
  assert.equal(await exportText(csv, [column("a"), column("b")], [["x"]]), "a,b\r\nx,\r\n");
});

Deno.test("csv: an unknown time zone fails at once, before the batches are taken", () => {
  const table = tableOf([column("at", "datetime", "Mars/Olympus")], []);
  assert.throws(() => csv.encode(table, {}, new Warnings()), /time zone "Mars\/Olympus"/);
  assert.equal(table.batches.locked, false);
});

const READER: Readonly<Record<Dialect, { delimiter: string; recordDelimiter: string }>> = {
  rfc4180: { delimiter: ",", recordDelimiter: "\r\n" },
  excel: { delimiter: ",", recordDelimiter: "\r\n" },
  "excel-semicolon": { delimiter: ";", recordDelimiter: "\r\n" },
  postgres: { delimiter: ",", recordDelimiter: "\n" },
  tsv: { delimiter: "\t", recordDelimiter: "\r\n" },
};

/** Text of which much needs quotes or the guard, and any other text. */
const anyText = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."ab,;\t\r\n\"'\\. =+-@\0＝\ufeff") }),
  fc.string({ unit: "binary" }),
);

const anyRows = fc.integer({ min: 2, max: 5 }).chain((width) =>
  fc.array(fc.array(fc.option(anyText), { minLength: width, maxLength: width }), { maxLength: 8 })
    .map((rows) => ({ width, rows }))
);

for (const dialect of DIALECTS) {
  Deno.test(`csv: a reader of ${dialect} gets every cell, and tells null from the empty string`, async () => {
    await fc.assert(fc.asyncProperty(anyRows, fc.boolean(), async ({ width, rows }, header) => {
      const columns = Array.from({ length: width }, (_, index) => column(`c${index}`));
      const options = { dialect, header, formulaGuard: false };
      const text = await exportText(csv, columns, rows, options);
      const decoded = parse(text, {
        ...READER[dialect],
        bom: true,
        fromLine: header ? 2 : 1,
        cast: (value, { quoting }) => value === "" && !quoting ? null : value,
      });
      assert.deepEqual(decoded, rows);
    }));
  });
}

Deno.test("csv: the guard adds apostrophes, and no formula gets by", async () => {
  await fc.assert(fc.asyncProperty(anyRows, async ({ width, rows }) => {
    const columns = Array.from({ length: width }, (_, index) => column(`c${index}`));
    const text = await exportText(csv, columns, rows, { header: false, bom: true });
    const decoded: string[][] = parse(text, { ...READER.rfc4180, bom: true });
    assert.equal(decoded.length, rows.length);
    for (const [at, row] of rows.entries()) {
      for (const [index, cell] of row.entries()) {
        const read = decoded[at]![index]!;
        assert.equal(read.replaceAll("'", ""), (cell ?? "").replaceAll("'", ""));
        assert.doesNotMatch(read, /^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n\0]/);
      }
    }
  }));
});

/**
 * Fields as Excel reads them: quotes count where a field begins, what follows them belongs to it, and
 * nothing is wrong.
 */
function looseFields(text: string, separator: string): readonly string[] {
  const fields: string[] = [];
  for (let at = 0; at <= text.length; at++) {
    let field = "";
    if (text[at] === '"') {
      for (at++; at < text.length && (text[at] !== '"' || text[++at] === '"'); at++) {
        field += text[at];
      }
    }
    for (; at < text.length && text[at] !== separator && !"\r\n".includes(text[at]!); at++) {
      field += text[at];
    }
    fields.push(field);
  }
  return fields;
}

/**
 * Whether Excel could run a field, and it would do more than compute: strings and names of sheets stand
 * where an operand may, no quote is left over, and there is a call, a DDE link or another sheet.
 */
function couldRun(field: string): boolean {
  if (/^[=＝]/.test(field)) return true;
  const operands = field.replace(
    /(^|[-+*\/^&=<>,;:(|!@＝＋（])(\s*)(?:"(?:[^"]|"")*"|'(?:[^']|'')*')/g,
    "$1$2x",
  );
  return /^[+\-@＋].*[(|!（]/.test(operands) && !operands.includes('"');
}

/** Cells of a row of which one goes on in the other for who splits at another separator; each was run once. */
const GO_ON = [
  [";\t＋\t|", "\n\t-\t("],
  ["", ',"\t\t＋\t!'],
  ["x;+1", "5+cmd|'/C calc'!A0"],
  ["x\t+1", "5+cmd|'/C calc'!A0"],
  ["x,+1", "5+cmd|'/C calc'!A0"],
  ["5+cmd|'/C calc'!A0", "&cmd|'/C calc'!A0"],
  ["5+1&", '"&cmd|a;'],
  ["x;+1&", '"&cmd|a;'],
  ["x\t+1&", '"&cmd|a\t'],
  ["x\n-'a", "b'!A0"],
  ['x;+"', '"&cmd|a;'],
  ["x;@,=a", "'!"],
] as const;

for (const dialect of DIALECTS) {
  const piece = fc.constantFrom(...'abc,,;;\t\r\n""\'== +-@&(|!\0＝＋（');
  const text = fc.string({ unit: piece });

  Deno.test(`csv: no separator that ${dialect} is read with makes a formula of text`, async () => {
    const columns = [column("a"), column("b")];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text)), async (rows) => {
        const options = { dialect, header: false, bom: false };
        const written = await exportText(csv, columns, rows, options);
        const cells = rows.flat().map((cell) => [cell]);
        const alone = await exportText(csv, [column("a")], cells, options);
        for (const separator of [",", ";", "\t"]) {
          for (const field of looseFields(written, separator)) {
            // Others than Excel ignore white space in front.
            const bare = field.replace(/^[\s\0]+/, "");
            assert.ok(!couldRun(bare), JSON.stringify([separator, field, written]));
          }
          // Of one cell in a row nothing is run, whatever strings it opens.
          for (const field of looseFields(alone, separator)) {
            assert.doesNotMatch(
              field,
              /^[\s\0]*(?:[=＝]|[+\-@＋].*[(|!（])/,
              JSON.stringify([separator, alone]),
            );
          }
        }
      }),
      {
        numRuns: 500,
        examples: GO_ON.map(([one, other]): [[string, string][]] => [[[one, other]]]),
      },
    );
  });

  Deno.test(`csv: no separator that ${dialect} is read with makes one of numbers and text`, async () => {
    const columns = [column("n", "integer"), column("a"), column("m", "decimal"), column("b")];
    const options = { dialect, header: false, bom: false, null: "-" };
    const number = fc.constantFrom(null, -5, 5, "-5.5");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(number, text, number, text)), async (rows) => {
        const written = await exportText(csv, columns, rows, options);
        for (const separator of [",", ";", "\t"]) {
          for (const field of looseFields(written, separator)) {
            assert.ok(!couldRun(field), JSON.stringify([separator, field, written]));
          }
        }
      }),
      {
        numRuns: 500,
        examples: GO_ON.map(([one, other]): [[number | null, string, null, string][]] => [
          [[5, one, null, other], [-5, one, null, other], [null, one, null, other]],
        ]),
      },
    );
  });
}
