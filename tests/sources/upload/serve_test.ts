/** A file of the server as the source of an export. */

import assert from "node:assert/strict";
import { emptyFolder, spillway } from "../../commands/fixture.ts";

Deno.test("a file is exported with the types that its export declares", async () => {
  await using folder = await emptyFolder();
  const config = `
sources: { prices: { type: upload, path: prices.csv, separator: semicolon } }
exports:
  prices: { source: prices, columns: { code: { type: string }, price: { title: Price } } }
`;
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, config);
  await Deno.writeTextFile(`${folder.path}/prices.csv`, "code;price\n7;1.50\n8;x\n");
  const args = ["run", "prices", "--format", "csv", "--output", "-"];
  const { code, stdout, stderr } = await spillway(args, { cwd: folder.path });
  assert.deepEqual([code, stdout], [0, "code,Price\r\n7,1.50\r\n8,x\r\n"], stderr);

  await Deno.writeTextFile(`${folder.path}/prices.csv`, 'code;price\n7;"1" 50\n');
  const broken = await spillway(args, { cwd: folder.path });
  assert.deepEqual([broken.code, broken.stderr], [
    1,
    "spillway: The run failed: Cannot read the upload, line 2: text follows a closing quote\n",
  ]);
});
