/** Documentation is checked like code: every exported thing is explained, and every link leads somewhere. */

import assert from "node:assert/strict";
import { walk } from "./source_files.ts";

const root = new URL("../", import.meta.url);

Deno.test("every exported thing has a docstring", async () => {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["doc", "--lint", "main.ts"],
      ...[
        "access",
        "catalog",
        "commands",
        "examples/demo_data.ts",
        "exporters",
        "requests",
        "routes",
        "runs",
        "server",
        "sources",
        "storage",
        "table",
      ],
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  const errors = [...text.matchAll(/^error\[([\w-]+)\]: (.*)\n\s*--> (.*)$/gm)];
  assert.ok(errors.length > 0 || /Checked \d+ files/.test(text), text);
  // The lint cannot see into npm packages, and calls their types private.
  const foreign =
    /references private type '(?:Hono|JSONWebKeySet|JWK|JWTVerifyGetKey|MiddlewareHandler|ZodType|output|infer|z\..*|Connection|PrepareStatementInfo|Query|ZipWriter)'/;
  const ours = errors.filter(([, rule, message, location]) =>
    rule === "private-type-ref" ? !foreign.test(message!) : !isObvious(location!)
  );
  assert.deepEqual(
    ours.map(([, rule, message, location]) => `${rule}: ${message} at ${location}`),
    [],
  );
});

/** Whether at `path:line:column` stands what says all by itself: a constructor, or what a base class explains. */
function isObvious(location: string): boolean {
  const [, path, line] = /^(.*):(\d+):\d+$/.exec(location)!;
  const text = Deno.readTextFileSync(path!).split("\n")[Number(line) - 1]!;
  return /^\s*(?:override |constructor\()/.test(text);
}

Deno.test("every link between documents leads somewhere", async () => {
  const pages = ["README.md", "CHANGELOG.md", "benchmarks/README.md", "examples/saas/README.md"];
  for await (const { name } of Deno.readDir(new URL("docs/", root))) pages.push(`docs/${name}`);
  let links = 0;
  for (const page of pages) {
    const text = await Deno.readTextFile(new URL(page, root));
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target!)) continue;
      links++;
      await Deno.stat(new URL(target!, new URL(page, root))).catch(() => {
        assert.fail(`${page} links to ${target}, which is not there`);
      });
    }
  }
  assert.ok(links > 5);
});

/** Where code is. */
const CODE = [
  "main.ts",
  "access",
  "benchmarks",
  "catalog",
  "commands",
  "examples",
  "exporters",
  "requests",
  "routes",
  "runs",
  "server",
  "sources",
  "storage",
  "table",
  "tests",
];

Deno.test("every file that docs/design.md names is there, and every part of it that a comment cites", async () => {
  const text = await Deno.readTextFile(new URL("docs/design.md", root));
  const titles = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!);
  const paths: string[] = [];
  const cited = new Set<string>();
  for await (const { path, text } of walk(CODE, [".ts"])) {
    paths.push(path);
    const comments = text.replaceAll(/\s*\n\s*(?:\*|\/\/)\s*/g, " ");
    for (const [, title] of comments.matchAll(/docs\/design\.md, "([^"]+)"/g)) cited.add(title!);
  }
  const named = [...text.matchAll(/`([a-z_/]+\.ts)`/g)].map(([, path]) => path!);
  assert.ok(named.length > 40 && cited.size > 3);
  assert.deepEqual(
    named.filter((name) => !paths.some((path) => path === name || path.endsWith(`/${name}`))),
    [],
  );
  assert.deepEqual(
    [...cited].filter((title) => !titles.some((whole) => whole.startsWith(title))),
    [],
  );
});
