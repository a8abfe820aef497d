import assert from "node:assert/strict";
import { module } from "../../../sources/module/descriptor.ts";
import { moduleDriver } from "../../../sources/module/driver.ts";
import { type ParamType, type ParamValue, SourceError } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { inTime } from "../../waiting.ts";
import { createFolder } from "./fixture.ts";

type Params = Readonly<Record<string, ParamValue>>;

/** Opens a module of this text. */
async function open(text: string, params: Params = {}, settings: object = {}) {
  using folder = createFolder();
  const config = module.config.parse({ path: folder.write(text), ...settings });
  return await moduleDriver.open(config, { text: "", params });
}

async function rowsOf(text: string, params: Params = {}): Promise<readonly Row[]> {
  return (await Array.fromAsync((await open(text, params)).batches)).flat();
}

/** A module with one column, whose generator has this body. */
const one = (type: string, body: string) =>
  `export default { columns: { a: "${type}" }, *rows() { ${body} } };`;

async function assertFails(promise: Promise<unknown>, message: string): Promise<SourceError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert(error instanceof SourceError, `not a SourceError: ${error}`);
  assert.equal(error.message, message);
  return error;
}

Deno.test("the settings are a path, and lists of files and hosts to give leave for", () => {
  const settings = {
    path: "reports.ts",
    read: ["lib"],
    net: ["stats.internal:443"],
    max_row: 64 * 2 ** 20,
  };
  const { max_row: _, ...written } = settings;
  assert.deepEqual(module.config.parse(written), settings);
  assert.deepEqual(module.permissions?.(settings), { read: ["lib"], net: ["stats.internal:443"] });
  for (const wrong of [{}, { path: "" }, { path: "a.ts", net: "a" }, { path: "a.ts", query: "" }]) {
    assert.equal(module.config.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

Deno.test("a file that cannot be loaded is an error without its path", async () => {
  const message = "Cannot open source: the module cannot be loaded";
  for (const text of ["export default {", 'throw new Error("secret")', 'import "./none.ts"']) {
    const error = await assertFails(open(text), message);
    assert(error.cause instanceof Error);
  }
  await assertFails(
    moduleDriver.open(module.config.parse({ path: "/nowhere/reports.ts" }), {
      text: "",
      params: {},
    }),
    message,
  );
});

Deno.test("a module of another shape is an error that says which part is wrong", async () => {
  const CASES = [
    ["export const a = 1", "has no default export that is an object"],
    ["export default () => {}", "has no default export that is an object"],
    ["export default { *rows() {} }", "has no `columns`"],
    ["export default { columns: {}, *rows() {} }", "has no `columns`"],
    [
      'export default { columns: { a: "money" }, *rows() {} }',
      'gives column "a" no type that there is',
    ],
    [
      'export default { columns: { a: "date" }, params: { b: "day" }, *rows() {} }',
      'gives param "b" no type that there is',
    ],
    ['export default { columns: { a: "date" } }', "has no function `rows`"],
    [
      'export default { columns: { a: "date" }, rows() {} }',
      "has a function `rows` that gives nothing to iterate over",
    ],
  ] as const;
  for (const [text, reason] of CASES) {
    await assertFails(open(text), `Cannot open source: the module ${reason}`);
  }
});

Deno.test("params that the module and the export do not share are errors", async () => {
  const text = `export default {
    columns: { a: "string" },
    params: { year: "integer", team: "string?", state: ["open", "paid"] },
    *rows({ params }) { yield { a: [params.year, params.team, params.state].join() }; },
  }`;
  const good = { year: 2026, team: null, state: "open" };
  assert.deepEqual(await rowsOf(text, good), [["2026,,open"]]);
  const CASES: (readonly [Params, string])[] = [
    [{ ...good, day: 1 }, 'does not declare the param "day" of the export'],
    [{ team: "x", state: "open" }, 'wants a param "year", which the export does not declare'],
    [{ ...good, year: "2026" }, 'wants integer for the param "year", and is given something else'],
    [{ ...good, year: null }, 'wants integer for the param "year", and is given null'],
    [{ ...good, state: "lost" }, 'does not know the value of the param "state"'],
    [{ ...good, year: [2026] }, 'wants integer for the param "year", and is given something else'],
  ];
  for (const [params, reason] of CASES) {
    await assertFails(open(text, params), `Cannot open source: the module ${reason}`);
  }
});

Deno.test("a list is an array, each of whose items is of its type", async () => {
  const text = `export default {
    columns: { a: "string" },
    params: { ids: "integer[]", days: "date[]?" },
    *rows({ params }) { yield { a: JSON.stringify([params.ids.map(String), params.days]) }; },
  }`;
  assert.deepEqual(await rowsOf(text, { ids: [1, 2n ** 60n], days: ["2026-01-02"] }), [
    ['[["1","1152921504606846976"],["2026-01-02"]]'],
  ]);
  assert.deepEqual(await rowsOf(text, { ids: [], days: null }), [["[[],null]"]]);
  for (const ids of [1, null, ["1"], [1.5]]) {
    const given = ids === null ? "null" : "something else";
    await assertFails(
      open(text, { ids, days: null }),
      `Cannot open source: the module wants integer[] for the param "ids", and is given ${given}`,
    );
  }
});

Deno.test("a row that is larger than max_row is an error that names it", async () => {
  const columns = 'columns: { n: "integer", a: "string", b: "binary" }';
  const text = `export default { ${columns}, *rows() {
    yield { n: 1, a: "x".repeat(1000), b: new Uint8Array(24) };
    yield { n: 2, a: "x".repeat(1000), b: new Uint8Array(25) };
  } }`;
  assert.equal((await Array.fromAsync((await open(text)).batches)).flat().length, 2);
  const { batches } = await open(text, {}, { max_row: "1KiB" });
  await assertFails(
    Array.fromAsync(batches),
    "Cannot read the query: a row is larger than max_row, which is 1KiB",
  );
  // A time may have any number of digits.
  const times = `export default { columns: { at: "time" }, *rows() {
    yield { at: "12:00:00." + "0".repeat(1015) };
    yield { at: "12:00:00." + "0".repeat(1016) };
  } }`;
  const slow = await open(times, {}, { max_row: "1KiB" });
  await assertFails(
    Array.fromAsync(slow.batches),
    "Cannot read the query: a row is larger than max_row, which is 1KiB",
  );
});

Deno.test("a module says its columns without making a row, and is compared with its export", async () => {
  using folder = createFolder();
  const path = folder.write(`export default {
    columns: { day: "date", visits: "integer" },
    params: { ids: "integer[]", since: "date?", note: "string", state: ["open", "paid"] },
    rows() { throw new Error("a row was asked for"); },
  }`);
  const describe = (types?: Readonly<Record<string, ParamType>>) =>
    moduleDriver.describe!(module.config.parse({ path }), types && { text: "", params: {}, types });
  const good = { ids: "integer[]", since: "date", note: "enum", state: "enum" } as const;
  assert.deepEqual(await describe(good), [
    { name: "day", type: "date", strict: true },
    { name: "visits", type: "integer", strict: true },
  ]);
  assert.equal(await describe(), undefined);
  const { ids: _, ...without } = good;
  for (
    const [types, reason] of [
      [without, 'wants a param "ids", which the export does not declare'],
      [{ ...good, more: "date" }, 'does not declare the param "more" of the export'],
      [
        { ...good, ids: "integer" },
        'wants integer[] for the param "ids", and the export\'s is integer',
      ],
      [
        { ...good, since: "string" },
        'wants date? for the param "since", and the export\'s is string',
      ],
      [
        { ...good, state: "string" },
        'wants enum for the param "state", and the export\'s is string',
      ],
    ] as const
  ) await assertFails(describe(types), `Cannot open source: the module ${reason}`);
});

Deno.test("rows come one by one or many at a time, awaited or not", async () => {
  assert.deepEqual(
    await rowsOf(
      one("integer", "yield { a: 1 }; yield [{ a: 2 }, { a: 3 }]; yield []; yield { a: 4 };"),
    ),
    [[1], [2], [3], [4]],
  );
  const array = 'export default { columns: { a: "integer" }, rows: () => [{ a: 1 }, { a: 2 }] }';
  assert.deepEqual(await rowsOf(array), [[1], [2]]);
});

Deno.test("a large block is cut into batches, and is not read before they are", async () => {
  const text = one("integer", "yield Array.from({ length: 600 }, (_, a) => ({ a }));");
  const batches = await Array.fromAsync((await open(text)).batches);
  assert.deepEqual(batches.map(({ length }) => length), [256, 256, 88]);
});

Deno.test("a moment is a datetime in UTC, and great integers are exact", async () => {
  assert.deepEqual(await rowsOf(one("datetime", "yield { a: new Date(0) };")), [
    ["1970-01-01T00:00:00.000Z"],
  ]);
  assert.deepEqual(await rowsOf(one("integer", "yield { a: 5n }; yield { a: 2n ** 60n };")), [
    [5],
    [1152921504606846976n],
  ]);
});

Deno.test("a row that is not what the columns say is an error that names row and column", async () => {
  const CASES = [
    ["string", "yield { a: 'x' }; yield { a: 1 };", 'row 2 has in column "a" what is not a string'],
    [
      "integer",
      "yield { a: 1.5 };",
      'row 1 has in column "a" what is not a whole number, a bigint beyond 2^53',
    ],
    [
      "integer",
      "yield { a: 2 ** 60 };",
      'row 1 has in column "a" what is not a whole number, a bigint beyond 2^53',
    ],
    ["date", "yield { a: 'today' };", 'row 1 has in column "a" what is not YYYY-MM-DD'],
    [
      "datetime",
      "yield { a: new Date(NaN) };",
      'row 1 has in column "a" what is not YYYY-MM-DD HH:MM:SS or a Date',
    ],
    ["string", "yield { a: undefined };", 'row 1 has in column "a" what is not a string'],
    ["string", "yield {};", 'row 1 has no column "a"'],
    ["string", "yield { a: '', b: '' };", 'row 1 has a column "b", which is not declared'],
    ["string", "yield 'a';", "row 1 is not an object"],
  ] as const;
  for (const [type, body, reason] of CASES) {
    await assertFails(rowsOf(one(type, body)), `Cannot read the rows: ${reason}`);
  }
});

Deno.test("what an author's error says is for the log, not for the caller", async () => {
  const text = one("integer", "yield { a: 1 }; throw new TypeError('password=hunter2');");
  const error = await assertFails(rowsOf(text), "Cannot read the rows: the module failed");
  assert.equal((error.cause as Error).message, "password=hunter2");
});

Deno.test("rows that come slowly are not kept back until a batch is full", async () => {
  const text = `export default {
    columns: { a: "integer" },
    async *rows({ signal }) {
      yield { a: 1 };
      yield { a: 2 };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }`;
  const reader = (await open(text)).batches.getReader();
  assert.deepEqual((await reader.read()).value, [[1], [2]]);
  await reader.cancel();
});

Deno.test("a cancel is heard while a generator never waits, and runs its finally", async () => {
  Object.assign(globalThis, { returned: 0 });
  const text = `export default {
    columns: { a: "integer" },
    async *rows() {
      try { for (let a = 0;; a++) yield { a }; } finally { globalThis.returned++; }
    },
  }`;
  const reader = (await open(text)).batches.getReader();
  let cancelling: Promise<void> | undefined;
  setTimeout(() => cancelling = reader.cancel(), 30);
  const reading = (async () => {
    while (!(await reader.read()).done);
  })();
  await inTime(reading, "the cancel, between reads that never wait");
  await cancelling;
  assert.equal((globalThis as unknown as { returned: number }).returned, 1);
});

Deno.test("a generator that does not listen holds nobody up", async () => {
  const text = `export default {
    columns: { a: "integer" },
    async *rows() {
      yield { a: 1 };
      await new Promise(() => {});
    },
  }`;
  const reader = (await open(text)).batches.getReader();
  await reader.read();
  const pending = reader.read();
  await inTime(reader.cancel(), "a cancel that the generator does not hear");
  assert.equal((await pending).done, true);
});
