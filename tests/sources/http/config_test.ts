import assert from "node:assert/strict";
import { http } from "../../../sources/http/descriptor.ts";

const URL = "https://billing.internal/rows";

/** The paths of what is wrong; none where nothing is. */
function wrong(changed: object): readonly string[] {
  const { error } = http.config.safeParse({ url: URL, ...changed });
  return (error?.issues ?? []).map(({ path }) => path.join("."));
}

Deno.test("a URL is all that an HTTP source needs, and the host is all that it may reach", () => {
  const config = http.config.parse({ url: URL });
  assert.deepEqual(config, {
    url: URL,
    method: "GET",
    format: "ndjson",
    headers: {},
    timeout: 60_000,
    idle_timeout: 60_000,
    allow_http: false,
    max_row: 67_108_864,
    require_count: false,
  });
  assert.deepEqual(http.permissions?.(config), { net: ["billing.internal:443"] });
  const leave = (url: string) => http.permissions?.(http.config.parse({ url }))?.net;
  assert.deepEqual(leave("http://[::1]:8080/x"), ["[::1]:8080"]);
  assert.deepEqual(leave("http://127.0.0.1/"), ["127.0.0.1:80"]);
});

Deno.test("clear text is for loopback, unless it is allowed", () => {
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9:81", "[::1]"]) {
    assert.deepEqual(wrong({ url: `http://${host}/` }), [], host);
  }
  for (
    const url of [
      "http://billing.internal/",
      "http://127.0.0.1.example.com/",
      "http://localhost.example.com/",
      "http://0.0.0.0/",
      "http://[::]/",
      "ftp://localhost/",
      "file:///etc/passwd",
      "https://user:secret@billing.internal/",
      "https://user@billing.internal/",
      "https://billing.internal/#x",
      "/rows",
      "",
    ]
  ) assert.deepEqual(wrong({ url }), ["url"], url);
  assert.deepEqual(wrong({ url: "http://billing.internal/", allow_http: true }), []);
  assert.deepEqual(wrong({ url: "ftp://billing.internal/", allow_http: true }), ["url"]);
});

Deno.test("headers are names and values, and some are not to be set", () => {
  assert.deepEqual(wrong({ headers: { Authorization: "Bearer x y", "X-Tenant": "1" } }), []);
  for (
    const name of ["", "a b", "a:b", "Host", "Content-Length", "accept-encoding", "Spillway-Run"]
  ) assert.deepEqual(wrong({ headers: { [name]: "x" } }), [`headers.${name}`], name);
  for (const value of ["", " x", "x ", "a\r\nb: c", "é", "\0", 5]) {
    assert.deepEqual(wrong({ headers: { "X-A": value } }), ["headers.X-A"], String(value));
  }
});

Deno.test("durations, sizes, columns and counts of an HTTP source are checked", () => {
  const config = http.config.parse({
    url: URL,
    timeout: "5s",
    idle_timeout: "2m",
    max_row: "8MiB",
    columns: ["id", "name"],
  });
  assert.deepEqual(
    [config.timeout, config.idle_timeout, config.max_row, config.columns],
    [5000, 120_000, 8_388_608, ["id", "name"]],
  );
  for (const timeout of ["0s", "2d", "5", 5, "1.5s"]) {
    assert.deepEqual(wrong({ timeout }), ["timeout"]);
  }
  for (const max_row of ["0B", "1023B", "257MiB", "1GiB", 5]) {
    assert.deepEqual(wrong({ max_row }), ["max_row"]);
  }
  assert.deepEqual(wrong({ columns: [] }), ["columns"]);
  assert.deepEqual(wrong({ columns: ["a", "a"] }), ["columns"]);
  assert.deepEqual(wrong({ columns: ["a", ""] }), ["columns.1"]);
  assert.deepEqual(wrong({ method: "PUT" }), ["method"]);
  assert.deepEqual(wrong({ format: "xml" }), ["format"]);
  assert.deepEqual(wrong({ format: "csv", require_count: true }), ["require_count"]);
  assert.deepEqual(wrong({ redirect: "follow" }), [""]);
});
