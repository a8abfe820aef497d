import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { parse } from "csv-parse/sync";
import { createJsonReader } from "../../../sources/http/json_cells.ts";
import { createNdjsonSplitter } from "../../../sources/http/ndjson_rows.ts";
import { PYTHON, runProgram } from "../../clients/programs.ts";
import { type Serving, startServe } from "../../commands/fixture.ts";
import { freePort } from "../../free_port.ts";
import { until } from "../../waiting.ts";

const EXAMPLES = new URL("../../../examples/", import.meta.url).pathname;
const READ_XLSX = new URL("../../clients/read_openpyxl.py", import.meta.url).pathname;
const SECRET = "correct horse battery staple";

/** Rows of the table. */
const ROWS = 30_000;

/** What the table holds, with what is hard to keep in every column. */
function rowAt(id: number): readonly [number, string, string, string, boolean, string | null] {
  const minute = String(id % 60).padStart(2, "0");
  const notes = ["plain", null, 'a "quote", a comma', "line\nbreak", "=1+1", "두 단어 🎄"];
  return [
    id,
    `2026-01-02 03:${minute}:05.${String(id).padStart(6, "0")}`,
    `user${id % 7}@example.com`,
    `${id}.50`,
    id % 2 === 0,
    notes[id % notes.length]!,
  ];
}

/** A process that serves an example application. */
interface Application extends AsyncDisposable {
  readonly origin: string;
  readonly lines: readonly string[];
}

/** Starts an application, and waits until it accepts connections. */
async function startApplication(
  program: string,
  args: readonly string[],
  port: number,
  options: { readonly cwd: string; readonly env: Record<string, string> },
): Promise<Application> {
  const child = new Deno.Command(program, {
    args: [...args],
    ...options,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      lines.push(...text.split("\n"));
    }
  })();
  const stop = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await reading;
  };
  try {
    await until(() => accepts(port));
  } catch (error) {
    await stop();
    throw new Error(`The application did not start:\n${lines.join("\n")}`, { cause: error });
  }
  return { origin: `http://127.0.0.1:${port}`, lines, [Symbol.asyncDispose]: stop };
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Starts Spillway with an example's configuration, and its secret. */
function startSpillway(example: string, origin: string, secret = SECRET): Promise<Serving> {
  const folder = `${EXAMPLES}${example}`;
  return startServe(["--config", `${folder}/spillway.yaml`], {
    cwd: folder,
    environment: { APP_URL: origin, EXPORT_SECRET: secret, SPILLWAY_PORT: "0" },
  });
}

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return await response.bytes();
}

function csvRows(bytes: Uint8Array): string[][] {
  return parse(new TextDecoder().decode(bytes), { bom: true });
}

/** Takes a little of a download, and leaves. */
async function takeALittle(url: string): Promise<void> {
  const reader = (await fetch(url)).body!.getReader();
  await reader.read();
  await reader.cancel();
}

const DJANGO = await hasDjango();

async function hasDjango(): Promise<boolean> {
  try {
    await runProgram(PYTHON, ["-c", "import django, openpyxl"]);
    return true;
  } catch {
    return false;
  }
}

function djangoTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test({
    name: DJANGO ? name : `${name} (ignored: Django or openpyxl is not installed)`,
    ignore: !DJANGO,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "spillway-django-" });
      try {
        createTable(`${folder}/app.db`);
        await body(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

function createTable(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`
    create table audit (id integer primary key, occurred_at datetime not null, actor text not null,
      amount decimal not null, success bool not null, note text);
    begin`);
  const insert = database.prepare("insert into audit values (?, ?, ?, ?, ?, ?)");
  for (let id = 1; id <= ROWS; id++) {
    insert.run(...rowAt(id).map((cell) => typeof cell === "boolean" ? Number(cell) : cell));
  }
  database.exec("commit");
  database.close();
}

function startDjango(folder: string): Promise<Application> {
  const port = freePort();
  return startApplication(
    PYTHON,
    ["-B", "manage.py", "runserver", "--noreload", `127.0.0.1:${port}`],
    port,
    {
      cwd: `${EXAMPLES}django`,
      env: { DATABASE: `${folder}/app.db`, EXPORT_SECRET: SECRET, PYTHONUNBUFFERED: "1" },
    },
  );
}

djangoTest("the Django view: every row arrives, as CSV and as XLSX", async (folder) => {
  await using django = await startDjango(folder);
  await using spillway = await startSpillway("django", django.origin);

  const [header, ...rows] = csvRows(await download(`${spillway.origin}/exports/audit-log.csv`));
  assert.deepEqual(header, ["No.", "When", "actor", "Amount", "success", "note"]);
  assert.equal(rows.length, ROWS);
  rows.forEach((row, index) => {
    const [id, at, actor, amount, success, note] = rowAt(index + 1);
    // Seoul is nine hours ahead of UTC.
    const seoul = at.replace(" 03:", " 12:");
    const guarded = note === "=1+1" ? "'=1+1" : note ?? "";
    assert.deepEqual(
      row.map((cell, column) => column === 1 ? cell.replace("T", " ").slice(0, 26) : cell),
      [String(id), seoul, actor, amount, String(success), guarded],
    );
  });

  const path = `${folder}/audit.xlsx`;
  await Deno.writeFile(path, await download(`${spillway.origin}/exports/audit-log.xlsx`));
  const printed = (await runProgram(PYTHON, [READ_XLSX, path, "read-only"])).trim().split("\n");
  const [title, titles, ...cells] = printed.map((line) => JSON.parse(line));
  assert.equal(title, "Audit log");
  // A worksheet has no offsets: the title names the zone.
  assert.deepEqual(titles, header!.with(1, "When (Asia/Seoul)"));
  assert.equal(cells.length, ROWS);
  cells.forEach((row: unknown[], index: number) => {
    const [id, at, actor, amount, success, note] = rowAt(index + 1);
    // A row ends with its last cell that is not empty.
    const [, serial, ...others] = row;
    assert.deepEqual([row[0], ...others, null].slice(0, 5), [
      id,
      actor,
      Number(amount),
      success,
      note,
    ]);
    const shown = Date.parse(`${at.slice(0, 23).replace(" 03:", "T12:")}Z`) / 86_400_000 + 25_569;
    assert(Math.abs(Number(serial) - shown) < 2e-8, `${serial} is not ${at} in Seoul`);
  });
});

djangoTest("the Django view: a client that leaves ends its generator", async (folder) => {
  // More than waits between Django and a client that takes none of it.
  const database = new DatabaseSync(`${folder}/app.db`);
  database.exec(`alter table audit rename to small;
    create view audit as select id, occurred_at, actor, amount, success,
      printf('%020000d', id) as note from small`);
  database.close();
  await using django = await startDjango(folder);
  await using spillway = await startSpillway("django", django.origin);
  await takeALittle(`${spillway.origin}/exports/audit-log.csv`);
  const handed = () =>
    django.lines.map((line) => /handed over (\d+) rows/.exec(line)?.[1]).find(Boolean);
  await until(() => handed() !== undefined);
  assert(Number(handed()) < ROWS, `all ${handed()} rows were handed over`);
  await until(() => spillway.logs().some(({ state }) => state === "cancelled"));
});

djangoTest("the Django view: a row that fails breaks the download", async (folder) => {
  const database = new DatabaseSync(`${folder}/app.db`);
  database.exec(`update audit set amount = 'no decimal' where id = ${ROWS - 10}`);
  database.close();
  await using django = await startDjango(folder);
  await using spillway = await startSpillway("django", django.origin);
  await assert.rejects(download(`${spillway.origin}/exports/audit-log.csv`), TypeError);
  const failed = () => spillway.logs().find(({ state }) => state === "failed");
  await until(() => failed() !== undefined);
  assert.match(JSON.stringify(failed()), /count of its rows/);
});

djangoTest("the Django view: a wrong secret is a problem that does not tell it", async (folder) => {
  await using django = await startDjango(folder);
  await using spillway = await startSpillway("django", django.origin, "not it");
  const response = await fetch(`${spillway.origin}/exports/audit-log.csv`);
  assert.equal(response.status, 502);
  assert(!(await response.text()).includes("not it"));
  assert(!spillway.lines.join("\n").includes("not it"));
});

Deno.test("the Express route: every row arrives, and a client that leaves ends it", async () => {
  // Express is a package of the example's own, which no other configuration fetches.
  await runProgram(Deno.execPath(), ["cache", "--quiet", `${EXAMPLES}express/app.js`]);
  const port = freePort();
  await using express = await startApplication(
    Deno.execPath(),
    ["run", "--quiet", "--no-prompt", "--cached-only", "--allow-all", "app.js"],
    port,
    { cwd: `${EXAMPLES}express`, env: { PORT: String(port), EXPORT_SECRET: SECRET } },
  );
  await using spillway = await startSpillway("express", express.origin);

  const url = `${spillway.origin}/exports/invoices.csv?since=2026-01-31&limit=`;
  const [header, ...rows] = csvRows(await download(`${url}10000`));
  assert.deepEqual(header, ["id", "Number", "issued_on", "Total"]);
  assert.equal(rows.length, 10_000);
  assert.deepEqual(rows[0], ["1", "INV-000001", "2026-02-01", "1.50"]);
  assert.deepEqual(rows[9999], ["10000", "INV-010000", "2026-06-25", "10000.50"]);
  rows.forEach(([id, number], index) => {
    assert.deepEqual([id, number], [`${index + 1}`, `INV-${String(index + 1).padStart(6, "0")}`]);
  });
  assert(express.lines.includes("handed over 10000 rows"));

  await takeALittle(`${url}1000000000`);
  await until(() => express.lines.some((line) => line.startsWith("an export ended early")));
  await until(() => spillway.logs().some(({ state }) => state === "cancelled"));
});

const RUBY = await hasRuby();

async function hasRuby(): Promise<boolean> {
  try {
    await runProgram("ruby", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

/** What the controller takes of Rails, as far as its rows go; the rest of it is only parsed. */
const RAILS = String.raw`
require "json"
require "time"
require "bigdecimal"
module ActionController
  class API
    def self.before_action(*) = nil
  end
end
Row = Struct.new(:id, :placed_at, :customer, :total)
class Rows
  def find_each
    yield Row.new(1, Time.new(2026, 1, 2, 3, 4, 5.25r, "+09:00"), "두 \"단어\"\n", BigDecimal("12.50"))
    yield Row.new(2**60, nil, nil, BigDecimal("12345678901234567890.123456789"))
  end
end
load ARGV.fetch(0)
controller = ExportsController.new
controller.send(:ndjson, ExportsController::COLUMNS, Rows.new).each { |line| print line }
`;

Deno.test({
  name: RUBY
    ? "the Rails controller: its rows are read as they are"
    : "the Rails controller: its rows are read as they are (ignored: Ruby is not installed)",
  ignore: !RUBY,
  async fn() {
    const controller = `${EXAMPLES}rails/exports_controller.rb`;
    const text = await runProgram("ruby", ["-e", RAILS, controller]);
    const reader = createJsonReader(createNdjsonSplitter(1000), { types: {}, maxRow: 1000 });
    reader.write(text);
    reader.end();
    const rows = [reader.read(), reader.read(), reader.read()];
    assert.deepEqual(reader.columns, [
      { name: "id", type: "integer" },
      { name: "placed_at", type: "datetime" },
      { name: "customer", type: "string" },
      { name: "total", type: "decimal" },
    ]);
    assert.deepEqual(rows, [
      [1, "2026-01-01T18:04:05.250000Z", '두 "단어"\n', "12.5"],
      [1152921504606846976n, null, null, "12345678901234567890.123456789"],
      undefined,
    ]);
    assert(reader.proven);
  },
});
