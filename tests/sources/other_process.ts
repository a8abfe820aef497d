/** Reads a database in a process of its own, which ends though connections are kept. */

import assert from "node:assert/strict";
import type { Row } from "../../table/table.ts";
import { inTime } from "../waiting.ts";

/** The rows of some runs of a query, one after another, once the process has ended. */
export async function readInProcess(
  kind: "mysql" | "postgres",
  url: string,
  text: string,
  runs = 1,
): Promise<readonly Row[]> {
  const folder = new URL(`../../sources/${kind}/`, import.meta.url).href;
  const code = `import { ${kind} } from "${folder}descriptor.ts";
    import { ${kind}Driver } from "${folder}driver.ts";
    const config = ${kind}.config.parse({ url: ${JSON.stringify(url)} });
    const query = { text: ${JSON.stringify(text)}, params: {} };
    const rows = [];
    for (let run = 0; run < ${runs}; run++) {
      const { batches } = await ${kind}Driver.open(config, query, { keep: true });
      for await (const batch of batches) rows.push(...batch);
    }
    console.log(JSON.stringify(rows));`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    cwd: new URL("..", import.meta.url),
  });
  const { success, stdout, stderr } = await inTime(command.output(), "the process to end");
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}
