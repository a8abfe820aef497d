import assert from "node:assert/strict";
import { endpointOf, hostOf } from "../../../sources/mysql/config.ts";
import { mysql } from "../../../sources/mysql/descriptor.ts";

const { config } = mysql;

const URL = "mysql://reader:p%40ss@db.example.com:3307/shop";

Deno.test("a URL of MySQL is all that a source needs", () => {
  const settings = config.parse({ url: URL });
  assert.deepEqual(settings, {
    url: URL,
    max_row: 64 * 2 ** 20,
    connect_timeout: 10_000,
    statement_timeout: 86_400_000,
  });
  assert.deepEqual(endpointOf(settings), {
    host: "db.example.com",
    port: 3307,
    user: "reader",
    password: "p@ss",
    database: "shop",
    tls: "verify-full",
  });
  assert.equal(hostOf(settings), "db.example.com:3307");
});

Deno.test("a key of its own wins over the same part of the URL, or does without one", () => {
  const keys = { host: "2001:db8::1", port: 3308, user: "other", password: "", database: "logs" };
  for (const settings of [keys, { url: URL, ...keys }]) {
    assert.deepEqual(endpointOf(config.parse(settings)), { ...keys, tls: "verify-full" });
    assert.equal(hostOf(config.parse(settings)), "[2001:db8::1]:3308");
  }
  const { port, password, database } = endpointOf({ url: "mariadb://reader@db" });
  assert.deepEqual({ port, password, database }, { port: 3306, password: "", database: "" });
});

Deno.test("a server of MySQL must prove who it is, unless something else is said or it is this machine", () => {
  const mode = (host: string, settings = {}) =>
    endpointOf({ url: `mysql://reader@${host}`, ...settings }).tls;
  assert.equal(mode("db"), "verify-full");
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
    assert.equal(mode(host), "disable");
  }
  assert.equal(mode("127.0.0.1.example.com"), "verify-full");
  assert.equal(mode("localhost", { ca: "/ca.pem" }), "verify-full");
  assert.equal(mode("localhost", { host: "db" }), "verify-full");
  assert.equal(mode("db", { tls: "require" }), "require");
});

Deno.test("a URL that is none of MySQL is refused, and so are options in it", () => {
  for (
    const url of [
      "",
      "db.example.com",
      "postgres://reader@db/shop",
      "mysql://reader@one,two/shop",
      "mysql://reader@db:0/shop",
      "mysql://reader:%ff@db/shop",
      "mysql://reader@db/shop/other",
      "mysql://reader@db/shop?multipleStatements=true",
      "mysql://reader@db/shop#x",
    ]
  ) {
    const { error } = config.safeParse({ url });
    assert.equal(
      error?.issues[0]?.message,
      "a URL such as mysql://reader:password@db.example.com:3306/shop, without options",
      url,
    );
  }
  const paths = (settings: object) =>
    config.safeParse(settings).error?.issues.map(({ path }) => path.join("."));
  assert.deepEqual(paths({ user: "reader" }), ["host"]);
  assert.deepEqual(paths({ host: "db" }), ["user"]);
  assert.deepEqual(paths({ url: URL, port: 70_000 }), ["port"]);
  assert.deepEqual(paths({ url: URL, ssl: true }), [""]);
});

Deno.test("certificates are of use only where MySQL's are verified, and durations have a unit", () => {
  const parse = (settings: object) => config.safeParse({ url: URL, ...settings });
  assert.equal(parse({ ca: "/ca.pem" }).success, true);
  assert.deepEqual(
    parse({ ca: "/ca.pem", tls: "require" }).error?.issues.map(({ path }) => path),
    [["ca"]],
  );
  assert.equal(parse({ connect_timeout: "1500ms" }).data?.connect_timeout, 1500);
  for (const wrong of ["0s", "25d", "1.5s", "10", 10]) {
    assert.equal(parse({ statement_timeout: wrong }).success, false, String(wrong));
  }
});
