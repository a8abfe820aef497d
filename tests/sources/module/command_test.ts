/** A module behind the real command line, in a worker with no more leave than its settings give. */

import assert from "node:assert/strict";
import { spillway } from "../../commands/fixture.ts";

const REPORT = `
import { defineSource } from "@spillway/spillway/source";
import { greet } from "./lib/greet.ts";

console.log("a line that would break the frames");

export default defineSource({
  columns: { id: "integer", text: "string" },
  params: { count: "integer" },
  *rows({ params }) {
    console.info("and another one");
    for (let id = 1; id <= params.count; id++) yield { id, text: greet(id) };
  },
});
`;

const PLAIN = `
export default {
  columns: { text: "string" },
  async *rows() {
    yield { text: await Deno.readTextFile(new URL("./secret.txt", import.meta.url)) };
  },
};
`;

const CONFIG = `
sources:
  reports: { type: module, path: reports.ts, read: [lib] }
  plain: { type: module, path: plain.js }
exports:
  report: { source: reports, params: { count: { type: integer } }, columns: { text: { title: Text } } }
  secret: { source: plain }
`;

async function run(...args: string[]) {
  const cwd = await Deno.makeTempDir({ prefix: "spillway-module-" });
  try {
    await Deno.mkdir(`${cwd}/lib`);
    await Deno.writeTextFile(
      `${cwd}/lib/greet.ts`,
      "export const greet = (id: number) => `Hi ${id}`;",
    );
    await Deno.writeTextFile(`${cwd}/reports.ts`, REPORT);
    await Deno.writeTextFile(`${cwd}/plain.js`, PLAIN);
    await Deno.writeTextFile(`${cwd}/secret.txt`, "hunter2");
    await Deno.writeTextFile(`${cwd}/spillway.yaml`, CONFIG);
    return await spillway(["run", ...args, "--format", "csv", "--output", "-"], { cwd });
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

Deno.test("a module beside spillway.yaml is exported, whatever it logs", async () => {
  const { code, stdout, stderr } = await run("report", "--param", "count=3");
  assert.equal(stdout.replace("\ufeff", ""), "id,Text\r\n1,Hi 1\r\n2,Hi 2\r\n3,Hi 3\r\n", stderr);
  assert.equal(code, 0);
  assert.match(stderr, /a line that would break the frames\nand another one\n/);
});

Deno.test("a module may not read what its settings do not name", async () => {
  const { code, stdout, stderr } = await run("secret");
  assert.notEqual(code, 0);
  assert.equal(stdout, "");
  assert.doesNotMatch(stderr, /hunter2/);
  assert.match(stderr, /Cannot read the rows: the module failed/);
});
