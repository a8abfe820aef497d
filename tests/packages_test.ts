/** What starting Spillway fetches: the packages that it runs with, and none that only tests import. */

import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };
import testManifest from "./deno.json" with { type: "json" };

/** The packages of a lock file, by name and version. */
async function lockedPackages(path: string): Promise<Record<string, { integrity: string }>> {
  return JSON.parse(await Deno.readTextFile(new URL(path, import.meta.url))).npm;
}

const packages = await lockedPackages("../deno.lock");
const testPackages = await lockedPackages("./deno.lock");

/** What runs: the program, its workers, and the threads of its workbooks and of its ledger. */
const ENTRY_POINTS = [
  "main.ts",
  "runs/worker/mod.ts",
  "exporters/xlsx/deflate_thread.ts",
  "runs/ledger/sqlite_thread.ts",
];

/** With those that they bring along; each is fetched at the first start, and is in the binary. */
const MAX_PACKAGES = 26;

/** The packages of the lock file that a module and all that it imports are resolved with. */
async function packagesOf(entryPoint: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entryPoint],
    cwd: new URL("../", import.meta.url),
  }).output();
  const { modules, npmPackages } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string; error?: string }[];
    npmPackages: Record<string, unknown>;
  };
  assert.deepEqual(modules.filter(({ error }) => error !== undefined), []);
  assert.ok(modules.some(({ specifier }) => specifier.endsWith(`/${entryPoint}`)));
  return Object.keys(npmPackages);
}

Deno.test("the binary has every module that is started by its name", () => {
  const { command } = manifest.tasks.compile;
  const [main, ...others] = ENTRY_POINTS;
  assert.ok(command.endsWith(` ${main}`), command);
  for (const part of others) assert.ok(command.includes(` --include ${part} `), part);
});

Deno.test("what runs needs few packages, and none that only tests import", async () => {
  const locked = Object.keys(packages);
  assert.ok(locked.length <= MAX_PACKAGES, `${locked.length}: ${locked.join(", ")}`);
  for (const entryPoint of ENTRY_POINTS) {
    const foreign = (await packagesOf(entryPoint)).filter((name) => !locked.includes(name));
    assert.deepEqual(foreign, [], entryPoint);
  }
  const shared: Record<string, string> = manifest.imports;
  const onlyTests = Object.keys(testManifest.imports).filter((name) => !(name in shared));
  assert.ok(onlyTests.includes("fast-check"));
  const names = locked.map((name) => name.replace(/(?<!^)@.*/, ""));
  assert.deepEqual(onlyTests.filter((name) => names.includes(name)), []);
});

Deno.test("tests run with the packages that the program runs with", () => {
  const own: Record<string, string> = testManifest.imports;
  for (const [name, specifier] of Object.entries(manifest.imports)) {
    assert.equal(own[name], specifier, `tests/deno.json has the ${name} of deno.json`);
  }
  for (const [name, { integrity }] of Object.entries(packages)) {
    assert.equal(testPackages[name]?.integrity, integrity, `tests/deno.lock has ${name}`);
  }
  assert.deepEqual(testManifest.compilerOptions, manifest.compilerOptions);
});
