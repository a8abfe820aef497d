import assert from "node:assert/strict";
import { type RowStream, type SourceColumn, SourceError } from "../../sources/source.ts";
import type { Batch, Cell, ColumnType, TextBatch, TextForm, TextRows } from "../../table/table.ts";
import { ColumnError, type TableSettings, toTable } from "../../sources/to_table.ts";
import { turns } from "../waiting.ts";

/** A stream that counts what is asked of it. */
interface Watched extends RowStream {
  /** How many batches were pulled. */
  readonly pulls: number;
  /** What it was cancelled with, each time. */
  readonly cancels: readonly unknown[];
}

/** Gives these batches, one a pull, and then ends, or does what `atEnd` does. */
function stream(
  columns: readonly (string | SourceColumn)[],
  batches: readonly Batch[],
  atEnd: (controller: ReadableStreamDefaultController<Batch>) => void | Promise<void> = (
    controller,
  ) => controller.close(),
): Watched {
  const cancels: unknown[] = [];
  let pulls = 0;
  return {
    columns: columns.map((column) => typeof column === "string" ? { name: column } : column),
    batches: new ReadableStream<Batch>({
      pull(controller) {
        const batch = batches[pulls++];
        if (batch === undefined) return atEnd(controller);
        controller.enqueue(batch);
      },
      cancel: (reason) => void cancels.push(reason),
    }, { highWaterMark: 0 }),
    get pulls() {
      return pulls;
    },
    cancels,
  };
}

function settings(over: Partial<TableSettings> = {}): TableSettings {
  return { title: "Orders", columns: {}, ...over };
}

Deno.test("a table has the export's title and the source's columns", async () => {
  const source = stream([{ name: "id", type: "integer" }, { name: "at", type: "datetime" }], [
    [[1, "2026-01-02 03:04:05"]],
  ]);
  const table = await toTable(source, settings());
  assert.equal(table.title, "Orders");
  assert.deepEqual(table.columns, [
    { name: "id", title: "id", type: "integer" },
    { name: "at", title: "at", type: "datetime" },
  ]);
  assert.deepEqual(await Array.fromAsync(table.batches), [[[1, "2026-01-02 03:04:05"]]]);
});

Deno.test("what an export says about a column wins", async () => {
  const table = await toTable(
    stream([{ name: "at", type: "string" }, "amount", "other"], []),
    settings({
      columns: {
        at: { title: "When", type: "datetime", timezone: "Asia/Seoul", format: "yyyy" },
        amount: { type: "decimal", format: "#,##0.00" },
      },
    }),
  );
  assert.deepEqual(table.columns, [
    { name: "at", title: "When", type: "datetime", timezone: "Asia/Seoul", format: "yyyy" },
    { name: "amount", title: "amount", type: "decimal", format: "#,##0.00" },
    { name: "other", title: "other", type: "string" },
  ]);
});

Deno.test("an undeclared column has the type of the first cell of the first batch", async () => {
  const types = async (...cells: Cell[]): Promise<ColumnType | undefined> => {
    const rows = cells.map((cell) => [cell]);
    const table = await toTable(stream(["a"], rows.length > 0 ? [rows] : []), settings());
    await table.batches.cancel();
    return table.columns[0]?.type;
  };
  assert.equal(await types(1), "integer");
  assert.equal(await types(2n ** 60n), "integer");
  assert.equal(await types(1.5), "number");
  assert.equal(await types(NaN), "number");
  assert.equal(await types(false), "boolean");
  assert.equal(await types(""), "string");
  assert.equal(await types(new Uint8Array(1)), "binary");
  assert.equal(await types(null, null, 2.5, "x"), "number");
  assert.equal(await types(null, null), "string");
  assert.equal(await types(), "string");
});

Deno.test("a type that the source declares is not doubted", async () => {
  const table = await toTable(stream([{ name: "a", type: "integer" }], [[["text"]]]), settings());
  assert.equal(table.columns[0]?.type, "integer");
  assert.deepEqual(await Array.fromAsync(table.batches), [[["text"]]]);
});

/** Counts by column. */
function counter() {
  const counts: Record<string, number> = {};
  const count = (column: string) => void (counts[column] = (counts[column] ?? 0) + 1);
  return { counts, count };
}

Deno.test("a cell becomes one of the type that the export declares, or is counted", async () => {
  const { counts, count } = counter();
  const batch = [["1", "2", "3"], ["x", "y", "z"], [null, null, null], ["x", 4, 5n]];
  const kept = structuredClone(batch);
  const table = await toTable(
    stream([{ name: "a", type: "string" }, "b", { name: "c", type: "integer" }], [batch]),
    settings({ columns: { a: { type: "integer" }, b: { type: "string" } } }),
    count,
  );
  assert.deepEqual(table.columns.map(({ type }) => type), ["integer", "string", "integer"]);
  assert.deepEqual(await Array.fromAsync(table.batches), [
    [[1, "2", "3"], ["x", "y", "z"], [null, null, null], ["x", "4", 5n]],
  ]);
  // What nobody declares is not counted, and the source's own rows stay as they were.
  assert.deepEqual(counts, { a: 2 });
  assert.deepEqual(batch, kept);
});

Deno.test("only cells that are written are converted and counted", async () => {
  const { counts, count } = counter();
  const table = await toTable(
    stream(["a", "b", "a"], [[["1", "x", "y"]], [["z", "x", "2"]]]),
    settings({
      columns: { a: { type: "integer" }, b: { type: "integer" } },
      select: ["a", "a"],
    }),
    count,
  );
  assert.deepEqual(counts, {});
  assert.deepEqual(await Array.fromAsync(table.batches), [
    [[1, "y", 1, "y"]],
    [["z", 2, "z", 2]],
  ]);
  assert.deepEqual(counts, { a: 4 });
});

Deno.test("columns that the source holds to their types are passed on as they are", async () => {
  const batch = [[1, "2.50", "2021-01-01"]];
  const table = await toTable(
    stream([
      { name: "a", type: "integer", strict: true },
      { name: "b", type: "decimal", strict: true },
      { name: "c", type: "date", strict: true },
    ], [batch]),
    settings({
      columns: { a: { type: "decimal" }, b: { type: "decimal" }, c: { type: "string" } },
    }),
  );
  const [first] = await Array.fromAsync(table.batches);
  assert.equal(first, batch);
});

/** Text of one row, whose cells are read as such. */
function textStream(columns: readonly SourceColumn[], cells: readonly string[], forms: TextForm[]) {
  const bytes = new TextEncoder().encode(cells.join(""));
  const ends = cells.map((_, index) => cells.slice(0, index + 1).join("").length);
  const bounds = Int32Array.from(ends.flatMap((end, index) => [end - cells[index]!.length, end]));
  const batch: TextBatch = { bytes, bounds, length: 1 };
  const decoder = new TextDecoder();
  const text: TextRows = {
    forms,
    readCell: (_, bytes, start, end) => decoder.decode(bytes.subarray(start, end)),
    batches: ReadableStream.from([batch]),
  };
  return { columns, batches: ReadableStream.from<Batch>([]), text };
}

Deno.test("text is read as cells where they become others, and only there", async () => {
  const strict = true;
  const source = textStream(
    [
      { name: "id", type: "integer", strict },
      { name: "code", type: "integer", strict },
      { name: "price", type: "decimal", strict },
      { name: "day", type: "string", strict },
    ],
    ["1", "2", "3.50", "soon"],
    ["digits", "digits", "digits", "text"],
  );
  const { counts, count } = counter();
  const table = await toTable(
    source,
    settings({
      columns: { code: { type: "string" }, price: { type: "number" }, day: { type: "date" } },
      select: ["day", "price", "code", "id"],
    }),
    count,
  );
  assert.deepEqual(table.text?.forms, ["other", "other", "text", "digits"]);
  assert.deepEqual(await Array.fromAsync(table.batches), [[["soon", 3.5, "2", "1"]]]);
  assert.deepEqual(counts, { day: 1 });
});

Deno.test("the first batch is read at once and the others when they are pulled", async () => {
  const source = stream(["a"], [[[1], [2]], [[3]], [[4]]]);
  const table = await toTable(source, settings());
  assert.equal(source.pulls, 1);
  const reader = table.batches.getReader();
  assert.deepEqual(await reader.read(), { done: false, value: [[1], [2]] });
  assert.equal(source.pulls, 1);
  assert.deepEqual(await reader.read(), { done: false, value: [[3]] });
  assert.equal(source.pulls, 2);
  await turns();
  assert.equal(source.pulls, 2);
  assert.deepEqual(await reader.read(), { done: false, value: [[4]] });
  assert.deepEqual(await reader.read(), { done: true, value: undefined });
  assert.deepEqual(source.cancels, []);
});

Deno.test("an empty result is a table without batches", async () => {
  const table = await toTable(stream(["a", "b"], []), settings());
  assert.equal(table.columns.length, 2);
  assert.deepEqual(await Array.fromAsync(table.batches), []);
});

Deno.test("rows are passed on as they are, unless columns are chosen", async () => {
  const batch = [[1, 2, 3]];
  for (const select of [undefined, ["a", "b", "c"]]) {
    const over = select === undefined ? {} : { select };
    const table = await toTable(stream(["a", "b", "c"], [batch]), settings(over));
    const [first] = await Array.fromAsync(table.batches);
    assert.equal(first, batch);
  }
});

Deno.test("columns can be chosen, in any order and more than once", async () => {
  const source = () =>
    stream([{ name: "a", type: "integer" }, "b", "c"], [[[1, "x", null]], [[2, "y", true]]]);
  const table = await toTable(source(), settings({ select: ["c", "a"] }));
  assert.deepEqual(table.columns, [
    { name: "c", title: "c", type: "string" },
    { name: "a", title: "a", type: "integer" },
  ]);
  assert.deepEqual(await Array.fromAsync(table.batches), [[[null, 1]], [[true, 2]]]);

  const twice = await toTable(source(), settings({ select: ["b", "b"] }));
  assert.deepEqual(await Array.fromAsync(twice.batches), [[["x", "x"]], [["y", "y"]]]);
});

Deno.test("a name that repeats means all of its columns", async () => {
  const table = await toTable(
    stream(["a", "b", "a"], [[[1, 2, 3]]]),
    settings({ select: ["a"], columns: { a: { title: "A" } } }),
  );
  assert.deepEqual(table.columns, [
    { name: "a", title: "A", type: "integer" },
    { name: "a", title: "A", type: "integer" },
  ]);
  assert.deepEqual(await Array.fromAsync(table.batches), [[[1, 3]]]);
});

Deno.test("a chosen column that is not there is the caller's mistake", async () => {
  const source = stream(["id", "at"], [[[1, 2]]]);
  await assert.rejects(toTable(source, settings({ select: ["id", "ad"] })), (error) => {
    assert(error instanceof ColumnError);
    assert.equal(error.message, 'Cannot choose column "ad": there is "id", "at"');
    assert.equal(error.column, "ad");
    assert.deepEqual(error.columns, ["id", "at"]);
    assert.deepEqual(source.cancels, [error]);
    return true;
  });
  assert.equal(source.pulls, 0);
});

Deno.test("a setting for a column that is not there is the operator's mistake", async () => {
  const source = stream(["id", "at"], [[[1, 2]]]);
  await assert.rejects(toTable(source, settings({ columns: { id: {}, amuont: {} } })), (error) => {
    assert(error instanceof SourceError);
    assert.equal(
      error.message,
      'Cannot set up column "amuont": the query gives "id", "at"',
    );
    assert.deepEqual(source.cancels, [error]);
    return true;
  });
});

Deno.test("names of an object's own things are names like others", async () => {
  const table = await toTable(
    stream(["__proto__", "constructor", "toString"], [[[1, 2, 3]]]),
    settings({
      columns: Object.fromEntries([["__proto__", { title: "P" }]]),
      select: ["toString", "__proto__", "constructor"],
    }),
  );
  assert.deepEqual(table.columns.map(({ name, title }) => [name, title]), [
    ["toString", "toString"],
    ["__proto__", "P"],
    ["constructor", "constructor"],
  ]);
  assert.deepEqual(await Array.fromAsync(table.batches), [[[3, 1, 2]]]);

  await assert.rejects(
    toTable(stream(["a"], []), settings({ select: ["constructor"] })),
    ColumnError,
  );
});

Deno.test("a query that fails at its first batch rejects", async () => {
  const failure = new SourceError("Cannot read the query: broken");
  const source = stream(["a"], [], (controller) => controller.error(failure));
  await assert.rejects(toTable(source, settings()), (error) => error === failure);
});

Deno.test("a query that fails later is an error after its rows", async () => {
  const failure = new SourceError("Cannot read the query: broken");
  const source = stream(["a"], [[[1]], [[2]]], () => Promise.reject(failure));
  const reader = (await toTable(source, settings())).batches.getReader();
  assert.deepEqual((await reader.read()).value, [[1]]);
  assert.deepEqual((await reader.read()).value, [[2]]);
  await assert.rejects(reader.read(), (error) => error === failure);
});

Deno.test("a cancel passes through, before a read and between reads", async () => {
  const source = stream(["a"], [[[1]], [[2]]]);
  const table = await toTable(source, settings());
  await table.batches.cancel("early");
  assert.deepEqual(source.cancels, ["early"]);

  const begun = stream(["a"], [[[1]], [[2]], [[3]]]);
  const reader = (await toTable(begun, settings())).batches.getReader();
  await reader.read();
  await reader.read();
  await reader.cancel("later");
  assert.deepEqual(begun.cancels, ["later"]);
});

Deno.test("a cancel passes through while a read is pending", async () => {
  const source = stream(["a"], [[[1]]], () => new Promise(() => {}));
  const reader = (await toTable(source, settings())).batches.getReader();
  await reader.read();
  const pending = reader.read();
  await reader.cancel("stalled");
  assert.deepEqual(source.cancels, ["stalled"]);
  assert.deepEqual(await pending, { done: true, value: undefined });
});

Deno.test("of a great many columns, and of long names, an error tells some", () => {
  const names = ["A".repeat(1_000_000), ...Array.from({ length: 999 }, (_, index) => `c${index}`)];
  const { message } = new ColumnError("B".repeat(1_000_000), names);
  const first = Array.from({ length: 19 }, (_, index) => `"c${index}"`).join(", ");
  assert.equal(
    message,
    `Cannot choose column "${"B".repeat(100)}…": there is "${
      "A".repeat(100)
    }…", ${first}, and 980 more`,
  );
});
