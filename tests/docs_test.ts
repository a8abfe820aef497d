/** Documentation is checked like code: every exported thing is explained, and every link leads somewhere. */

import assert from "node:assert/strict";

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
    /references private type '(?:Hono|JWTVerifyGetKey|MiddlewareHandler|ZodType|output|infer|z\..*|Connection|PrepareStatementInfo|Query|ZipWriter)'/;
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
  const pages = ["README.md", "CHANGELOG.md", "benchmarks/README.md"];
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
