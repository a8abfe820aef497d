/** The import rule of the design (section 2): imports run one way, and this is what checks it. */

import assert from "node:assert/strict";

/** What each folder may import of ours; `type:` where only types may cross. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["commands", "exporters", "requests", "runs"],
  commands: [
    "access",
    "catalog",
    "examples",
    "exporters",
    "requests",
    "runs",
    "server",
    "sources",
    "table",
  ],
  server: [
    "access",
    "catalog",
    "exporters",
    "requests",
    "routes",
    "runs",
    "server/http",
    "sources",
    "storage",
    "table",
  ],
  "server/http": [],
  routes: [
    "access",
    "catalog",
    "requests",
    "runs",
    "storage",
    "table",
    "type:exporters",
    "type:sources",
  ],
  requests: [
    "access",
    "catalog",
    "exporters/format.ts",
    "runs/protocol.ts",
    "sources/upload/options.ts",
    "type:exporters",
    "type:runs",
    "type:sources",
    "type:table",
  ],
  runs: [
    "runs/worker/priority.ts",
    "storage",
    "type:access",
    "type:exporters",
    "type:requests",
    "type:sources",
    "type:table",
  ],
  "runs/worker": ["exporters", "runs", "sources", "table"],
  catalog: ["access", "table", "type:exporters", "type:sources"],
  exporters: ["table"],
  sources: ["table"],
  access: ["table"],
  storage: [],
  table: [],
  examples: ["type:table"],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

async function* modules(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* modules(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

const root = new URL("../", import.meta.url);

async function importsOf(path: string): Promise<Import[]> {
  const text = await Deno.readTextFile(new URL(path, root));
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:(\{[^}]*\}|\*(?: as \w+)?|\w+)\s+from\s+)?["']([^"']+)["']|\bimport\(["']([^"']+)["']\)/gm,
  );
  return [...statements].map(([, type, names = "", target, dynamic]) => {
    const to = target ?? dynamic!;
    const inner = /^\{(.*)\}$/s.exec(names.trim())?.[1];
    const allTypes = inner !== undefined &&
      inner.split(",").map((name) => name.trim()).filter(Boolean)
        .every((name) => name.startsWith("type "));
    return {
      from: path,
      to: to.startsWith(".") ? new URL(to, new URL(path, root)).href.slice(root.href.length) : to,
      typeOnly: type !== undefined || allTypes,
    };
  });
}

async function allImports(): Promise<Import[]> {
  const paths = ["main.ts"];
  for (const folder of Object.keys(ALLOWED).filter((name) => !/[./]/.test(name))) {
    const there = await Deno.stat(new URL(folder, root)).then(() => true, () => false);
    if (!there) continue;
    for await (const path of modules(new URL(folder, root).pathname)) {
      paths.push(path.slice(root.pathname.length));
    }
  }
  return (await Promise.all(paths.map(importsOf))).flat();
}

/** The room of a file: the longest one that has rules of its own. */
function roomOf(path: string): string {
  const [folder, inner] = path.split("/");
  return `${folder}/${inner}` in ALLOWED ? `${folder}/${inner}` : folder!;
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const room = roomOf(from);
  if (room === roomOf(to)) return true;
  if (!(roomOf(to) in ALLOWED)) return true;
  return ALLOWED[room]!.some((rule) => {
    const onlyTypes = rule.startsWith("type:");
    const place = onlyTypes ? rule.slice("type:".length) : rule;
    return (!onlyTypes || typeOnly) && (to === place || to.startsWith(`${place}/`));
  });
}

Deno.test("imports run one way", async () => {
  const imports = await allImports();
  assert.ok(imports.length > 50, "the scan found the imports");
  const wrong = imports.filter((one) => !isAllowed(one));
  assert.deepEqual(wrong.map(({ from, to }) => `${from} imports ${to}`), []);
});

Deno.test("the rule refuses an import that runs the other way", () => {
  assert.equal(isAllowed({ from: "sources/x.ts", to: "exporters/json.ts", typeOnly: true }), false);
  assert.equal(
    isAllowed({ from: "exporters/x.ts", to: "sources/sqlite/driver.ts", typeOnly: true }),
    false,
  );
  assert.equal(
    isAllowed({ from: "catalog/x.ts", to: "sources/sqlite/driver.ts", typeOnly: false }),
    false,
  );
  assert.equal(isAllowed({ from: "runs/pool.ts", to: "sources/mod.ts", typeOnly: false }), false);
});

/** What may know HTTP as Hono has it. */
const HONO = ["routes", "pages", "server", "examples"];

Deno.test("only routes, pages, the server and an example's application import Hono", async () => {
  const wrong = (await allImports()).filter(({ from, to }) =>
    to.startsWith("hono") && !HONO.includes(from.split("/")[0]!)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("requests know nothing of HTTP", async () => {
  for await (const path of modules(new URL("requests", root).pathname)) {
    const text = await Deno.readTextFile(path);
    assert.doesNotMatch(text, /\b(?:Request|Response|Headers|URLSearchParams)\b/, path);
  }
});

Deno.test("no module imports itself by way of others", async () => {
  const graph = new Map<string, string[]>();
  for (const { from, to } of await allImports()) {
    graph.set(from, [...graph.get(from) ?? [], to]);
  }
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  function visit(module: string, path: readonly string[]): void {
    if (state.get(module) === "open") {
      circles.push([...path.slice(path.indexOf(module)), module].join(" -> "));
    }
    if (state.has(module)) return;
    state.set(module, "open");
    for (const next of graph.get(module) ?? []) visit(next, [...path, module]);
    state.set(module, "done");
  }
  for (const module of graph.keys()) visit(module, []);
  assert.deepEqual(circles, []);
});

Deno.test("only main.ts reads the environment", async () => {
  const readers: string[] = [];
  for (const path of new Set((await allImports()).map(({ from }) => from))) {
    const text = await Deno.readTextFile(new URL(path, root));
    if (/Deno\.env\b|process\.env\b/.test(text.replaceAll(/^\s*\*.*$/gm, ""))) readers.push(path);
  }
  assert.deepEqual(readers, ["main.ts"]);
});
