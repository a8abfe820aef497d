/** The command line: what it says of itself, and of what it does not understand. */

import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };
import { FORMATS } from "../exporters/mod.ts";
import { emptyFolder, type Finished, spillway } from "./commands/fixture.ts";

async function inEmptyFolder(...args: string[]): Promise<Finished> {
  await using folder = await emptyFolder();
  return await spillway(args, { cwd: folder.path });
}

for (const flag of ["--help", "-h"]) {
  Deno.test(`${flag} says every command, option and format`, async () => {
    const { code, stdout, stderr } = await inEmptyFolder(flag);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /^Spillway turns rows into files/);
    for (const command of ["serve", "check", "run", "convert", "key", "link"]) {
      assert.match(stdout, new RegExp(`^ {2}spillway ${command} `, "m"));
    }
    for (const option of ["config", "format", "output", "param", "help", "version"]) {
      assert.match(stdout, new RegExp(`^ {2}(?:-\\w, )?--${option} `, "m"));
    }
    for (const option of ["columns=a,b", "delivery=whole", "dialect=excel", "level=6"]) {
      assert.match(stdout, new RegExp(`^ {2}_${option} `, "m"));
    }
    for (const format of Object.keys(FORMATS)) {
      assert.match(stdout, new RegExp(`\\b${format}\\b`));
    }
  });
}

for (const flag of ["--version", "-V"]) {
  Deno.test(`${flag} says the version of deno.json`, async () => {
    const expected = { code: 0, stdout: `spillway ${manifest.version}\n`, stderr: "" };
    assert.deepEqual(await inEmptyFolder(flag), expected);
  });
}

const MISUSES: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [[], /^spillway: there is no command; --help tells more\n$/],
  [["export"], /^spillway: "export" is no command; --help tells more\n$/],
  [["--colour"], /^spillway: Unknown option '--colour'.*; --help tells more\n$/s],
  [["serve", "--port", "80"], /^spillway: Unknown option '--port'.*; --help tells more\n$/s],
  [["serve", "now"], /^spillway: serve takes no operand; --help tells more\n$/],
  [["check", "it"], /^spillway: check takes no operand; --help tells more\n$/],
  [
    ["check", "--config"],
    /^spillway: Option '--config <value>' argument missing; --help tells more\n$/,
  ],
  [["run"], /^spillway: run takes one export; --help tells more\n$/],
  [["run", "a", "b"], /^spillway: run takes one export; --help tells more\n$/],
  [["run", "a", "--output", "-"], /^spillway: run needs --format; --help tells more\n$/],
  [["key"], /^spillway: key takes new or receipt; --help tells more\n$/],
  [["link", "a"], /^spillway: link needs --format; --help tells more\n$/],
  [["run", "a", "--format", "csv"], /^spillway: run needs --output; --help tells more\n$/],
];

for (const [args, message] of MISUSES) {
  Deno.test(`"spillway ${args.join(" ")}" is a usage error`, async () => {
    const { code, stdout, stderr } = await inEmptyFolder(...args);
    assert.equal(code, 64);
    assert.equal(stdout, "");
    assert.match(stderr, message);
  });
}
