/** Adding a format is one file and one line: the catalogue, requests, routes and lists know the rest. */

import assert from "node:assert/strict";
import { FORMATS, loadFormats } from "../../exporters/mod.ts";
import { Warnings } from "../../exporters/warnings.ts";
import { describeOptions } from "../../requests/options.ts";
import type { RunTask } from "../../runs/protocol.ts";
import { errorOf, load } from "../catalog/fixture.ts";
import { fakeApp } from "../routes/fixture.ts";
import { column, tableOf } from "./tables.ts";
import { toy, toyFormat } from "./toy_format.ts";

const modules = {
  ...FORMATS,
  toy: { format: () => Promise.resolve(toyFormat), exporter: () => Promise.resolve(toy) },
};

const formats = await loadFormats(modules);

function configured(settings: string): string {
  return `
sources: { app: { type: sqlite, path: app.db } }
exports: { one: { source: app, query: select 1${settings} } }
`;
}

/** The app over that configuration; its runs write two rows in this process, as a worker would. */
function appOf(settings = "") {
  const tasks: RunTask[] = [];
  const { app } = fakeApp({
    catalog: load(configured(settings), { formats }),
    formats,
    startRun: async (id, task) => {
      tasks.push(task);
      const exporter = await modules[task.format as keyof typeof modules].exporter();
      const table = tableOf([column("name")], [["Ada"], ["Grace"]]);
      const body = exporter.encode(table, task.options as never, new Warnings());
      return { id, body: body as ReadableStream<Uint8Array<ArrayBuffer>> };
    },
    onError: (error) => {
      throw error;
    },
  });
  return { app, tasks };
}

Deno.test("a format of one file and one line is offered, configured, asked for and written", async () => {
  const { app } = appOf(", toy_mark: '-'");
  const list = await (await app.request("/exports")).json();
  assert.equal(list.exports[0].formats.at(-1), "toy");
  const response = await app.request("/exports/one.toy?_loud=yes");
  assert.equal(response.headers.get("Content-Type"), "text/x-toy");
  assert.equal(
    response.headers.get("Content-Disposition"),
    `attachment; filename="one.toy"; filename*=UTF-8''one.toy`,
  );
  assert.equal(await response.text(), "- ADA\n- GRACE\n");
  assert.equal(await (await appOf().app.request("/exports/one.toy")).text(), "* Ada\n* Grace\n");
});

Deno.test("its settings and options are refused in its own words, and mean nothing to others", async () => {
  const error = errorOf(configured(", toy_mark: many"), { formats });
  assert.deepEqual(error?.issues.map(({ path, message }) => `${path}: ${message}`), [
    'exports.one.toy_mark: expected a mark, not "many"',
  ]);
  const { app, tasks } = appOf();
  const errors = async (path: string) => (await (await app.request(path)).json()).errors;
  assert.deepEqual(await errors("/exports/one.toy?_loud=very&_bom=true"), [
    { name: "_loud", detail: 'must be yes or no, not "very"' },
    { name: "_bom", detail: "means nothing to the format toy" },
  ]);
  assert.deepEqual(await errors("/exports/one.csv?_loud=yes"), [
    { name: "_loud", detail: "means nothing to the format csv" },
  ]);
  assert.deepEqual(tasks, []);
});

Deno.test("a task carries what its own format understands, and nothing of the others", async () => {
  const { app, tasks } = appOf(", about: true, deflate_level: 9, toy_mark: '-'");
  for (const format of ["csv", "json", "toy", "xlsx"]) await app.request(`/exports/one.${format}`);
  const [csv, json, toy, xlsx] = tasks.map(({ options }) => options);
  assert.deepEqual(csv, { formulaGuard: true });
  assert.deepEqual(json, {});
  assert.deepEqual(toy, { mark: "-", loud: false });
  assert.deepEqual(Object.keys(xlsx!).sort(), ["about", "deflateLevel", "sharedStrings", "time"]);
  assert.equal(xlsx!.deflateLevel, 9);
});

Deno.test("the list of options names a format's own", () => {
  assert.deepEqual(
    describeOptions(Object.values(formats)).find(({ name }) => name === "_loud"),
    { name: "_loud", formats: ["toy"], description: "in capital letters", example: "yes" },
  );
});
