/** What the types of `defineSource` allow; each example is a file that the compiler is asked about. */

import assert from "node:assert/strict";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** What the compiler says of a file with a source of these columns and params, and this body of `rows`. */
async function check(body: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-types-" });
  try {
    const path = `${folder}/reports.ts`;
    await Deno.writeTextFile(
      path,
      `import { defineSource } from "@spillway/spillway/source";
      export default defineSource({
        columns: { id: "integer", name: "string", total: "decimal", at: "datetime", data: "binary" },
        params: {
          year: "integer",
          team: "string?",
          since: "date",
          state: ["open", "paid"],
          ids: "integer[]",
          days: "date[]?",
        },
        async *rows({ params, signal }) {
          const good = { id: 1, name: "a", total: "1.50", at: new Date(), data: new Uint8Array() };
          ${body}
        },
      });`,
    );
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", `--config=${CONFIG}`, path],
      env: { NO_COLOR: "1" },
    }).output();
    return code === 0 ? "" : new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("rows and params of the declared types compile", async () => {
  const text = `
    const year: number | bigint = params.year;
    const team: string | null = params.team;
    const state: "open" | "paid" | null = params.state;
    const since: string = params.since;
    const ids: readonly (number | bigint)[] = params.ids;
    const days: readonly string[] | null = params.days;
    signal.throwIfAborted();
    yield good;
    yield { id: 2n, name: null, total: 1.5, at: "2026-01-02 03:04:05", data: null };
    yield [good, { ...good, id: null }];
    void [year, team, state, since, ids, days];`;
  assert.equal(await check(text), "");
});

const WRONG: Readonly<Record<string, readonly [body: string, error: RegExp]>> = {
  "a cell of another type": [
    'yield { ...good, id: "1" };',
    /Type '"1"' is not assignable to type 'number \| bigint \| null'/,
  ],
  "a missing column": ["yield { id: 1 };", /missing the following properties/],
  "a wrong row in a block": ["yield [good, { ...good, name: 5 }];", /is not assignable/],
  "a param that is not declared": [
    "void params.month; yield good;",
    /Property 'month' does not exist/,
  ],
  "a param of another type": [
    "const year: string = params.year; yield good; void year;",
    /not assignable to type 'string'/,
  ],
  "a list of another type": [
    "const ids: readonly string[] = params.ids; yield good; void ids;",
    /not assignable to type 'readonly string\[\]'/,
  ],
  "a param that may be null": [
    "params.team.length; yield good;",
    /'params.team' is possibly 'null'/,
  ],
};

for (const [what, [body, error]] of Object.entries(WRONG)) {
  Deno.test(`${what} does not compile`, async () => {
    assert.match(await check(body), error);
  });
}
