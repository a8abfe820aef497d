import assert from "node:assert/strict";
import { loadConfig } from "../../catalog/load.ts";
import { parseParams } from "../../catalog/params.ts";
import { createDemo } from "../../examples/demo_data.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { sqlite } from "../../sources/sqlite/descriptor.ts";
import { sqliteDriver } from "../../sources/sqlite/driver.ts";
import { toTable } from "../../sources/to_table.ts";
import type { ColumnType, Table } from "../../table/table.ts";

const { csv, xlsx } = await loadFormats();
const sources = await loadDescriptors();

const FOLDER = new URL("../../examples/", import.meta.url).pathname;
const TEXT = Deno.readTextFileSync(`${FOLDER}spillway.yaml`);

function load(environment: Readonly<Record<string, string>> = {}) {
  return loadConfig(TEXT, {
    env: (name) => environment[name],
    folder: FOLDER,
    sources,
    formats: { csv, xlsx },
  });
}

/** Runs an export of the demo catalogue, on a small demo database. */
async function run<T>(
  name: string,
  given: Readonly<Record<string, string>>,
  body: (table: Table) => Promise<T>,
): Promise<T> {
  const folder = Deno.makeTempDirSync({ prefix: "spillway-demo-" });
  try {
    const path = `${folder}/demo.db`;
    createDemo(path, { auditRows: 1000, invoices: 200 });
    const definition = load({ SPILLWAY_DEMO_DATA: folder }).exports.get(name)!;
    const { values, issues } = parseParams(definition.params, Object.entries(given));
    assert.deepEqual(issues, []);
    const types = Object.fromEntries(
      Object.entries(definition.columns).flatMap(([name, { type }]) => type ? [[name, type]] : []),
    ) as Record<string, ColumnType>;
    const query = { text: definition.query, params: values };
    const config = sqlite.config.parse({ path });
    return await body(
      await toTable(await sqliteDriver.open(config, query, { types }), {
        ...definition,
        masks: {},
      }),
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const rowsOf = async ({ batches }: Table) => (await Array.fromAsync(batches)).flat();

Deno.test("the demo keeps what it makes in data/, or where the environment says", () => {
  const path = (environment = {}) =>
    (load(environment).sources.get("demo")?.config as { path: string }).path;
  assert.equal(path(), new URL("../data/demo.db", `file://${FOLDER}`).pathname);
  assert.equal(path({ SPILLWAY_DEMO_DATA: "/srv" }), "/srv/demo.db");
});

Deno.test("the audit log gives ten columns, all with titles, and every row", async () => {
  await run("audit-log", {}, async (table) => {
    assert.equal(table.title, "Audit log");
    assert.deepEqual(table.columns, [
      { name: "id", title: "No.", type: "integer" },
      {
        name: "occurred_at",
        title: "When",
        type: "datetime",
        timezone: "Asia/Seoul",
        format: "yyyy-mm-dd hh:mm:ss",
      },
      { name: "actor", title: "Who", type: "string" },
      { name: "action", title: "Action", type: "string" },
      { name: "resource", title: "Resource", type: "string" },
      { name: "ip_address", title: "IP address", type: "string" },
      { name: "user_agent", title: "User agent", type: "string" },
      { name: "amount", title: "Amount", type: "decimal", format: "#,##0.00" },
      { name: "success", title: "Success", type: "boolean" },
      { name: "note", title: "Note", type: "string" },
    ]);
    const rows = await rowsOf(table);
    assert.equal(rows.length, 1000);
    assert.deepEqual(rows[0], [
      1,
      "2025-01-01 00:02:09",
      "dmitri.garcia@example.com",
      "export.download",
      "export/2996",
      "203.0.113.32",
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15",
      "25692.36",
      true,
      "customer called about the delivery",
    ]);
  });
});

Deno.test("the audit log can be narrowed by day, person and action", async () => {
  const since = await run("audit-log", { since: "2025-01-02" }, rowsOf);
  assert(since.length > 0 && since.length < 1000);
  assert(since.every(([, occurredAt]) => String(occurredAt) >= "2025-01-02"));

  const given = { actor: "bilal.endo@example.com", action: "invoice.create" };
  const narrow = await run("audit-log", given, rowsOf);
  assert.equal(narrow[0]?.[0], 2);
  assert(narrow.every((row) => row[2] === given.actor && row[3] === given.action));
});

Deno.test("the actions that can be asked for are the ones that there are", async () => {
  const declared = load().exports.get("audit-log")?.params.get("action")?.values;
  const found = new Set((await run("audit-log", {}, rowsOf)).map((row) => row[3]));
  assert.deepEqual([...found].sort(), [...declared!].sort());
});

Deno.test("the invoices have decimals and dates, and can be narrowed by status", async () => {
  await run("invoices", { status: "paid" }, async (table) => {
    assert.deepEqual(table.columns.map(({ title, type }) => [title, type]), [
      ["Number", "string"],
      ["Customer", "string"],
      ["Country", "string"],
      ["Issued", "date"],
      ["Due", "date"],
      ["Paid", "date"],
      ["Status", "string"],
      ["Currency", "string"],
      ["Net", "decimal"],
      ["Tax", "decimal"],
      ["Total", "decimal"],
      ["Note", "string"],
    ]);
    const rows = await rowsOf(table);
    assert(rows.length > 50 && rows.length < 150, `${rows.length} of 200 are paid`);
    for (const row of rows) {
      assert.equal(row[6], "paid");
      assert.match(String(row[5]), /^20\d\d-\d\d-\d\d$/);
      assert.match(String(row[10]), /^\d+\.\d\d$/);
    }
  });
});
