/**
 * What so many applications do: the whole export into a temporary file, then the file to the client.
 *
 * It stands for them in `no_space_left_test.ts`. Everything about it is right but the idea: it finishes
 * short writes, removes its file whatever happens, and answers 500 when it cannot go on.
 */

import { DatabaseSync } from "node:sqlite";

const encoder = new TextEncoder();

async function writeAll(file: Deno.FsFile, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** Writes an export of so many rows of 10,000 bytes. */
async function writeExport(path: string, rows: number): Promise<void> {
  using file = await Deno.open(path, { write: true });
  using database = new DatabaseSync(":memory:");
  const statement = database.prepare(
    `with recursive n(id) as (select 1 union all select id + 1 from n limit ?)
     select id, printf('%09990d', id) as padding from n`,
  );
  await writeAll(file, "id,padding\r\n");
  for (const { id, padding } of statement.iterate(rows)) {
    await writeAll(file, `${id},${padding}\r\n`);
  }
}

async function answer(request: Request): Promise<Response> {
  const path = await Deno.makeTempFile({ suffix: ".csv" });
  try {
    await writeExport(path, Number(new URL(request.url).searchParams.get("rows")));
    return new Response((await Deno.open(path)).readable);
  } catch (error) {
    return new Response(String(error), { status: 500 });
  } finally {
    await Deno.remove(path); // what is open can be read to its end
  }
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, answer);
