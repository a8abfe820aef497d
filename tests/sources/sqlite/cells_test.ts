import assert from "node:assert/strict";
import { columnType, createCellReader } from "../../../sources/sqlite/cells.ts";
import type { Cell, ColumnType } from "../../../table/table.ts";

Deno.test("columnType knows the names that people declare", () => {
  const types: Readonly<Record<string, ColumnType | undefined>> = {
    "INTEGER": "integer",
    "int": "integer",
    "BIGINT": "integer",
    "UNSIGNED BIG INT": "integer",
    "tinyint(1)": "integer",
    "INT8": "integer",
    "DECIMAL": "decimal",
    "decimal(10, 2)": "decimal",
    "DECIMAL_TEXT": "decimal",
    "NUMERIC(10,5)": "decimal",
    "NUMBER(10)": "decimal",
    "REAL": "number",
    "DOUBLE PRECISION": "number",
    "FLOAT": "number",
    "FLOATING POINT": "number",
    "LONG DOUBLE": "number",
    "BOOLEAN": "boolean",
    "bool": "boolean",
    "DATE": "date",
    "DATETIME": "datetime",
    "TIMESTAMP": "datetime",
    "timestamp with time zone": "datetime",
    "TIMESTAMPTZ": "datetime",
    "TIME": "time",
    "JSON": "json",
    "JSONB": "json",
    "BLOB": "binary",
    "VARBINARY(16)": "binary",
    "TEXT": "string",
    "VARCHAR(255)": "string",
    "NVARCHAR(100)": "string",
    "NATIVE CHARACTER(70)": "string",
    "CLOB": "string",
    "STRING": "string",
    "UUID": "string",
    " text ": "string",
    "ANY": undefined,
    "geometry": undefined,
    "": undefined,
  };
  for (const [declared, type] of Object.entries(types)) {
    assert.equal(columnType(declared), type, declared);
  }
  assert.equal(columnType(null), undefined);
});

/** Reads one value for a column of a type. */
function read(type: ColumnType | undefined, value: Cell): Cell | undefined {
  const cells = [value];
  createCellReader([type])(cells);
  return cells[0];
}

Deno.test("integers are numbers while they are safe", () => {
  for (const type of ["integer", "number", "decimal", "string", "json", undefined] as const) {
    assert.equal(read(type, 0n), 0);
    assert.equal(read(type, -7n), -7);
    assert.equal(read(type, 9007199254740991n), 9007199254740991);
    assert.equal(read(type, 9007199254740992n), 9007199254740992n);
    assert.equal(read(type, -9007199254740991n), -9007199254740991);
    assert.equal(read(type, -9007199254740992n), -9007199254740992n);
    assert.equal(read(type, -9223372036854775808n), -9223372036854775808n);
  }
});

Deno.test("booleans are 0 and 1, and nothing else", () => {
  assert.equal(read("boolean", 0n), false);
  assert.equal(read("boolean", 1n), true);
  assert.equal(read("boolean", 2n), 2);
  assert.equal(read("boolean", -1n), -1);
  assert.equal(read("boolean", 1), 1);
  assert.equal(read("boolean", "true"), "true");
  assert.equal(read("boolean", null), null);
});

Deno.test("a datetime may be Unix seconds", () => {
  assert.equal(read("datetime", 0n), "1970-01-01T00:00:00Z");
  assert.equal(read("datetime", 1767323045n), "2026-01-02T03:04:05Z");
  assert.equal(read("datetime", -1n), "1969-12-31T23:59:59Z");
  assert.equal(read("datetime", -62167219200n), "0000-01-01T00:00:00Z");
  assert.equal(read("datetime", 253402300799n), "9999-12-31T23:59:59Z");
});

Deno.test("a datetime may be a Julian day", () => {
  // https://www.sqlite.org/lang_datefunc.html: julianday('2026-01-02 03:04:05') is 2461042.627835648.
  assert.equal(read("datetime", 2461042.627835648), "2026-01-02T03:04:05Z");
  assert.equal(read("datetime", 2440587.5), "1970-01-01T00:00:00Z");
  assert.equal(read("datetime", 2440587.500001), "1970-01-01T00:00:00.086Z");
});

Deno.test("a datetime that is neither stays what it is", () => {
  assert.equal(read("datetime", 253402300800n), 253402300800);
  assert.equal(read("datetime", -62167219201n), -62167219201);
  // Milliseconds, as some libraries store them: what they are is not guessed at.
  assert.equal(read("datetime", 1767323045000n), 1767323045000);
  assert.equal(read("datetime", 9223372036854775807n), 9223372036854775807n);
  assert.equal(read("datetime", 1767323045.25), 1767323045.25);
  assert.equal(read("datetime", 0.5), 0.5);
  assert.equal(read("datetime", Infinity), Infinity);
  assert.equal(read("datetime", "2026-01-02 03:04:05"), "2026-01-02 03:04:05");
  assert.equal(read("datetime", "yesterday"), "yesterday");
});

Deno.test("a date may be the Unix seconds or the Julian day of a midnight", () => {
  assert.equal(read("date", 1767312000n), "2026-01-02");
  assert.equal(read("date", 2461042.5), "2026-01-02");
  assert.equal(read("date", -86400n), "1969-12-31");
  assert.equal(read("date", 1767312001n), 1767312001);
  assert.equal(read("date", 2461042.75), 2461042.75);
  assert.equal(read("date", "2026-01-02"), "2026-01-02");
});

Deno.test("each column is read for its own type", () => {
  const cells: Cell[] = [1n, 1n, 1n, 1n, "x", new Uint8Array([1]), null];
  createCellReader(["integer", "boolean", "datetime", undefined, "boolean", "date", "json"])(cells);
  assert.deepEqual(cells, [
    1,
    true,
    "1970-01-01T00:00:01Z",
    1,
    "x",
    new Uint8Array([1]),
    null,
  ]);
});
