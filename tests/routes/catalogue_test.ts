import assert from "node:assert/strict";
import { fakeApp } from "./fixture.ts";

Deno.test("the list of exports names each with its formats", async () => {
  const { app } = fakeApp();
  const response = await app.request("/exports");
  assert.deepEqual(await response.json(), {
    exports: [
      {
        name: "audit-log",
        title: "Audit log",
        formats: ["csv", "tsv", "json", "ndjson", "xml", "xlsx"],
        url: "/exports/audit-log",
      },
      { name: "people", title: "People", formats: ["csv", "xlsx"], url: "/exports/people" },
      {
        name: "by-id",
        title: "by-id",
        formats: ["csv", "xlsx"],
        url: "/exports/by-id",
      },
      {
        name: "sheet-only",
        title: "sheet-only",
        formats: ["xlsx"],
        url: "/exports/sheet-only",
      },
      {
        name: "own-tenant",
        title: "own-tenant",
        formats: ["xlsx"],
        url: "/exports/own-tenant",
      },
    ],
  });
});

Deno.test("an export shows all columns where its source has told them", async () => {
  const told = [
    { name: "id", type: "integer" as const },
    { name: "amount", type: "number" as const },
    { name: "__proto__" },
    { name: "id", type: "string" as const },
  ];
  const { app } = fakeApp({
    columns: ({ name }) => Promise.resolve(name === "audit-log" ? told : undefined),
  });
  const columns = async (name: string) =>
    (await (await app.request(`/exports/${name}`)).json()).columns;
  assert.deepEqual(await columns("audit-log"), [
    { name: "id", type: "integer" },
    { name: "amount", type: "decimal", title: "Amount", format: "#,##0.00" },
    { name: "__proto__" },
    { name: "id", type: "string" },
  ]);
  assert.deepEqual(await columns("people"), []);
});

Deno.test("integers that a double does not hold are text where a list is described", async () => {
  const { app } = fakeApp();
  const { params } = await (await app.request("/exports/by-id")).json();
  assert.deepEqual(params, [
    { name: "ids", type: "integer[]", required: false, default: ["9007199254740993"] },
  ]);
});

Deno.test("an export says its params and columns, and nothing of its query or source", async () => {
  const { app } = fakeApp();
  const text = await (await app.request("/exports/audit-log")).text();
  assert.ok(!text.includes("select"));
  assert.ok(!text.includes("app.db"));
  const { options: _, ...described } = JSON.parse(text);
  assert.deepEqual(described, {
    name: "audit-log",
    title: "Audit log",
    formats: ["csv", "tsv", "json", "ndjson", "xml", "xlsx"],
    url: "/exports/audit-log",
    files: {
      csv: "/exports/audit-log.csv",
      tsv: "/exports/audit-log.tsv",
      json: "/exports/audit-log.json",
      ndjson: "/exports/audit-log.ndjson",
      xml: "/exports/audit-log.xml",
      xlsx: "/exports/audit-log.xlsx",
    },
    params: [
      { name: "since", type: "date", required: false, default: "1970-01-01" },
      { name: "actor", type: "string", required: false },
    ],
    columns: [{ name: "amount", title: "Amount", type: "decimal", format: "#,##0.00" }],
  });
});

Deno.test("an export lists the options of the formats that it is offered in, and no others", async () => {
  const { app } = fakeApp();
  const options = async (name: string) =>
    (await (await app.request(`/exports/${name}`)).json()).options;
  const sheet = await options("sheet-only");
  assert.deepEqual(sheet.map(({ name }: { name: string }) => name), [
    "_columns",
    "_filename",
    "_delivery",
    "_reason",
    "_header",
    "_level",
  ]);
  assert.deepEqual(sheet.at(-1), {
    name: "_level",
    formats: ["xlsx"],
    description: "the deflate level, 1 to 9",
    example: "6",
  });
  const people = await options("people");
  assert.deepEqual(people.find(({ name }: { name: string }) => name === "_header").formats, [
    "csv",
    "xlsx",
  ]);
});

Deno.test("a default that the environment is in is not told, neither here nor in a workbook", async () => {
  const { app, tasks } = fakeApp();
  const text = await (await app.request("/exports/own-tenant")).text();
  assert.deepEqual(JSON.parse(text).params, [
    { name: "tenant", type: "string", required: false },
    { name: "team", type: "string", required: false, default: "ops" },
  ]);
  await app.request("/exports/own-tenant.xlsx");
  assert.equal(tasks[0]!.tables[0]!.query.params.tenant, "acme-secret");
  assert.deepEqual(tasks[0]!.options.about!.slice(1, 3), [
    { label: "tenant", value: "not given" },
    { label: "team", value: "ops" },
  ]);
  await app.request("/exports/own-tenant.xlsx?tenant=other");
  assert.equal(tasks[1]!.options.about![1]!.value, "other");
});

Deno.test("a newcomer at the root is sent to the exports", async () => {
  const response = await fakeApp().app.request("/");
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("location"), "/exports");
});

Deno.test("the process is alive while it is full or stopping, and only ready while it is ready", async () => {
  const cases = [["ready", 200], ["full", 503], ["draining", 503], ["failing", 503]] as const;
  for (const [state, status] of cases) {
    const readiness = { status: state, checks: { slots: "ready", spool: state } } as const;
    const { app } = fakeApp({ readiness: () => Promise.resolve(readiness) });
    assert.equal((await app.request("/healthz")).status, 200);
    const response = await app.request("/readyz");
    assert.equal(response.status, status);
    assert.deepEqual(await response.json(), readiness);
  }
});
