/** Adding a source is one file and one entry: the catalogue, requests and workers know the rest. */

import assert from "node:assert/strict";
import { createAccess } from "../../access/mod.ts";
import { loadConfig } from "../../catalog/load.ts";
import { ConfigError } from "../../catalog/issues.ts";
import { loadExporters, loadFormats } from "../../exporters/mod.ts";
import { Warnings } from "../../exporters/warnings.ts";
import { createApp } from "../../routes/app.ts";
import type { RunTask } from "../../runs/protocol.ts";
import { loadDescriptors, loadDriver, SOURCES } from "../../sources/mod.ts";
import { toTable } from "../../sources/to_table.ts";
import { toy, toyDriver } from "./toy_source.ts";

const modules = {
  ...SOURCES,
  toy: { descriptor: () => Promise.resolve(toy), driver: () => Promise.resolve(toyDriver) },
};

const sources = await loadDescriptors(modules);
const formats = await loadFormats();
const exporters = await loadExporters();

function configure(settings = "", query = "to $whom") {
  const text = `
sources: { box: { type: toy, folder: toys${settings} } }
exports: { one: { source: box, query: ${query}, params: { whom: { type: string } } } }
`;
  return loadConfig(text, { env: () => undefined, folder: "/srv", sources, formats });
}

/** Runs a task in this process, as a worker would. */
async function run({ tables: [task], format, options }: RunTask) {
  const { type, config } = task!.source;
  const driver = await loadDriver(type, modules);
  const table = await toTable(await driver.open(config as never, task!.query), task!, () => {});
  return exporters[format as "csv"].encode(table, options as never, new Warnings());
}

function appOf(settings?: string) {
  return createApp({
    access: createAccess({ anonymous: true, keys: [] }),
    names: { hostname: "127.0.0.1", hosts: [] },
    catalog: configure(settings),
    formats,
    startRun: async (id, task) => {
      return { id, body: await run(task) as ReadableStream<Uint8Array<ArrayBuffer>> };
    },
    readiness: () => Promise.resolve({ status: "ready", checks: {} }),
    scrape: () => Promise.resolve({ contentType: "text/plain", text: "" }),
    onRefusal: () => {},
    onError: (error) => {
      throw error;
    },
  });
}

Deno.test("a source of one file and one entry is configured, asked and written", async () => {
  const csv = async (settings?: string) =>
    await (await appOf(settings).request("/exports/one.csv?whom=Ada")).text();
  assert.equal(await csv(), "greeting,from\r\nHello to Ada,/srv/toys\r\n");
  assert.equal(await csv(", greeting: Bye"), "greeting,from\r\nBye to Ada,/srv/toys\r\n");
});

Deno.test("its settings and its placeholders are refused in its own words", () => {
  const issuesOf = (...args: Parameters<typeof configure>) => {
    try {
      configure(...args);
    } catch (error) {
      assert(error instanceof ConfigError);
      return error.issues.map(({ path, message }) => `${path}: ${message}`);
    }
  };
  assert.deepEqual(issuesOf(", greeting: 5"), [
    "sources.box.greeting: expected a greeting, not 5",
  ]);
  assert.deepEqual(issuesOf(", colour: red"), ["sources.box.colour: unknown key"]);
  assert.match(String(issuesOf("", "to $who")), /who/);
  assert.deepEqual(configure().sources.get("box"), {
    type: "toy",
    config: { folder: "/srv/toys", greeting: "Hello" },
    snapshot: true,
  });
});
