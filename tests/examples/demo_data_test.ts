import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { AUDIT_COLUMNS, auditRows, createDemo } from "../../examples/demo_data.ts";

const AUDIT_ROW_1 = [
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
];

const AUDIT_ROW_2 = [
  2,
  "2025-01-01 00:05:35",
  "bilal.endo@example.com",
  "invoice.create",
  "invoice/8123",
  "198.51.100.182",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Mobile/15E148",
  "43579.94",
  true,
  null,
];

const INVOICE_1 = [
  1,
  "INV-000001",
  "株式会社さくら商事",
  "JP",
  "2024-01-01",
  "2024-01-31",
  null,
  "void",
  "USD",
  "61183.89",
  "0.00",
  "61183.89",
  null,
];

const INVOICE_2 = [
  2,
  "INV-000002",
  "شركة النور للتجارة",
  "AE",
  "2024-01-01",
  "2024-01-31",
  null,
  "open",
  "AED",
  "14372.86",
  "2730.84",
  "17103.70",
  "=SUM(A1:A9)",
];

/** Runs a body with a folder that is removed afterwards. */
function withFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "spillway-demo-" });
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function rowsOf(path: string, query: string): unknown[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare(query).all().map((row) => Object.values(row));
  } finally {
    database.close();
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("two builds are the same, row by row", () => {
  withFolder((folder) => {
    for (const name of ["one.db", "other.db"]) {
      createDemo(`${folder}/${name}`, { auditRows: 2000, invoices: 2000 });
    }
    for (const table of ["audit", "invoice"]) {
      const query = `select * from ${table} order by id`;
      const one = rowsOf(`${folder}/one.db`, query);
      assert.equal(one.length, 2000);
      assert.deepEqual(one, rowsOf(`${folder}/other.db`, query));
    }
  });
});

Deno.test("the first rows are as they always were", () => {
  withFolder((folder) => {
    createDemo(`${folder}/demo.db`, { auditRows: 2, invoices: 2 });
    assert.deepEqual(rowsOf(`${folder}/demo.db`, "select * from audit"), [
      AUDIT_ROW_1.map((cell) => typeof cell === "boolean" ? Number(cell) : cell),
      AUDIT_ROW_2.map((cell) => typeof cell === "boolean" ? Number(cell) : cell),
    ]);
    assert.deepEqual(rowsOf(`${folder}/demo.db`, "select * from invoice"), [
      INVOICE_1,
      INVOICE_2,
    ]);
  });
});

Deno.test("a row of the audit log depends on its number alone", () => {
  assert.deepEqual([...auditRows(2)], [AUDIT_ROW_1, AUDIT_ROW_2]);
  assert.deepEqual([...auditRows(1, 2)], [AUDIT_ROW_2]);
  assert.deepEqual([...auditRows(3, 249_998)], [...auditRows(250_000)].slice(-3));
});

Deno.test("the audit log is the workload that benchmarks speak of", () => {
  assert.equal(AUDIT_COLUMNS.length, 10);
  const rows = [...auditRows(20_000)];
  const notes = rows.map((row) => row[9]);
  const share = (test: (note: string) => boolean) =>
    notes.filter((note) => typeof note === "string" && test(note)).length / notes.length;
  const quoted = share((note) => note.includes('"'));
  assert(quoted > 0.045 && quoted < 0.06, `${quoted} of the notes have quotes`);
  assert(share((note) => note.includes("\n")) > 0.02);
  assert(share((note) => note.includes(",")) > 0.02);
  assert(share((note) => /[^\0-\x7f]/.test(note)) > 0.02);
  assert(notes.includes(null));
  for (const row of rows) {
    assert.match(String(row[1]), /^2025-\d\d-\d\d \d\d:\d\d:\d\d$/);
    assert.match(String(row[7]), /^-?\d+\.\d\d$/);
    assert.equal(typeof row[8], "boolean");
  }
});

Deno.test("decimals keep their digits", () => {
  withFolder((folder) => {
    createDemo(`${folder}/demo.db`, { auditRows: 1000, invoices: 1000 });
    const types = (query: string) => rowsOf(`${folder}/demo.db`, query).flat();
    assert.deepEqual(types("select distinct typeof(amount) from audit"), ["text"]);
    assert.deepEqual(types("select distinct typeof(total) from invoice"), ["text"]);
    assert.deepEqual(
      types(`select count(*) from invoice
        where round(net * 100) + round(tax * 100) <> round(total * 100)`),
      [0],
    );
  });
});

Deno.test("the invoices have what is hard to write", () => {
  withFolder((folder) => {
    createDemo(`${folder}/demo.db`, { auditRows: 1, invoices: 1000 });
    const count = (condition: string) =>
      Number(
        rowsOf(`${folder}/demo.db`, `select count(*) from invoice where ${condition}`).flat()[0],
      );
    for (
      const condition of [
        "paid_on is null",
        "note is null",
        "note like '=%'",
        "note like '+%'",
        `note like '%"%'`,
        "instr(note, char(13, 10)) > 0",
        "instr(note, char(9)) > 0",
        "customer like '%한빛%'",
        "customer like '%النور%'",
        "customer like '%🎄%'",
        `customer like '%"%'`,
      ]
    ) assert(count(condition) > 10, condition);
    assert.deepEqual(
      rowsOf(`${folder}/demo.db`, "select distinct status from invoice order by 1").flat(),
      ["draft", "open", "overdue", "paid", "void"],
    );
  });
});

Deno.test("the database appears when it is complete, over what was there", () => {
  withFolder((folder) => {
    const path = `${folder}/demo.db`;
    // What a start that was killed leaves behind.
    Deno.writeTextFileSync(`${path}.part`, "half a database");
    Deno.writeTextFileSync(path, "an older one");
    const seen: string[] = [];
    createDemo(path, {
      auditRows: 10,
      invoices: 10,
      onProgress: () => seen.push(Deno.readTextFileSync(path)),
    });
    assert.deepEqual(new Set(seen), new Set(["an older one"]));
    assert.deepEqual(names(folder), ["demo.db"]);
    assert.deepEqual(rowsOf(path, "select count(*) from audit"), [[10]]);
  });
});

Deno.test("a build that fails leaves no database", () => {
  withFolder((folder) => {
    const failure = new Error("stopped");
    const build = () =>
      createDemo(`${folder}/demo.db`, {
        auditRows: 10,
        onProgress: () => {
          throw failure;
        },
      });
    assert.throws(build, failure);
    assert(!names(folder).includes("demo.db"));
    createDemo(`${folder}/demo.db`, { auditRows: 10, invoices: 10 });
    assert.deepEqual(names(folder), ["demo.db"]);
  });
});

Deno.test("progress grows to the total", () => {
  withFolder((folder) => {
    const told: (readonly [number, number])[] = [];
    createDemo(`${folder}/demo.db`, {
      auditRows: 60_000,
      invoices: 10,
      onProgress: (done, total) => told.push([done, total]),
    });
    assert.deepEqual(told, [
      [25_000, 60_010],
      [50_000, 60_010],
      [60_000, 60_010],
      [60_010, 60_010],
    ]);
  });
});
