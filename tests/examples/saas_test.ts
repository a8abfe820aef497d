/** The demo of an application with two tenants: started by its one command, used as its users do. */

import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import puppeteer from "puppeteer-core";
import manifest from "../../deno.json" with { type: "json" };
import { signLink } from "../../access/links.ts";
import { CHROMIUM, PYTHON, readerTest, runProgram } from "../clients/programs.ts";
import { inTime, until } from "../waiting.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const READ_XLSX = `${ROOT}tests/clients/read_openpyxl.py`;

/** The demo, running. */
interface Demo extends AsyncDisposable {
  /** Where the application is. */
  readonly origin: string;
  /** Where Spillway is. */
  readonly exports: string;
  /** The folder of its data. */
  readonly data: string;
  /** Presses Ctrl-C: the signal goes to all that the terminal runs. Gives the exit status of the command. */
  interrupt(): Promise<number>;
}

/** Runs the task of the demo, on ports that are free, with a folder of its own for its data. */
async function startDemo(): Promise<Demo> {
  const data = await Deno.makeTempDir({ prefix: "spillway-saas-" });
  const command = manifest.tasks["demo:saas"].command
    .replace("--allow-write=data ", `--allow-write=${data} `);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--eval", `${command} --port 0 --exports-port 0 --data ${data}`],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  // They end when the last process that writes there has.
  const said = readText(child.stderr);
  const printed = readText(child.stdout, /Ctrl-C/);
  const ended = (async () => {
    const { code } = await child.status;
    await Promise.all([said.whole, printed.whole]);
    return code;
  })();
  let isUp = true;
  const interrupt = () => {
    isUp = false;
    Deno.kill(-child.pid, "SIGINT");
    return inTime(ended, "the demo to end");
  };
  const stop = async () => {
    if (isUp) await interrupt();
    await Deno.remove(data, { recursive: true });
  };
  try {
    const text = await inTime(Promise.race([printed.matched, ended]), "the demo to start");
    const [, origin, exports] =
      /application: (http:\S+)\/\nSpillway: +(http:\S+)\n/.exec(String(text)) ?? [];
    if (origin !== undefined && exports !== undefined) {
      return { origin, exports, data, interrupt, [Symbol.asyncDispose]: stop };
    }
    isUp = false;
    throw new Error(`The demo did not start:\n${await said.whole}`);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads a stream: up to a text that matches, and to its end. */
function readText(stream: ReadableStream<BufferSource>, pattern = /^/) {
  const { promise: matched, resolve } = Promise.withResolvers<string>();
  const whole = (async () => {
    let text = "";
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (pattern.test(text)) resolve(text);
    }
    return text;
  })();
  return { matched, whole };
}

/** A user who has signed in. */
interface Session {
  get(path: string): Promise<Response>;
  /** Presses a button of a form, and gives the link that the browser is sent to. */
  link(name: string, fields: Readonly<Record<string, string>>): Promise<string>;
  /** The same, and what the link leads to, as rows. */
  rows(name: string, fields?: Readonly<Record<string, string>>): Promise<string[][]>;
}

async function signIn({ origin }: Demo, user: string): Promise<Session> {
  const post = (path: string, fields: Readonly<Record<string, string>>, headers: HeadersInit) =>
    fetch(origin + path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers,
      redirect: "manual",
    });
  const login = await post("/login", { user }, {});
  const headers = { Cookie: login.headers.get("Set-Cookie")!.split(";")[0]! };
  await login.body?.cancel();

  async function link(name: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const response = await post(`/exports/${name}`, fields, headers);
    assert.equal(response.status, 303);
    await response.body?.cancel();
    return response.headers.get("Location")!;
  }

  return {
    get: (path) => fetch(origin + path, { headers }),
    link,
    async rows(name, fields = {}) {
      const response = await fetch(await link(name, { format: "csv", ...fields }));
      assert.equal(response.status, 200);
      return parse(await response.text(), { bom: true });
    },
  };
}

/** The status of an answer, and what its problem says. */
async function refusal(url: string): Promise<readonly [status: number, body: string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

/** The text of a table's cells, by rows. */
function tableRows(html: string): string[][] {
  return [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) =>
      cell!.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ").trim()
    )
  );
}

/** What each user gets: of their own tenant alone, hidden but for Ann. */
const USERS = [
  {
    user: "ann",
    tenant: "acme",
    invoices: 1200,
    customers: 60,
    activity: 1000,
    first: ["1", "Northwind 1", "Omar Haddad", "customer1@acme.example", "555-0101", "Toronto"],
  },
  {
    user: "ben",
    tenant: "acme",
    invoices: 1200,
    customers: 60,
    activity: 1000,
    first: ["1", "Northwind 1", "***", "c***@acme.example", "***0101", "Toronto"],
  },
  {
    user: "gia",
    tenant: "globex",
    invoices: 480,
    customers: 24,
    activity: 640,
    first: ["2", "Northwind 1", "***", "c***@globex.example", "***0101", "Toronto"],
  },
  {
    user: "hal",
    tenant: "globex",
    invoices: 480,
    customers: 24,
    activity: 640,
    first: ["2", "Northwind 1", "***", "c***@globex.example", "***0101", "Toronto"],
  },
] as const;

Deno.test("the demo of an application with two tenants", async (test) => {
  await using demo = await startDemo();

  for (const { user, tenant, invoices, customers, activity, first } of USERS) {
    await test.step(`${user} gets rows of ${tenant} alone`, async () => {
      const session = await signIn(demo, user);
      assert.match(await (await session.get("/")).text(), /Export to Excel/);

      const [titles, ...rows] = await session.rows("invoices");
      assert.deepEqual(
        titles,
        ["Number", "Customer", "E-mail", "Issued", "Due", "Status", "Total"],
      );
      assert.equal(rows.length, invoices);
      const isOwn = ([number, , email]: string[]) =>
        number!.startsWith(`${tenant.toUpperCase()}-`) && email!.endsWith(`@${tenant}.example`);
      assert.deepEqual(rows.filter((row) => !isOwn(row)), []);

      const [, ...people] = await session.rows("customers", { reason: "a test" });
      assert.equal(people.length, customers);
      assert.deepEqual(people[0], [...first, "2021-01-12"]);
      assert(people.every((row) => row[3]!.endsWith(`@${tenant}.example`)));

      const [, ...events] = await session.rows("activity");
      assert.equal(events.length, activity);
      const actor = user === "ann" ? /^\w+@acme\.example$/ : /^[0-9a-f]{32}$/;
      assert.deepEqual(events.filter((row) => !actor.test(row[1]!)), []);
    });
  }

  await test.step("what a form has no field for is in no link", async () => {
    const ben = await signIn(demo, "ben");
    const link = await ben.link("invoices", {
      ...{ format: "csv", since: "2025-10-01", _tenant: "globex", tenant: "globex" },
      ...{ _scopes: "pii", scopes: "pii", _sub: "ann@acme.example" },
    });
    const query = Object.fromEntries(new URL(link).searchParams);
    assert.deepEqual({ ...query, _exp: "", _sig: "" }, {
      ...{ since: "2025-10-01", _kid: "a", _exp: "", _sig: "" },
      ...{ _tenant: "acme", _sub: "ben@acme.example", _scopes: "" },
    });
    const rows = parse(await (await fetch(link)).text(), { bom: true }) as string[][];
    assert.equal(rows.length, 110);
    assert.deepEqual(rows[1]!.slice(0, 4), [
      "ACME-01092",
      "Northwind 13",
      "c***@acme.example",
      "2025-10-01",
    ]);
  });

  await test.step("a link that is changed, or has ended, is refused", async () => {
    const ben = await signIn(demo, "ben");
    const link = await ben.link("invoices", { format: "csv" });
    for (
      const changed of [
        link.replace("_tenant=acme", "_tenant=globex"),
        link.replace("_scopes=", "_scopes=pii"),
        link.replace("ben%40", "ann%40"),
        link.replace("/invoices.", "/activity."),
        link.replace("?", "?since=2025-01-01&"),
        link.replace(/&_sig=.*/, ""),
      ]
    ) {
      assert.notEqual(changed, link);
      const [status, body] = await refusal(changed);
      assert.equal(status, 401, changed);
      assert.doesNotMatch(body, /globex|acme/i);
    }

    const secret = await Deno.readTextFile(`${demo.data}/link_secret`);
    const path = "/exports/invoices.csv";
    const who = { tenant: "acme", subject: "ben@acme.example" };
    const sign = (expires: number) =>
      demo.exports + signLink({ path, query: [], expires, ...who }, "a", secret);
    const now = Math.floor(Date.now() / 1000);
    assert.equal((await refusal(sign(now + 300)))[0], 200);
    assert.equal((await refusal(sign(now - 1)))[0], 401);
  });

  await test.step("the audit log has why, for the admin of that tenant alone", async () => {
    const ann = await signIn(demo, "ann");
    const entries = async () => tableRows(await (await ann.get("/audit")).text());
    /** Waits for an entry: a run stands in the log once all that it held has come back. */
    const entry = (...cells: string[]) =>
      until(async () => (await entries()).some((row) => `${row.slice(1)}` === `${cells}`));

    const ben = await signIn(demo, "ben");
    const [status, body] = await refusal(await ben.link("customers", { format: "csv" }));
    assert.equal(status, 400);
    assert.match(body, /_reason/);
    await entry("ben@acme.example", "customers.csv", "", "", "refused: Bad request: _reason");
    await ben.rows("customers", { reason: 'A call <b>about</b> "PO 4711"' });
    await entry(
      ...["ben@acme.example", "customers.csv", "60"],
      "A call &lt;b&gt;about&lt;/b&gt; &quot;PO 4711&quot;",
      "complete hidden: contact, email, phone",
    );
    await ben.rows("activity");
    await entry(
      ...["ben@acme.example", "activity.csv", "1,000", ""],
      "complete ended at its limit hidden: actor",
    );
    const [titles, ...rows] = await entries();
    assert.deepEqual(titles, ["When (UTC)", "Who", "File", "Rows", "Why", "Outcome"]);
    assert.deepEqual(rows.filter(([, who]) => !who!.endsWith("@acme.example")), []);

    const gia = await signIn(demo, "gia");
    let page = "";
    await until(async () => {
      page = await (await gia.get("/audit")).text();
      return page.includes("gia@globex.example");
    });
    assert.doesNotMatch(page, /acme|4711/i);

    for (const user of ["ben", "hal"]) {
      const session = await signIn(demo, user);
      const answer = await session.get("/audit");
      assert.equal(answer.status, 403);
      assert.doesNotMatch(await answer.text(), /<table/);
    }
  });

  await test.step("a cookie that the application did not make signs nobody in", async () => {
    const response = await fetch(`${demo.origin}/`, { headers: { Cookie: "session=ann" } });
    assert.match(await response.text(), /Who are you\?/);
  });

  await test.step("Ctrl-C ends both", async () => {
    assert.equal(await demo.interrupt(), 0);
    for (const origin of [demo.origin, demo.exports]) await assert.rejects(fetch(origin));
  });
});

readerTest("a browser downloads with a link of the demo", ["chromium", "openpyxl"], async () => {
  await using demo = await startDemo();
  const browser = await puppeteer.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu"],
    userDataDir: `${demo.data}/profile`,
  });
  try {
    const session = await browser.target().createCDPSession();
    await session.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: demo.data,
      eventsEnabled: true,
    });
    const ended = Promise.withResolvers<string>();
    session.on("Browser.downloadProgress", ({ state }) => {
      if (state !== "inProgress") ended.resolve(state);
    });

    const page = await browser.newPage();
    await page.goto(demo.origin);
    await page.locator("text/Ann Archer").click();
    await page.locator("input[name=reason]").fill("Letters for the new year");
    await page.locator("aria/Customers: Export to Excel").click();
    assert.equal(await inTime(ended.promise, "the download"), "completed");
    const file = `${demo.data}/customers.xlsx`;
    const bytes = await Deno.readFile(file);

    await page.locator("text/Audit log").click();
    await page.waitForSelector("tbody tr");
    const row = await page.$$eval(
      "tbody tr:first-child td",
      (cells) => cells.map((cell) => cell.textContent),
    );
    assert.deepEqual(row.slice(1), [
      ...["ann@acme.example", "customers.xlsx", "60", "Letters for the new year", "complete"],
    ]);

    // Whole, as the log knows it.
    const log = await Deno.readTextFile(`${demo.data}/audit.log`);
    const lines = log.trim().split("\n").map((line) => JSON.parse(line));
    const run = lines.find(({ logger }) => logger === "spillway.run");
    assert.equal(bytes.length, run.bytes);

    const printed = await runProgram(PYTHON, ["-B", READ_XLSX, file, "normal"]);
    const sheets = printed.trim().split("\n").map((line) => JSON.parse(line));
    const cells = sheets.slice(sheets.indexOf("Customers") + 1);
    assert.equal(cells.length, 61);
    assert.deepEqual(cells[1].slice(0, 6), [
      ...[1, "Northwind 1", "Omar Haddad", "customer1@acme.example", "555-0101", "Toronto"],
    ]);
  } finally {
    await browser.close();
  }
});
