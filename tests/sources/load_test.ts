import assert from "node:assert/strict";
import { loadSource } from "../../sources/load.ts";
import { sources } from "../../sources/mod.ts";

Deno.test("every kind of source is loaded by its name", async () => {
  for (const [type, kind] of Object.entries(sources)) {
    assert.equal(await loadSource(type), kind, type);
  }
});

/** Where the formats are. */
const EXPORTERS = new URL("../../exporters/", import.meta.url).href;

/** A module of `deno info --json`, with what it imports. */
interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier: string };
    readonly npmPackage?: string;
  }[];
}

Deno.test("a worker starts without the libraries of sources, which cost memory and time", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "runs/worker.ts"],
    cwd: new URL("../../", import.meta.url),
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const started = new Set<string>();
  const dynamic = new Set<string>();
  const pending = [...byName.keys()].filter((name) => name.endsWith("/runs/worker.ts"));
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (started.size === started.add(name).size) continue;
    for (const { isDynamic, code } of byName.get(name)?.dependencies ?? []) {
      if (code === undefined) continue;
      // What writes formats is loaded at the start; what they are to the server never is.
      const isFormat = code.specifier.endsWith("/format.ts");
      const isExporter = code.specifier.startsWith(EXPORTERS) && !isFormat;
      if (!isDynamic || isExporter) pending.push(code.specifier);
      else if (!isFormat) dynamic.add(code.specifier);
    }
  }
  const names = [...started].map((name) => name.replace(/@[\d.]+.*$/, ""));
  for (const module of ["exporters/mod.ts", "exporters/csv/mod.ts", "exporters/xlsx/mod.ts"]) {
    assert(names.some((name) => name.endsWith(module)), names.join());
  }
  assert.deepEqual(names.filter((name) => /mysql|postgres|csv-parse|zod/.test(name)), []);
  assert.equal(dynamic.size, Object.keys(sources).length);
});
