import assert from "node:assert/strict";
import { FORMATS } from "../../exporters/mod.ts";
import { until } from "../waiting.ts";
import { scrape } from "./downloads.ts";
import { curl, startServer } from "./fixture.ts";

/** What only a whole file holds near its end. */
const ENDINGS: Readonly<Record<string, string>> = {
  json: "]",
  xml: "</rows>",
  xlsx: "PK\x05\x06",
};

for (const format of Object.keys(FORMATS)) {
  Deno.test(`${format}: an error after 50,000 rows breaks the transport`, async () => {
    await using server = await startServer();
    const result = await curl(`${server.origin}/exports/breaks.${format}?at=50000`);
    assert.equal(result.code, 18, "curl: transfer closed with outstanding read data remaining");
    assert.ok(result.body.length > 0, "the file had begun");
    const end = new TextDecoder("latin1").decode(result.body.slice(-100));
    const ending = ENDINGS[format];
    if (ending) assert.ok(!end.includes(ending), `it ends like a whole file: ${end}`);
    assert.ok(!/overflow|Error/.test(end), `there is an error's text in the data: ${end}`);
    await until(() => server.reports.length === 1);
    assert.equal(server.reports[0]!.state, "failed");
    assert.match(server.reports[0]!.error!.message, /integer overflow/);
    assert.equal(server.engine.admission.taken, 0);
  });

  Deno.test(`${format}: an error in the first rows is a 502 with a problem, and no file`, async () => {
    await using server = await startServer({ server: "{ port: 0, debug: false }" });
    const response = await fetch(`${server.origin}/exports/breaks.${format}?at=3`);
    assert.equal(response.status, 502);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const problem = await response.json();
    assert.equal(problem.status, 502);
    assert.ok(!/overflow|select|app\.db/.test(JSON.stringify(problem)));
  });
}

Deno.test("a query for a table that is not there is a 502, and the log knows why", async () => {
  await using server = await startServer({ server: "{ port: 0, debug: false }" });
  const response = await fetch(`${server.origin}/exports/missing.csv`);
  assert.equal(response.status, 502);
  assert.ok(!(await response.text()).includes("no_such_table"));
  await until(() => server.reports.length === 1);
  assert.match(server.reports[0]!.error!.message, /no such table: no_such_table/);
});

Deno.test("a column that is not there is a 400 that names it", async () => {
  await using server = await startServer();
  const response = await fetch(`${server.origin}/exports/table.csv?_columns=id,colour`);
  assert.equal(response.status, 400);
  const { errors } = await response.json();
  assert.deepEqual(errors, [{
    name: "_columns",
    detail: 'Cannot choose column "colour": there is "id", "name"',
  }]);
});

Deno.test("a server that is short of memory answers 503 with Retry-After, and says so", async () => {
  await using server = await startServer({ limits: "{ memory: 1MiB }" });
  const refused = await fetch(`${server.origin}/exports/rows.csv`);
  assert.equal(refused.status, 503);
  assert.match(refused.headers.get("retry-after")!, /^\d+$/);
  assert.match((await refused.json()).detail, /short of memory/);
  const ready = await fetch(`${server.origin}/readyz`);
  assert.equal(ready.status, 503);
  assert.equal((await ready.json()).checks.memory, "full");
  assert.equal((await fetch(`${server.origin}/healthz`)).status, 200);
  const numbers = await scrape(server);
  assert.equal(numbers.get('runs_refused_total{reason="memory"}'), 1);
  assert.equal(numbers.get("memory_limit_bytes"), 1024 * 1024);
  assert.ok(numbers.get("memory_bytes")! > 1024 * 1024);
});

Deno.test("a server whose slots are taken answers 503 with Retry-After, then takes runs again", async () => {
  await using server = await startServer({ limits: "{ concurrent: 1, queue: 0 }" });
  const first = await fetch(`${server.origin}/exports/rows.csv?rows=10000000`);
  const second = await fetch(`${server.origin}/exports/rows.csv`);
  assert.equal(second.status, 503);
  assert.match(second.headers.get("retry-after")!, /^([5-9]|10)$/);
  assert.equal((await second.json()).status, 503);
  assert.equal((await fetch(`${server.origin}/readyz`)).status, 503);
  await first.body!.cancel();
  await until(() => server.engine.admission.taken === 0);
  assert.equal(
    await (await fetch(`${server.origin}/exports/rows.csv?rows=1`)).text(),
    `id,padding\r\n1,${"0".repeat(89)}1\r\n`,
  );
});

Deno.test("a source that gives no first row in time is a 504", async () => {
  await using server = await startServer({ limits: "{ first_row: 300ms }" });
  const response = await fetch(`${server.origin}/exports/sorts.csv`);
  assert.equal(response.status, 504);
  await response.body!.cancel();
  await until(() => server.engine.admission.taken === 0);
});
