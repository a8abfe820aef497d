/** Makes the database of the application: the rows of both tenants side by side, each a function of its number. */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { renameSync, rmSync } from "node:fs";
import { ACME, GLOBEX, type Tenant } from "./people.ts";

/** `decimal_text` keeps the digits of decimals: see `examples/demo_data.ts`. */
const SCHEMA = `
  create table customer (
    id integer primary key,
    tenant text not null,
    name text not null,
    contact text not null,
    email text not null,
    phone text not null,
    city text not null,
    customer_since date not null
  );
  create table invoice (
    id integer primary key,
    tenant text not null,
    number text not null,
    customer text not null,
    email text not null,
    issued_on date not null,
    due_on date not null,
    status text not null,
    total decimal_text(12, 2) not null
  );
  create table activity (
    id integer primary key,
    tenant text not null,
    at timestamp not null,
    actor text not null,
    action text not null,
    object text not null
  );
  create index invoice_tenant on invoice (tenant);
  create index activity_tenant on activity (tenant);
`;

/** Makes one row of a table: its id, its tenant, and its number among the rows of the tenant. */
type MakeRow = (id: number, tenant: Tenant, number: number) => SQLInputValue[];

/** A table, how many rows each tenant has in it, and what they are. */
const TABLES: readonly (readonly [name: string, acme: number, globex: number, row: MakeRow])[] = [
  ["customer", 60, 24, customerRow],
  ["invoice", 1200, 480, invoiceRow],
  ["activity", 2500, 640, activityRow],
];

/** Makes the database; it appears under its name when it is complete. */
export function createData(path: string): void {
  const part = `${path}.part`;
  rmSync(part, { force: true });
  const database = new DatabaseSync(part);
  try {
    database.exec(`${SCHEMA}; begin`);
    for (const [table, acme, globex, row] of TABLES) {
      let insert: { run(...values: SQLInputValue[]): unknown } | undefined;
      let id = 0;
      for (const [tenant, number] of takeTurns(acme, globex)) {
        const values = row(++id, tenant, number);
        insert ??= database.prepare(`insert into ${table} values (${values.map(() => "?")})`);
        insert.run(...values);
      }
    }
    database.exec("commit");
  } finally {
    database.close();
  }
  renameSync(part, path);
}

/** So many rows of each tenant, by turns as long as both have some. */
function* takeTurns(acme: number, globex: number): Generator<[Tenant, number]> {
  for (let number = 1; number <= Math.max(acme, globex); number++) {
    if (number <= acme) yield [ACME, number];
    if (number <= globex) yield [GLOBEX, number];
  }
}

const NAMES = [
  "Müller & Söhne",
  "Northwind",
  "한빛전자",
  "O'Brien Books",
  "Łódź Żagle",
  "Café Noël",
];
const CITIES = ["Berlin", "Toronto", "Seoul", "Dublin", "Łódź", "Lyon"];
const PEOPLE = ["Ida Larsen", "Omar Haddad", "Jin Park", "Nora Quinn", "Piotr Zając", "Léa Roux"];
const ACTIONS = ["signed in", "viewed", "edited", "sent", "commented on"];
const STATUSES = ["paid", "paid", "open", "paid", "overdue"];

/** One of some values, in turn. */
function pick<T>(values: readonly T[], number: number): T {
  return values[number % values.length]!;
}

/** A customer of a tenant, whose e-mail address names the tenant: rows of another would be seen. */
function customerOf(tenant: Tenant, number: number) {
  return {
    name: `${pick(NAMES, number)} ${number}`,
    email: `customer${number}@${tenant.id}.example`,
  };
}

function customerRow(id: number, tenant: Tenant, number: number): SQLInputValue[] {
  const { name, email } = customerOf(tenant, number);
  const phone = `555-01${String(number).padStart(2, "0")}`;
  return [
    ...[id, tenant.id, name, pick(PEOPLE, number), email, phone, pick(CITIES, number)],
    day(Date.UTC(2021, 0, 1) + number * 11 * DAY_MS),
  ];
}

function invoiceRow(id: number, tenant: Tenant, number: number): SQLInputValue[] {
  const { name, email } = customerOf(tenant, 1 + number % 24);
  const issued = Date.UTC(2025, 0, 1) + Math.floor(number / 4) * DAY_MS;
  const cents = 1000 + (number * 104_729) % 900_000;
  return [
    ...[id, tenant.id, `${tenant.name.toUpperCase()}-${String(number).padStart(5, "0")}`],
    ...[name, email, day(issued), day(issued + 30 * DAY_MS), pick(STATUSES, number)],
    `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`,
  ];
}

function activityRow(id: number, tenant: Tenant, number: number): SQLInputValue[] {
  const at = new Date(Date.UTC(2026, 0, 1) + number * 7 * 60_000);
  return [
    ...[id, tenant.id, at.toISOString().slice(0, 19).replace("T", " ")],
    ...[`${pick(["ada", "ben", "chloe", "dan"], number)}@${tenant.id}.example`],
    ...[pick(ACTIONS, number), `invoice/${1 + number % 480}`],
  ];
}

const DAY_MS = 86_400_000;

function day(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
