/** `check`, and what every command says of a configuration that is wrong. */

import assert from "node:assert/strict";
import { configured, emptyFolder, spillway } from "./fixture.ts";

const WRONG = `server:
  hostname: 0.0.0.0
  port: 70000
  drain_timeout: 25
sources:
  app: { type: sqlite, path: 5 }
  warehouse: { type: oracle }
exports:
  audit-log:
    source: ap
    query: select * from audit where org = :org and day > :from
    params:
      org: { type: int }
    columns:
      amount: { type: money }
    formats: [csv, pdf]
limits: { concurrent: 0, colour: red }
colours: {}
`;

/** Where the mistakes of it are, each a line of standard error. */
const PLACES = [
  "spillway.yaml:2: server.hostname: ",
  "spillway.yaml:3: server.port: ",
  "spillway.yaml:4: server.drain_timeout: ",
  "spillway.yaml:6: sources.app.path: ",
  "spillway.yaml:7: sources.warehouse.type: ",
  "spillway.yaml:10: exports.audit-log.source: ",
  "spillway.yaml:11: exports.audit-log.query: ",
  "spillway.yaml:13: exports.audit-log.params.org.type: ",
  "spillway.yaml:15: exports.audit-log.columns.amount.type: ",
  "spillway.yaml:16: exports.audit-log.formats[1]: ",
  "spillway.yaml:17: limits.concurrent: ",
  "spillway.yaml:17: limits.colour: ",
  "spillway.yaml:18: colours: ",
];

for (
  const args of [
    ["check"],
    ["serve"],
    ["run", "audit-log", "--format", "csv", "--output", "audit.csv"],
  ]
) {
  Deno.test(`${args[0]} says every mistake of a configuration with its path, and exits with 78`, async () => {
    await using folder = await emptyFolder();
    await Deno.writeTextFile(`${folder.path}/spillway.yaml`, WRONG);
    // A process without leave to listen cannot have tried: it would have been refused.
    const { code, stdout, stderr } = await spillway([...args, "--config", "spillway.yaml"], {
      cwd: folder.path,
      flags: ["--deny-net", "--deny-run", "--deny-write"],
    });
    assert.equal(code, 78);
    assert.equal(stdout, "");
    const [first, ...lines] = stderr.trimEnd().split("\n");
    assert.equal(first, "spillway: Cannot use the configuration: 13 mistakes");
    for (const [index, place] of PLACES.entries()) {
      assert.equal(lines[index]?.slice(0, place.length), place);
    }
    assert.equal(lines.length, PLACES.length);
    assert.deepEqual(folder.names(), ["spillway.yaml"]);
  });
}

Deno.test("check says that a good configuration is good, and opens nothing", async () => {
  await using folder = await configured();
  await Deno.remove(`${folder.path}/app.db`);
  assert.deepEqual(await spillway(["check"], { cwd: folder.path }), {
    code: 0,
    stdout: "./spillway.yaml: good, 4 exports from 1 source\n",
    stderr: "",
  });
});

Deno.test("check warns of a schedule whose key has expired", async () => {
  await using folder = await configured();
  const path = `${folder.path}/spillway.yaml`;
  const text = await Deno.readTextFile(path);
  const key = `{ id: k7f3q2ab, sha256: "${"ab".repeat(32)}", expires: 2026-01-01 }`;
  const schedule = '{ cron: "@daily", export: items, format: csv, key: k7f3q2ab }';
  const more =
    `access: { keys: [${key}] }\nspool: { dir: spool }\nschedules: { night: ${schedule} }`;
  await Deno.writeTextFile(path, `${text}\n${more}\n`);
  assert.deepEqual(await spillway(["check"], { cwd: folder.path }), {
    code: 0,
    stdout: "./spillway.yaml: good, 4 exports from 1 source\n",
    stderr: "warning: schedules.night: does not run: its key k7f3q2ab has expired\n",
  });
});

Deno.test("check takes the file of --config, else of SPILLWAY_CONFIG, else the demo", async () => {
  await using folder = await configured();
  await using elsewhere = await emptyFolder();
  const cwd = elsewhere.path;
  const file = `${folder.path}/spillway.yaml`;
  const good = { code: 0, stdout: `${file}: good, 4 exports from 1 source\n`, stderr: "" };
  assert.deepEqual(await spillway(["check", "--config", file], { cwd }), good);
  const environment = { SPILLWAY_CONFIG: file };
  assert.deepEqual(await spillway(["check"], { cwd, environment }), good);
  assert.deepEqual(await spillway(["check"], { cwd }), {
    code: 0,
    stdout: "examples/spillway.yaml: good, 2 exports from 1 source\n",
    stderr: "",
  });
  assert.deepEqual(elsewhere.names(), [], "the demo is checked, not made");
});

Deno.test("a configuration that is not there is a line and 78, not the demo", async () => {
  await using folder = await emptyFolder();
  const { code, stderr } = await spillway(["check", "--config", "none.yaml"], {
    cwd: folder.path,
  });
  assert.equal(code, 78);
  assert.match(stderr, /^spillway: Cannot read the configuration: .*none\.yaml.*\n$/);
});

Deno.test("a variable that is not set is a mistake; one that is set is used", async () => {
  await using folder = await configured();
  const file = `${folder.path}/spillway.yaml`;
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace("port: 0", 'hostname: "${SPILLWAY_TEST_HOST}"'));
  const unset = await spillway(["check"], { cwd: folder.path });
  assert.equal(unset.code, 78);
  assert.match(
    unset.stderr,
    /spillway\.yaml:2: server\.hostname: .*SPILLWAY_TEST_HOST is not set/,
  );
  const environment = { SPILLWAY_TEST_HOST: "::1" };
  assert.equal((await spillway(["check"], { cwd: folder.path, environment })).code, 0);
});
