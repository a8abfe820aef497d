/** Nothing here can build an image, so this checks what a build would trip over. */

import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };

const lock = await Deno.readTextFile(new URL("../deno.lock", import.meta.url));
const dockerfile = await Deno.readTextFile(new URL("../deploy/Dockerfile", import.meta.url));

/** The modules that `main.ts` and the worker load, as the paths that they have in the repository. */
async function loadedModules(): Promise<string[]> {
  const root = new URL("../", import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: root,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string }[];
  };
  return modules.map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith(root.href))
    .map((specifier) => specifier.slice(root.href.length));
}

Deno.test("the image holds every module that is loaded", async () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, names]) =>
    names!.split(" ")
  );
  const modules = await loadedModules();
  assert.ok(modules.includes("runs/worker/mod.ts"));
  assert.deepEqual(modules.filter((path) => !copied.includes(path.split("/")[0]!)), []);
});

Deno.test("the image serves with the permissions of the start task, and its data folder", () => {
  const permissions = (text: string) =>
    [...text.matchAll(/--allow-(\w+)(?:=([^"\s]+))?/g)]
      .map(([, name, list]) => [name, list?.split(",").sort().join(",")] as const);
  const task = new Map(permissions(manifest.tasks.start.command));
  const image = new Map(permissions(dockerfile.slice(dockerfile.indexOf("ENTRYPOINT"))));
  assert.deepEqual([...image.keys()].sort(), [...task.keys()].sort());
  assert.equal(image.get("net"), task.get("net"));
  assert.equal(image.get("write"), "/data");
  assert.equal(image.get("run"), "/usr/local/bin/deno");
});

Deno.test("one Deno everywhere", async () => {
  const ci = await Deno.readTextFile(new URL("../.ci/run", import.meta.url));
  const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  assert.equal(Deno.version.deno, "2.9.6");
  assert.match(dockerfile, /^ARG DENO_VERSION=2\.9\.6$/m);
  assert.match(ci, /^DENO_VERSION=2\.9\.6$/m);
  assert.match(readme, /npx -y deno@2\.9\.6 task start/);
});

Deno.test("everything compiles into one binary, the worker and the demo included", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spillway-compile-" });
  try {
    const binary = `${folder}/spillway`;
    // A module source of somebody's own, which a binary holds from the beginning or not at all.
    const [, ...args] = manifest.tasks.compile.command
      .replace("--output spillway", `--output ${binary} --include tests/examples/reports.ts`)
      .split(" ");
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: new URL("../", import.meta.url),
      // The base binary is a download that not every machine reaches; any program stands in for it.
      env: { DENORT_BIN: "/bin/true", NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    assert.equal(code, 0, decoder.decode(stderr));
    const listing = decoder.decode(stdout) + decoder.decode(stderr);
    for (
      const part of [
        "main.ts",
        "runs",
        "exporters",
        "sources",
        "examples",
        "deno.json",
      ]
    ) {
      // A folder of which only some files are embedded is a tree of its own.
      assert.match(listing, new RegExp(`─[─┬] ${RegExp.escape(part)}\\b`), `${part} is embedded`);
    }
    // Packages stand as `├── yaml/2.9.1/* (675.49KB)` or, with a scope, `├── @zip.js/zip.js/* (8MB)`.
    const packages = [...listing.matchAll(/─ (@[\w.-]+\/[\w.-]+|[\w.-]+(?=\/\d))\S* \(/g)]
      .map(([, name]) => name!);
    assert.ok(packages.includes("hono") && packages.includes("@zip.js/zip.js"), packages.join());
    const locked = Object.keys(JSON.parse(lock).npm).map((name) => name.replace(/(?<!^)@.*/, ""));
    assert.deepEqual(packages.filter((name) => !locked.includes(name)), []);
    const bytes = decoder.decode(await Deno.readFile(binary));
    for (
      const part of [
        ...["runs/worker/mod.ts", "Obeys commands until", "exporters/xlsx/deflate_thread.ts"],
        "runs/ledger/sqlite_thread.ts",
        ...["The demo: `deno task start`", "Visits a day"],
      ]
    ) {
      assert.ok(bytes.includes(part), `${part} is in the binary`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
