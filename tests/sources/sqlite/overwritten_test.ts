import assert from "node:assert/strict";
import { SourceError } from "../../../sources/source.ts";
import { sqlite } from "../../../sources/sqlite/descriptor.ts";
import { sqliteDriver } from "../../../sources/sqlite/driver.ts";
import { createFolder, openFiles } from "./fixture.ts";

/** More than SQLite keeps in memory, so that it reads on in the file. */
const ROWS = 100_000;

/** Makes a database of rows that all say the same. */
function database(word: string, { rows = ROWS, setup = "" } = {}) {
  const folder = createFolder();
  folder.write(`${setup}; create table t (id integer primary key, a text);
    with recursive s(n) as (values (1) union all select n + 1 from s where n < ${rows})
    insert into t select n, '${word}' || hex(zeroblob(50)) from s`);
  // However fast what follows is, it is later than this.
  Deno.utimeSync(folder.path, 0, 0);
  return folder;
}

/** Reads a database to its end, and does something after the first batch. */
async function readWhile(path: string, meanwhile: () => void): Promise<readonly string[]> {
  const config = sqlite.config.parse({ path });
  const stream = await sqliteDriver.open(config, {
    text: "select a from t order by id",
    params: {},
  });
  const words: string[] = [];
  let told = false;
  for await (const batch of stream.batches) {
    words.push(...batch.map(([cell]) => String(cell).slice(0, 3)));
    if (!told) meanwhile();
    told = true;
  }
  return words;
}

/** Writes into a file that is there, as `cp` does. */
function overwrite(path: string, by: string): void {
  using file = Deno.openSync(path, { write: true, truncate: true });
  const bytes = Deno.readFileSync(by);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

function isOverwritten(error: unknown): boolean {
  assert(error instanceof SourceError);
  assert.equal(
    error.message,
    "Cannot read the query: the database file was overwritten meanwhile",
  );
  return true;
}

Deno.test("a file that is overwritten while it is read breaks the run", async () => {
  using folder = database("old");
  // As long, with as many changes: SQLite reads on as if nothing had happened.
  using other = database("new");
  await assert.rejects(
    readWhile(folder.path, () => overwrite(folder.path, other.path)),
    isOverwritten,
  );
  assert.equal(openFiles(folder.path), 0);
});

Deno.test("so does one that is overwritten after its last row was read", async () => {
  using folder = database("old", { rows: 10 });
  using other = database("new", { rows: 20 });
  await assert.rejects(
    readWhile(folder.path, () => overwrite(folder.path, other.path)),
    isOverwritten,
  );
});

Deno.test("so does one of another length in WAL mode", async () => {
  using folder = database("old", { setup: "pragma journal_mode = wal" });
  using other = database("new", { rows: 2 * ROWS });
  await assert.rejects(
    readWhile(folder.path, () => overwrite(folder.path, other.path)),
    isOverwritten,
  );
});

Deno.test("another file that takes the place of the database does not", async () => {
  using folder = database("old");
  using other = database("new");
  const words = await readWhile(folder.path, () => Deno.renameSync(other.path, folder.path));
  assert.equal(words.length, ROWS);
  assert(words.every((word) => word === "old"));
});

Deno.test("a database that is deleted does not", async () => {
  using folder = database("old");
  const words = await readWhile(folder.path, () => Deno.removeSync(folder.path));
  assert.equal(words.length, ROWS);
});

Deno.test("what writers and checkpoints do in WAL mode does not", async () => {
  using folder = database("old", { setup: "pragma journal_mode = wal" });
  // What waits in the WAL is in the snapshot, and comes into the file while it is read.
  folder.write("pragma wal_autocheckpoint = 0; insert into t select id + 200000, a from t");
  const words = await readWhile(folder.path, () => {
    folder.write("insert into t select id + 400000, 'new' from t; pragma wal_checkpoint(passive)");
  });
  assert.equal(words.length, 2 * ROWS);
  assert(words.every((word) => word === "old"));
});
