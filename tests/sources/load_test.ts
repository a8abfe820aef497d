/** What each side of sources loads: run where nothing else can be loaded, not the libraries of the other side. */

import assert from "node:assert/strict";
import { loadDriver, SOURCES } from "../../sources/mod.ts";

const ROOT = new URL("../../", import.meta.url);

const { imports } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT))) as {
  readonly imports: Readonly<Record<string, string>>;
};

/** The libraries that a server needs and no worker, and the other way round. */
const SERVER_LIBRARIES = [
  "@fastify/busboy",
  "@logtape/logtape",
  "croner",
  "hono",
  "jose",
  "yaml",
  "zod",
];
const WORKER_LIBRARIES = ["@zip.js/zip.js"];

/** What a server loads only where it sends spans. */
const TRACING_LIBRARIES = ["@opentelemetry/api"];

/** Those that drivers read with. */
const DRIVER_LIBRARIES: Readonly<Record<keyof typeof SOURCES, readonly string[]>> = {
  http: ["csv-parse"],
  module: [],
  mysql: ["mysql2"],
  postgres: ["postgres"],
  sqlite: [],
  upload: ["chardet", "saxes"],
};

/** Runs a script that sees some of the project's libraries alone, and gives what it prints. */
async function runWith(libraries: readonly string[], script: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-load-" });
  try {
    const seen = Object.fromEntries(libraries.map((name) => [name, imports[name]!]));
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports: seen }));
    await Deno.writeTextFile(`${folder}/script.ts`, script);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--no-lock",
        "--cached-only",
        "--allow-all",
        `--config=${folder}/deno.json`,
        `${folder}/script.ts`,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return decoder.decode(stdout) + decoder.decode(stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A script that imports some of the project's modules. */
function importing(paths: readonly string[], then: string): string {
  return `${paths.map((path) => `import "${ROOT.href}${path}";`).join("\n")}
    import { loadDescriptors, loadDriver } from "${ROOT.href}sources/mod.ts";
    import { loadExporters, loadFormats } from "${ROOT.href}exporters/mod.ts";
    ${then}`;
}

Deno.test("every library is the server's, the workers' or a driver's", () => {
  const drivers = Object.values(DRIVER_LIBRARIES).flat();
  assert.deepEqual(
    [...SERVER_LIBRARIES, ...WORKER_LIBRARIES, ...TRACING_LIBRARIES, ...drivers].sort(),
    Object.keys(imports).filter((name) => name !== "@types/node").sort(),
  );
});

Deno.test("a server needs no library that reads sources or writes files", async () => {
  const commands = ["main.ts", "commands/serve.ts", "commands/check.ts", "commands/run.ts"];
  const script = importing(
    commands,
    `await loadFormats();
    console.log(Object.keys(await loadDescriptors()).join());`,
  );
  assert.equal(
    await runWith(SERVER_LIBRARIES, script),
    "http,module,mysql,postgres,sqlite,upload\n",
  );
});

for (const [type, libraries] of Object.entries(DRIVER_LIBRARIES)) {
  Deno.test(`a worker of ${type} sources needs no schema and no other driver`, async () => {
    const script = importing(
      ["runs/worker/mod.ts"],
      `await loadExporters();
      console.log(typeof (await loadDriver("${type}")).open);`,
    );
    assert.equal(await runWith([...WORKER_LIBRARIES, ...libraries], script), "function\n");
  });
}

Deno.test("every kind can be loaded", async () => {
  for (const type of Object.keys(SOURCES)) {
    assert.equal(typeof (await loadDriver(type)).open, "function", type);
  }
});
