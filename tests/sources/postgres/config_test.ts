import assert from "node:assert/strict";
import { endpointOf, hostOf } from "../../../sources/postgres/config.ts";
import { postgres } from "../../../sources/postgres/descriptor.ts";

const { config } = postgres;

const URL = "postgres://reader:p%40ss@db.example.com:6543/shop";

Deno.test("a URL is all that a source needs", () => {
  const settings = config.parse({ url: URL });
  assert.deepEqual(settings, {
    url: URL,
    max_row: 64 * 2 ** 20,
    connect_timeout: 10_000,
    statement_timeout: 86_400_000,
    idle_in_transaction_session_timeout: 60_000,
  });
  assert.deepEqual(endpointOf(settings), {
    host: "db.example.com",
    port: 6543,
    user: "reader",
    password: "p@ss",
    database: "shop",
    tls: "verify-full",
  });
  assert.equal(hostOf(settings), "db.example.com:6543");
});

Deno.test("the port, the password and the database have the defaults of libpq", () => {
  const { port, password, database } = endpointOf({ url: "postgresql://reader@[2001:db8::1]" });
  assert.deepEqual({ port, password, database }, { port: 5432, password: "", database: "reader" });
  assert.equal(
    hostOf(config.parse({ url: "postgresql://reader@[2001:db8::1]" })),
    "[2001:db8::1]:5432",
  );
});

Deno.test("the server must prove who it is, unless something else is said or it is this machine", () => {
  const mode = (host: string, settings = {}) =>
    endpointOf({ url: `postgres://reader@${host}`, ...settings }).tls;
  assert.equal(mode("db"), "verify-full");
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
    assert.equal(mode(host), "disable");
  }
  assert.equal(mode("127.0.0.1.example.com"), "verify-full");
  assert.equal(mode("localhost", { ca: "/ca.pem" }), "verify-full");
  assert.equal(mode("db?sslmode=require"), "require");
  assert.equal(mode("db?sslmode=allow"), "prefer");
  assert.equal(mode("localhost?sslmode=verify-ca"), "verify-ca");
  assert.equal(mode("db?sslmode=disable", { tls: "verify-full" }), "verify-full");
});

Deno.test("what cannot be connected to is refused", () => {
  for (
    const url of [
      "",
      "db.example.com",
      "mysql://reader@db/shop",
      "postgres:///shop",
      "postgres://db/shop",
      "postgres://reader@one,two/shop",
      "postgres://reader@db:0/shop",
      "postgres://reader:%ff@db/shop",
      "postgres://reader@db?sslmode=sometimes",
      "postgres://reader@db?sslrootcert=/ca.pem",
      "postgres://reader@db?options=-c",
    ]
  ) {
    const { error } = config.safeParse({ url });
    assert.equal(
      error?.issues[0]?.message,
      "a URL such as postgres://reader:password@db.example.com:5432/shop, with no option but sslmode",
      url,
    );
  }
});

Deno.test("a file of certificates is of use only where they are verified", () => {
  assert.equal(config.safeParse({ url: URL, ca: "/ca.pem" }).success, true);
  const { error } = config.safeParse({ url: URL, ca: "/ca.pem", tls: "require" });
  assert.deepEqual(error?.issues.map(({ path }) => path), [["ca"]]);
});

Deno.test("durations have a unit, and a search path has names only", () => {
  const parse = (settings: object) => config.safeParse({ url: URL, ...settings });
  assert.equal(parse({ connect_timeout: "1500ms" }).data?.connect_timeout, 1500);
  assert.equal(parse({ statement_timeout: "2h" }).data?.statement_timeout, 7_200_000);
  for (const wrong of ["0s", "25d", "1.5s", "10", 10]) {
    assert.equal(parse({ statement_timeout: wrong }).success, false, String(wrong));
  }
  assert.equal(parse({ search_path: 'reporting, "Two words", $user' }).success, true);
  assert.equal(parse({ search_path: "a'; drop table t" }).success, false);
  assert.equal(parse({ hostname: "db" }).success, false);
});
