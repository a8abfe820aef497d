import assert from "node:assert/strict";
import type { Batch, Row } from "../../table/table.ts";
import { type TextFormat, textStream } from "../../exporters/text_stream.ts";
import { Warnings } from "../../exporters/warnings.ts";
import { column } from "./tables.ts";

/** Head and tail in brackets, a row as its first cell. */
const FORMAT: TextFormat = {
  head: "<",
  row: (row) => String(row[0]),
  between: ",",
  tail: ">",
};

/** The stream of a table that gives these batches, then ends or fails. */
function streamOf(batches: readonly Batch[], error?: Error, format = FORMAT) {
  const warnings = new Warnings();
  const log: string[] = [];
  let next = 0;
  const source = new ReadableStream<Batch>({
    pull(controller) {
      const batch = batches[next++];
      log.push(batch ? `pull ${next}` : "end");
      if (batch) controller.enqueue(batch);
      else if (error) controller.error(error);
      else controller.close();
    },
    cancel(reason) {
      log.push(`cancel ${reason}`);
    },
  }, { highWaterMark: 0 });
  const table = { title: "T", columns: [column("a"), column("b")], batches: source };
  return { reader: textStream(table, format, warnings).getReader(), log, warnings };
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> {
  const { done, value } = await reader.read();
  return done ? undefined : new TextDecoder().decode(value);
}

const rowsOf = (...cells: string[]): Row[] => cells.map((cell) => [cell]);

Deno.test("the head and the whole first batch leave before the second is read", async () => {
  const { reader, log } = streamOf([rowsOf("a", "b"), rowsOf("c"), rowsOf("d")]);
  assert.deepEqual(log, []);
  assert.equal(await read(reader), "<a,b");
  assert.deepEqual(log, ["pull 1"]);
  assert.equal(await read(reader), ",c,d>");
  assert.deepEqual(log, ["pull 1", "pull 2", "pull 3", "end"]);
  assert.equal(await read(reader), undefined);
});

Deno.test("a table without rows is its head and tail", async () => {
  const { reader } = streamOf([]);
  assert.equal(await read(reader), "<>");
  assert.equal(await read(reader), undefined);
});

Deno.test("a format without a byte to write closes at once", async () => {
  const { reader } = streamOf([], undefined, { head: "", row: String, tail: "" });
  assert.equal(await read(reader), undefined);
});

Deno.test("rows gather to chunks of 64 Ki units, over batches and within one", async () => {
  const row = "x".repeat(1023);
  const batch = rowsOf(...Array.from({ length: 100 }, () => row));
  const { reader, log } = streamOf([batch, batch]);
  const sizes: number[] = [];
  for (let text = await read(reader); text; text = await read(reader)) sizes.push(text.length);
  // "<" and 64 rows with the commas before them; the rest of the first batch; 64 rows; the rest.
  assert.deepEqual(sizes, [65536, 36864, 65536, 36865]);
  assert.deepEqual(log, ["pull 1", "pull 2", "end"]);
});

Deno.test("a batch that ends with a full chunk leaves nothing over", async () => {
  const full = "x".repeat(65536);
  const { reader } = streamOf([rowsOf(full), rowsOf(full)]);
  assert.equal(await read(reader), "<" + full);
  assert.equal(await read(reader), "," + full);
  assert.equal(await read(reader), ">");
  assert.equal(await read(reader), undefined);
});

Deno.test("an error of the batches is the stream's, and the tail is not written", async () => {
  const error = new Error("broken");
  const { reader } = streamOf([rowsOf("a"), rowsOf("b")], error);
  assert.equal(await read(reader), "<a");
  await assert.rejects(read(reader), (thrown) => thrown === error);
});

Deno.test("a row that cannot be written errors the stream and releases the batches", async () => {
  const error = new Error("cannot write");
  const row = () => {
    throw error;
  };
  const { reader, log } = streamOf([rowsOf("a")], undefined, { ...FORMAT, row });
  await assert.rejects(read(reader), (thrown) => thrown === error);
  assert.deepEqual(log, ["pull 1", "cancel Error: cannot write"]);
});

Deno.test("a cancel carries its reason to the batches", async () => {
  const { reader, log } = streamOf([rowsOf("a"), rowsOf("b")]);
  await read(reader);
  await reader.cancel("the client left");
  assert.deepEqual(log, ["pull 1", "cancel the client left"]);
});

Deno.test("an error of the batches' cancel is the cancel's", async () => {
  const error = new Error("cannot close");
  const batches = new ReadableStream<Batch>({
    cancel() {
      throw error;
    },
  });
  const table = { title: "T", columns: [column("a")], batches };
  const stream = textStream(table, FORMAT, new Warnings());
  await assert.rejects(stream.cancel(), (thrown) => thrown === error);
});

Deno.test("lone surrogates are counted by the cell, each once", async () => {
  const bad = "\ud800 and \udc00";
  const big = "x".repeat(40_000);
  const batch: Batch = [[bad, big], ["fine", bad], [bad, "😀"]];
  const format: TextFormat = { ...FORMAT, row: (row) => row.join("") };
  const { reader, warnings } = streamOf([batch, batch, [["fine", "fine"]]], undefined, format);
  let text = "";
  for (let chunk = await read(reader); chunk; chunk = await read(reader)) text += chunk;
  assert.equal(text.split("\ufffd and \ufffd").length, 7);
  assert.deepEqual(warnings.list(), [
    { kind: "lone-surrogate", column: "a", count: 4 },
    { kind: "lone-surrogate", column: "b", count: 2 },
  ]);
});

Deno.test("lone surrogates are counted once where chunks end inside batches", async () => {
  const big = "x".repeat(30_000) + "\ud800";
  const batch = rowsOf(big, big, big, big, big);
  const { reader, warnings } = streamOf([batch, batch, batch]);
  while (await read(reader) !== undefined);
  assert.deepEqual(warnings.list(), [{ kind: "lone-surrogate", column: "a", count: 15 }]);
});
