/** `run`: an export to a file, to standard output, or to nothing at all. */

import assert from "node:assert/strict";
import { FORMATS } from "../../exporters/mod.ts";
import { readWorkbook } from "../exporters/xlsx/read_workbook.ts";
import { until } from "../waiting.ts";
import { command, configured, type Folder, spillway, startServe } from "./fixture.ts";

/** Runs an export of the folder's configuration. */
function run(folder: Folder, ...args: string[]) {
  return spillway(["run", ...args], { cwd: folder.path });
}

const CONFIGURED = ["app.db", "spillway.yaml"];

Deno.test("in every format, the file and standard output are what HTTP gives", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  for (const format of Object.keys(FORMATS)) {
    const response = await fetch(`${server.origin}/exports/rows.${format}?rows=3000`);
    assert.equal(response.status, 200);
    const served = new Uint8Array(await response.arrayBuffer());
    const args = ["rows", "--format", format, "--param", "rows=3000"];

    const file = await run(folder, ...args, "--output", `rows.${format}`);
    assert.equal(file.code, 0);
    assert.equal(file.stdout, "");
    assert.match(
      file.stderr,
      new RegExp(`^rows\\.${format}: 3000 rows, ${served.length} bytes in \\d+ ms\n$`),
    );
    assert.deepEqual(await Deno.readFile(`${folder.path}/rows.${format}`), served);

    const output = await command(["run", ...args, "--output", "-"], { cwd: folder.path }).output();
    assert.equal(output.code, 0);
    assert.deepEqual(output.stdout, served);
  }
  const files = Object.keys(FORMATS).map((format) => `rows.${format}`);
  assert.deepEqual(folder.names(), [...CONFIGURED, ...files].sort());
});

Deno.test("params and options are those of a URL, and warnings are said", async () => {
  await using folder = await configured();
  const params = ["least=2", "_dialect=excel-semicolon", "_bom=false"];
  const { code, stdout, stderr } = await run(
    folder,
    ...["items", "--format", "csv", "--output", "-"],
    ...params.flatMap((param) => ["--param", param]),
  );
  assert.equal(code, 0);
  assert.equal(stdout, "id;note\r\n2;'=1+1\r\n");
  assert.match(
    stderr,
    /^items\.csv: 1 rows, 18 bytes in \d+ ms\nwarning: formula-guarded: 1 in note\n$/,
  );
});

Deno.test("several exports are the sheets of one workbook, and HTTP gives the same", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const response = await fetch(`${server.origin}/exports/rows,breaks.xlsx?rows=300&at=-900`);
  assert.equal(response.status, 200);
  const served = new Uint8Array(await response.arrayBuffer());
  const [rows, breaks, ...others] = readWorkbook(served);
  assert.deepEqual(others, []);
  assert.deepEqual([rows!.name, rows!.rows.length], ["rows", 301]);
  assert.deepEqual([breaks!.name, breaks!.cells.get("C1")?.text], ["breaks", "fuse"]);

  const args = ["rows,breaks", "--format", "xlsx", "--param", "rows=300", "--param", "at=-900"];
  const file = await run(folder, ...args, "--output", "both.xlsx");
  assert.match(file.stderr, /^rows,breaks\.xlsx: 400 rows, \d+ bytes in \d+ ms\n$/);
  assert.deepEqual(await Deno.readFile(`${folder.path}/both.xlsx`), served);

  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  assert.match(
    metrics,
    /spillway_runs_total\{export="\(several\)",format="xlsx",state="complete",tenant_class="none"\} 1/,
  );
});

Deno.test("of several exports, one that cannot be read fails before the first byte", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const response = await fetch(`${server.origin}/exports/rows,breaks.xlsx?at=1`);
  assert.equal(response.status, 502);
  await response.body?.cancel();
});

const MISUSES: readonly (readonly [name: string, args: readonly string[], message: RegExp])[] = [
  [
    "an export",
    ["orders", "--format", "csv"],
    /no export "orders", but rows, breaks, sorts, items$/,
  ],
  ["a format", ["items", "--format", "xml"], /not offered as "xml", but as csv, ndjson$/],
  [
    "params",
    ["items", "--format", "csv", "--param", "least=0", "--param", "day=2026-02-30"],
    / least: expected .* from 1 to .*, not "0"; day: expected a date .*, not "2026-02-30"$/,
  ],
  [
    "a param that there is not",
    ["items", "--format", "csv", "--param", "colour=red"],
    / colour: unknown param; this export takes least and day$/,
  ],
  [
    "a param that is missing",
    ["breaks", "--format", "csv"],
    / at: missing; expected a whole number /,
  ],
  [
    "an option",
    ["items", "--format", "csv", "--param", "_dialect=dos"],
    / _dialect: must be one of excel, .*, not "dos"$/,
  ],
  [
    "a param without its value",
    ["items", "--format", "csv", "--param", "least"],
    /--param takes NAME=VALUE, not "least"$/,
  ],
];

for (const [name, args, message] of MISUSES) {
  Deno.test(`what cannot be is named, with exit status 64 and no file: ${name}`, async () => {
    await using folder = await configured();
    const { code, stdout, stderr } = await run(folder, ...args, "--output", "items.out");
    assert.equal(code, 64);
    assert.equal(stdout, "");
    assert.match(stderr, /^spillway: [^\n]+\n$/);
    assert.match(stderr.trimEnd(), message);
    assert.deepEqual(folder.names(), CONFIGURED);
  });
}

for (const [when, at] of [["its first row", 1], ["50,000 rows", 50_000]] as const) {
  Deno.test(`a query that fails after ${when} leaves the file as it was`, async () => {
    await using folder = await configured();
    await Deno.writeTextFile(`${folder.path}/old.csv`, "yesterday's");
    const args = ["breaks", "--format", "csv", "--param", `at=${at}`, "--output", "old.csv"];
    const { code, stderr } = await run(folder, ...args);
    assert.equal(code, 1);
    assert.match(stderr, /^spillway: The run failed: .*integer overflow\n/);
    assert.equal(await Deno.readTextFile(`${folder.path}/old.csv`), "yesterday's");
    assert.deepEqual(folder.names(), ["app.db", "old.csv", "spillway.yaml"]);
  });
}

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`${signal} to the whole group ends a run with ${status}, and no half of a file stays`, async () => {
    await using folder = await configured();
    const child = command(
      ["run", "rows", "--format", "csv", "--param", "rows=50000000", "--output", "rows.csv"],
      { cwd: folder.path },
      { detached: true },
    ).spawn();
    await until(async () => {
      const part = folder.names().find((name) => /^rows\.csv\.[0-9a-f]{8}\.part$/.test(name));
      return part !== undefined && (await Deno.stat(`${folder.path}/${part}`)).size > 0;
    });
    Deno.kill(-child.pid, signal);
    const { code, stderr } = await child.output();
    assert.equal(code, status);
    assert.equal(new TextDecoder().decode(stderr), "spillway: Interrupted\n");
    assert.deepEqual(folder.names(), CONFIGURED);
  });
}

Deno.test("a reader that has had enough, as head does, ends a run in silence", async () => {
  await using folder = await configured();
  const child = command(
    ["run", "rows", "--format", "csv", "--param", "rows=50000000", "--output", "-"],
    { cwd: folder.path },
  ).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value).slice(0, 12), "id,padding\r\n");
  await reader.cancel();
  const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  assert.deepEqual({ code, stderr }, { code: 141, stderr: "" });
});

Deno.test("an output that cannot be written is a line, and 1", async () => {
  await using folder = await configured();
  await Deno.mkdir(`${folder.path}/folder`);
  for (const output of ["missing/items.csv", "folder"]) {
    const { code, stderr } = await run(folder, "items", "--format", "csv", "--output", output);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^spillway: Cannot write ${output}[^\n]*\n$`));
  }
  assert.deepEqual(folder.names(), ["app.db", "folder", "spillway.yaml"]);
});

Deno.test("a named pipe is written to, not put a file in the place of", async () => {
  await using folder = await configured();
  const pipe = `${folder.path}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const reading = new Deno.Command("cat", { args: [pipe] }).output();
  const { code } = await run(folder, "items", "--format", "csv", "--output", "pipe");
  assert.equal(code, 0);
  const { stdout } = await reading;
  assert.equal(new TextDecoder().decode(stdout), "id,note\r\n1,plain\r\n2,'=1+1\r\n");
  assert.equal((await Deno.stat(pipe)).isFifo, true);
});

Deno.test("a link stays a link, and what it points to is replaced", async () => {
  await using folder = await configured();
  await Deno.mkdir(`${folder.path}/files`);
  await Deno.writeTextFile(`${folder.path}/files/items.csv`, "yesterday's");
  await Deno.symlink("files/items.csv", `${folder.path}/latest.csv`);
  const { code } = await run(folder, "items", "--format", "csv", "--output", "latest.csv");
  assert.equal(code, 0);
  assert.equal(await Deno.readLink(`${folder.path}/latest.csv`), "files/items.csv");
  assert.equal(
    await Deno.readTextFile(`${folder.path}/files/items.csv`),
    "id,note\r\n1,plain\r\n2,'=1+1\r\n",
  );
  assert.deepEqual([...Deno.readDirSync(`${folder.path}/files`)].map(({ name }) => name), [
    "items.csv",
  ]);
});
