/** How many descriptors are left: counted by a process that has few, and by one that may not try. */

import assert from "node:assert/strict";

const MODULE = new URL("../../../server/http/descriptors.ts", import.meta.url).href;

/** Counts with all that are left, with three, and with none. */
const EXHAUST = `
const counts = [countFreeDescriptors(10) ?? null];
const files = [];
try {
  for (;;) files.push(Deno.openSync("/dev/null"));
} catch {
  files.splice(0, 3).forEach((file) => file.close());
  counts.push(countFreeDescriptors(10) ?? null);
  for (let more = 0; more < 3; more++) files.push(Deno.openSync("/dev/null"));
  counts.push(countFreeDescriptors(10) ?? null);
}
files.forEach((file) => file.close());
console.log(JSON.stringify(counts));
`;

/** Runs a script in a process that may have 64 files open; what it says. */
async function run(script: string, ...flags: string[]): Promise<unknown> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, `import { countFreeDescriptors } from "${MODULE}";\n${script}`);
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: [
        ...["-c", `ulimit -n 64; exec "$@"`, "sh", Deno.execPath(), "run", "--quiet"],
        ...["--no-prompt", "--cached-only", "--no-check", ...flags, file],
      ],
    }).output();
    const decoder = new TextDecoder();
    assert.ok(success, decoder.decode(stderr));
    return JSON.parse(decoder.decode(stdout));
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("descriptors are counted up to as many as are wanted, down to none", async () => {
  assert.deepEqual(await run(EXHAUST, "--allow-read"), [10, 3, 0]);
});

Deno.test("a process that may not read the file does not know how many there are", async () => {
  assert.equal(await run("console.log(countFreeDescriptors(10) ?? null)"), null);
});
