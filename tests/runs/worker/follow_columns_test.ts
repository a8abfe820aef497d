/** The highest values of columns, whatever their rows are and however they come. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { FollowedType } from "../../../runs/protocol.ts";
import { compareDecimals } from "../../../runs/worker/compare_decimals.ts";
import { followColumns } from "../../../runs/worker/follow_columns.ts";
import type { RowStream, SourceColumn } from "../../../sources/source.ts";
import { SourceError } from "../../../sources/source.ts";
import type { Batch, Cell, TextBatch } from "../../../table/table.ts";

/** The highest value of a column of these cells, which come in batches of two. */
async function highest(
  cells: readonly Cell[],
  type: SourceColumn["type"],
  param: FollowedType = "string",
): Promise<string | undefined> {
  const column = { name: "at", ...(type === undefined ? {} : { type }) };
  const rows = cells.map((cell) => ["x", cell]);
  const batches: Batch[] = [];
  for (let at = 0; at < rows.length; at += 2) batches.push(rows.slice(at, at + 2));
  const stream: RowStream = {
    columns: [{ name: "other", type: "string" }, column],
    batches: ReadableStream.from(batches),
  };
  const followed = followColumns(stream, { at: param });
  const passed: Batch[] = [];
  for await (const batch of followed.stream.batches) passed.push(batch);
  assert.deepEqual(passed, batches);
  return followed.highest().at;
}

Deno.test("integers are compared as such, those beyond a double's too", async () => {
  assert.equal(await highest([3, 10, 9, null, -20], "integer"), "10");
  assert.equal(
    await highest([9007199254740993n, 9007199254740992n, 5, 9007199254740991], "integer"),
    "9007199254740993",
  );
  assert.equal(await highest([-3, -10], "integer"), "-3");
});

Deno.test("decimals are compared by their digits, and stay as the source wrote them", async () => {
  const cells = ["9.99", "10.50", "10.5", "-300", "12345678901234567.88", "12345678901234567.89"];
  assert.equal(await highest(cells, "decimal"), "12345678901234567.89");
  assert.equal(await highest(["0.10", "0.1"], "decimal"), "0.10");
  assert.equal(await highest(["-0.5", "-0.25", null], "decimal"), "-0.25");
  assert.equal(await highest(["NaN", "1.5", "Infinity"], "decimal"), "1.5");
  assert.equal(await highest([NaN, 2.5, Infinity, 2.25], "number"), "2.5");
});

Deno.test("times are compared as moments, whatever offset and digits they are written with", async () => {
  assert.equal(
    await highest([
      "2026-10-25T02:30:00+02:00",
      "2026-10-25T02:15:00+01:00",
      "2026-10-25T02:45:00+02:00",
    ], "datetime"),
    "2026-10-25T02:15:00+01:00",
  );
  assert.equal(
    await highest(
      ["2026-01-01 12:00:00.25", "2026-01-01 12:00:00.1234567", "2026-01-01 12:00:00.3"],
      "datetime",
    ),
    "2026-01-01 12:00:00.3",
  );
  assert.equal(
    await highest(["2026-01-01 12:00:00.120", "2026-01-01 12:00:00.12"], "datetime"),
    "2026-01-01 12:00:00.120",
  );
  assert.equal(await highest(["2026-01-31", "2025-12-31", null, "infinity"], "date"), "2026-01-31");
});

Deno.test("where the source does not say what a column is, the param does", async () => {
  assert.equal(await highest(["9", "10"], undefined, "integer"), "10");
  assert.equal(await highest(["9", "10"], "string", "number"), "10");
  assert.equal(
    await highest(["2026-01-01T10:00:00Z", "2026-01-01T11:30:00+02:00"], undefined, "datetime"),
    "2026-01-01T10:00:00Z",
  );
});

Deno.test("a column of no rows, or of nulls alone, has no highest value", async () => {
  assert.equal(await highest([], "integer"), undefined);
  assert.equal(await highest([null, null], "integer"), undefined);
});

Deno.test("what has no order cannot be followed, and is said before the first row where it is known", async () => {
  const refused = (promise: Promise<unknown>, reason: string) =>
    assert.rejects(promise, (error: Error) => {
      assert.ok(error instanceof SourceError);
      assert.equal(error.message, `Cannot follow column "at": ${reason}`);
      return true;
    });
  const neither = "it is neither of numbers nor of times";
  await refused(highest(["a"], "string"), neither);
  await refused(highest(["a"], undefined), neither);
  await refused(highest([true], "boolean", "integer"), neither);
  await refused(
    highest([1, "secret"], undefined, "integer"),
    "it has a value that is no number and no time",
  );
  assert.throws(
    () =>
      followColumns({ columns: [{ name: "id" }], batches: ReadableStream.from([]) }, {
        at: "integer",
      }),
    { message: 'Cannot follow column "at": the query has none' },
  );
});

Deno.test("rows that are text are followed as they pass", async () => {
  const encoder = new TextEncoder();
  /** A batch of two columns, of which the second is followed. */
  const batch = (cells: readonly (string | null)[]): TextBatch => {
    let text = "";
    const bounds: number[] = [];
    for (const cell of cells) {
      bounds.push(text.length, text.length + 1);
      text += "x";
      bounds.push(cell === null ? -1 : text.length, text.length + (cell ?? "").length);
      text += cell ?? "";
    }
    return { bytes: encoder.encode(text), bounds: Int32Array.from(bounds), length: cells.length };
  };
  const looked: (boolean | undefined)[] = [];
  const stream: RowStream = {
    columns: [{ name: "x", type: "string" }, { name: "id", type: "integer" }],
    batches: ReadableStream.from<Batch>([]),
    text: {
      forms: ["text", "digits"],
      readCell(column, bytes, start, end, looking) {
        looked.push(looking);
        const text = new TextDecoder().decode(bytes.subarray(start, end));
        return column === 1 ? Number(text) : text;
      },
      batches: ReadableStream.from([batch(["7", null, "12"]), batch(["9"])]),
    },
  };
  const { stream: { text }, highest } = followColumns(stream, { id: "integer" });
  for await (const _ of text!.batches);
  assert.deepEqual(highest(), { id: "12" });
  assert.deepEqual(looked, [true, true, true], "nothing of it is counted yet");
});

Deno.test("decimals are ordered as numbers are", () => {
  const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.nat(30));
  const written = ([digits, scale]: readonly [bigint, number]) => {
    const [sign, text] = digits < 0n ? ["-", String(-digits)] : ["", String(digits)];
    const padded = text.padStart(scale + 1, "0");
    const point = padded.length - scale;
    return sign + padded.slice(0, point) + (scale === 0 ? "" : `.${padded.slice(point)}`);
  };
  fc.assert(fc.property(decimal, decimal, (one, other) => {
    const [first, second] = [one[0] * 10n ** BigInt(other[1]), other[0] * 10n ** BigInt(one[1])];
    const expected = first < second ? -1 : first > second ? 1 : 0;
    assert.equal(Math.sign(compareDecimals(written(one), written(other))), expected);
  }));
  assert.equal(compareDecimals("-0.0", "0"), 0);
});
