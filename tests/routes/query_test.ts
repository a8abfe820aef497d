import assert from "node:assert/strict";
import { parseQuery } from "../../routes/query.ts";
import { fakeApp, problem } from "./fixture.ts";

Deno.test("names and values are decoded as a form's are", () => {
  const read = (search: string) => [...parseQuery(search)];
  assert.deepEqual(read(""), []);
  assert.deepEqual(read("?a=1&b=2&a=3"), [["a", "1"], ["b", "2"], ["a", "3"]]);
  assert.deepEqual(read("?a+b=c+d&e=%2B%26%3D"), [["a b", "c d"], ["e", "+&="]]);
  assert.deepEqual(read("?a&b=&=c&&d=e=f"), [["a", ""], ["b", ""], ["", "c"], ["d", "e=f"]]);
  assert.deepEqual(read("?name=%EB%91%90%F0%9F%8E%89"), [["name", "두🎉"]]);
});

Deno.test("what is no UTF-8, or no percent-encoding, is a 400 by name and runs nothing", async () => {
  const { app, tasks } = fakeApp();
  const { status, body } = await problem(
    await app.request(
      "/exports/audit-log.csv?actor=%FF&since=2026-01-01&%E9t%E9=1&a=100%&b=%zz&c=%C3&d=%ED%A0%80",
    ),
  );
  assert.equal(status, 400);
  const detail = "must be text in UTF-8, percent-encoded";
  assert.deepEqual(
    body.errors,
    ["actor", "%E9t%E9", "a", "b", "c", "d"].map((name) => ({ name, detail })),
  );
  assert.deepEqual(tasks, []);
});
