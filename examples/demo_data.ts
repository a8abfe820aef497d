/** Makes the database of the demo: an audit log and invoices, every row a function of its number. */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { renameSync, rmSync } from "node:fs";
import type { Cell, Column } from "../table/table.ts";

/** How much to make. */
export interface DemoOptions {
  /** Rows of the audit log. @default 250000 */
  readonly auditRows?: number;
  /** Invoices. @default 4000 */
  readonly invoices?: number;
  /** Is told how many rows are made, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Rows between two words about progress. */
const PROGRESS_ROWS = 25_000;

/**
 * SQLite has no exact decimals, and turns `'1.50'` into 1.5 in a column that is declared `DECIMAL`.
 * `TEXT` in the declared type makes it keep the digits (https://www.sqlite.org/datatype3.html, 3.1).
 */
const SCHEMA = `
  create table audit (
    id integer primary key,
    occurred_at timestamp not null,
    actor text not null,
    action text not null,
    resource text not null,
    ip_address text not null,
    user_agent text not null,
    amount decimal_text(12, 2) not null,
    success boolean not null,
    note text
  );
  create table invoice (
    id integer primary key,
    number text not null unique,
    customer text not null,
    country text not null,
    issued_on date not null,
    due_on date not null,
    paid_on date,
    status text not null,
    currency text not null,
    net decimal_text(12, 2) not null,
    tax decimal_text(12, 2) not null,
    total decimal_text(12, 2) not null,
    note text
  );
`;

/**
 * Makes the database, in about 1.3 seconds. It appears under its name when it is complete, so that a
 * start that is killed leaves no half of one; a database that is there already is replaced.
 *
 * @param path where it goes, in a folder that exists
 */
export function createDemo(path: string, options: DemoOptions = {}): void {
  const { auditRows: audits = 250_000, invoices = 4_000, onProgress } = options;
  const part = path + ".part";
  rmSync(part, { force: true });
  const database = new DatabaseSync(part);
  try {
    // Half a file is thrown away, so nothing needs to be rolled back.
    database.exec("pragma journal_mode = off");
    database.exec(SCHEMA);
    database.exec("begin");
    const progress = (done: number) => onProgress?.(done, audits + invoices);
    fill(database, "audit", auditRows(audits), progress);
    fill(database, "invoice", invoiceRows(invoices), (done) => progress(audits + done));
    database.exec("commit");
  } finally {
    database.close();
  }
  renameSync(part, path);
}

function fill(
  database: DatabaseSync,
  table: string,
  rows: Iterable<readonly Cell[]>,
  onProgress: (done: number) => void,
): void {
  let done = 0;
  let insert: { run(...values: SQLInputValue[]): unknown } | undefined;
  for (const row of rows) {
    insert ??= database.prepare(`insert into ${table} values (${row.map(() => "?").join(", ")})`);
    insert.run(...row.map((cell) => typeof cell === "boolean" ? Number(cell) : cell));
    if (++done % PROGRESS_ROWS === 0) onProgress(done);
  }
  onProgress(done);
}

/** The columns of {@linkcode auditRows}. */
export const AUDIT_COLUMNS: readonly Column[] = [
  { name: "id", title: "No.", type: "integer" },
  { name: "occurred_at", title: "When", type: "datetime" },
  { name: "actor", title: "Who", type: "string" },
  { name: "action", title: "Action", type: "string" },
  { name: "resource", title: "Resource", type: "string" },
  { name: "ip_address", title: "IP address", type: "string" },
  { name: "user_agent", title: "User agent", type: "string" },
  { name: "amount", title: "Amount", type: "decimal" },
  { name: "success", title: "Success", type: "boolean" },
  { name: "note", title: "Note", type: "string" },
];

/**
 * The rows of the audit log, as a source gives them: ten cells each, quotes in 5 % of the notes.
 * A row depends on its number alone, so that any stretch can be made.
 *
 * @param start the number of the first row
 */
export function* auditRows(count: number, start = 1): Generator<Cell[], void, undefined> {
  for (let id = start; id < start + count; id++) yield auditRow(id);
}

/** What people do, to what. */
const ACTIONS = [
  ["login", "session"],
  ["logout", "session"],
  ["document.view", "document"],
  ["document.edit", "document"],
  ["document.share", "document"],
  ["invoice.create", "invoice"],
  ["invoice.pay", "invoice"],
  ["export.download", "export"],
] as const;

const USER_AGENTS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/139.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Mobile/15E148",
  "curl/8.15.0",
] as const;

const GIVEN_NAMES = ["ada", "bilal", "chloe", "dmitri", "emre", "fatima", "goran", "hana"] as const;
const FAMILY_NAMES = ["adeyemi", "berg", "costa", "dubois", "endo", "farah", "garcia"] as const;

/** 2025-01-01T00:00:00Z, and two minutes a row: 250,000 rows are 347 days. */
const CLOCK_START_MS = Date.UTC(2025, 0, 1);
const CLOCK_STEP_MS = 120_000;

function auditRow(id: number): Cell[] {
  const random = randomOf(id);
  const [action, kind] = ACTIONS[random(ACTIONS.length)]!;
  const actor = `${pick(GIVEN_NAMES, random)}.${pick(FAMILY_NAMES, random)}@example.com`;
  const moment = new Date(
    CLOCK_START_MS + id * CLOCK_STEP_MS + random(CLOCK_STEP_MS / 1000) * 1000,
  );
  return [
    id,
    moment.toISOString().slice(0, 19).replace("T", " "),
    actor,
    action,
    `${kind}/${1000 + random(9000)}`,
    // TEST-NET-2 and TEST-NET-3 (RFC 5737) belong to nobody.
    `${random(2) === 0 ? "198.51.100" : "203.0.113"}.${1 + random(254)}`,
    pick(USER_AGENTS, random),
    cents(random(10) === 0 ? -random(50_000) : random(5_000_000)),
    random(50) !== 0,
    auditNote(random),
  ];
}

/** 5 % with quotes, 10 % with what else makes writing hard, 25 % none, and plain words. */
function auditNote(random: Random): string | null {
  const share = random(100);
  if (share < 5) return `Asked for "${pick(PLAIN_NOTES, random)}" by phone`;
  if (share < 8) return `First line\nsecond line of ${1 + random(9)}`;
  if (share < 11) return `Berlin, Paris, Rome, ${random(1000)}`;
  if (share < 15) return `Approved by ${pick(CUSTOMERS, random)[0]}`;
  if (share < 40) return null;
  return pick(PLAIN_NOTES, random);
}

const PLAIN_NOTES = [
  "signed in from a new device",
  "changed the billing address",
  "monthly report",
  "customer called about the delivery",
  "automatic retry",
  "second factor confirmed",
] as const;

/** Customers with their countries and currencies; the names are hard on purpose. */
const CUSTOMERS = [
  ["Müller & Söhne GmbH", "DE", "EUR"],
  ["한빛전자 주식회사", "KR", "USD"],
  ["株式会社さくら商事", "JP", "USD"],
  ["ООО «Ромашка»", "KZ", "KZT"],
  ["شركة النور للتجارة", "AE", "AED"],
  ['O\'Brien "Books", Ltd.', "IE", "EUR"],
  ["Łódź Żagle Sp. z o.o.", "PL", "PLN"],
  ["บริษัท สยามการค้า จำกัด", "TH", "THB"],
  ["Café Noël 🎄", "FR", "EUR"],
  ["Acme, Inc.", "US", "USD"],
] as const;

const STATUSES = ["draft", "open", "paid", "paid", "paid", "overdue", "void"] as const;

/** Notes that a format must take care of: a formula, quotes, line breaks, a tab, and none. */
const INVOICE_NOTES = [
  null,
  null,
  null,
  "Thank you!",
  "=SUM(A1:A9)",
  "+82 2 555 0100",
  'Please quote "PO 4711", as agreed',
  "Line 1\nLine 2\r\nLine 3",
  "Rabatt:\t2 %",
  "세금계산서 발행",
] as const;

/** Per mille, so that taxes need no fractions. */
const TAX_RATES = [0, 70, 100, 190, 200] as const;

function* invoiceRows(count: number): Generator<Cell[], void, undefined> {
  for (let id = 1; id <= count; id++) yield invoiceRow(id);
}

function invoiceRow(id: number): Cell[] {
  // The audit log's rows have other seeds: theirs are below 2^31.
  const random = randomOf(id + 2 ** 31);
  const [customer, country, currency] = pick(CUSTOMERS, random);
  const status = pick(STATUSES, random);
  const issued = Date.UTC(2024, 0, 1) + Math.floor(id / 6) * DAY_MS;
  const net = 100 + random(9_999_900);
  const tax = Math.round((net * pick(TAX_RATES, random)) / 1000);
  return [
    id,
    `INV-${String(id).padStart(6, "0")}`,
    customer,
    country,
    day(issued),
    day(issued + 30 * DAY_MS),
    status === "paid" ? day(issued + random(45) * DAY_MS) : null,
    status,
    currency,
    cents(net),
    cents(tax),
    cents(net + tax),
    pick(INVOICE_NOTES, random),
  ];
}

const DAY_MS = 86_400_000;

function day(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** `-1234` as `-12.34`. */
function cents(amount: number): string {
  const digits = String(Math.abs(amount)).padStart(3, "0");
  return `${amount < 0 ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Gives the next whole number below a bound. */
type Random = (bound: number) => number;

/** Numbers that a seed alone decides: splitmix32, with the seed spread first. */
function randomOf(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return (bound) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return Math.floor(((mixed >>> 0) / 2 ** 32) * bound);
  };
}

function pick<const T>(values: readonly T[], random: Random): T {
  return values[random(values.length)]!;
}
