/** Whose share of the slots a run takes, and how much of it. */

import assert from "node:assert/strict";
import { ANONYMOUS, type Principal } from "../../access/principal.ts";
import { loadFormats } from "../../exporters/mod.ts";
import type { RunTask } from "../../runs/protocol.ts";
import { createScale, shareOf } from "../../runs/shares.ts";
import { loadDescriptors } from "../../sources/mod.ts";

const formats = await loadFormats();
const descriptors = await loadDescriptors();

function task(format: string, ...types: string[]): RunTask {
  return {
    export: "any",
    tables: types.map((type) => ({
      source: { type, config: {} },
      query: { text: "", params: {}, types: {} },
      title: "any",
      columns: {},
    })),
    format,
    options: {},
    coding: "identity",
  };
}

Deno.test("a run weighs as much as its sources, and what its format weighs beyond one", () => {
  const weigh = createScale(formats, descriptors);
  assert.deepEqual(
    [
      weigh(task("csv", "sqlite")),
      weigh(task("ndjson", "postgres")),
      weigh(task("xlsx", "mysql")),
      weigh(task("csv", "http")),
      weigh(task("xlsx", "http")),
      weigh(task("csv", "module")),
      weigh(task("xlsx", "postgres", "postgres", "postgres")),
      weigh({ ...task("csv", "module"), describe: "columns" }),
    ],
    [1, 1, 1.5, 1.5, 2, 2, 3.5, 1],
  );
});

Deno.test("every format and every kind of source weighs one at least, in halves", () => {
  const weights = [
    ...Object.values(formats).map(({ weight }) => weight),
    ...Object.values(descriptors).map(({ weight = 1 }) => weight),
  ];
  for (const weight of weights) assert.ok(weight >= 1 && Number.isInteger(2 * weight), `${weight}`);
});

Deno.test("a tenant has one share, whatever the credential; without one each principal has", () => {
  const key: Principal = { ...ANONYMOUS, id: "key:one", via: "key" };
  const link: Principal = { ...ANONYMOUS, id: "link:a/user-7", via: "link" };
  assert.deepEqual(
    [
      shareOf({ ...key, tenant: "42" }, "192.0.2.1"),
      shareOf({ ...link, tenant: "42" }, "192.0.2.2"),
      shareOf(key, "192.0.2.1"),
      shareOf(link, "192.0.2.1"),
      shareOf(ANONYMOUS, "192.0.2.1"),
      shareOf(ANONYMOUS, undefined),
      shareOf(undefined, undefined),
    ],
    [
      "tenant 42",
      "tenant 42",
      "principal key:one",
      "principal link:a/user-7",
      "address 192.0.2.1",
      "address ",
      "server",
    ],
  );
});
