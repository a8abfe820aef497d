/** Which connections are kept, for whom, how many and how long. */

import assert from "node:assert/strict";
import { type CacheOptions, ConnectionCache } from "../../sources/connection_cache.ts";
import { createClock } from "./own_clock.ts";

/** A cache of connections by name, and the names of those that it has closed. */
function createCache(options: Partial<CacheOptions> = {}) {
  const { clock, pass } = createClock();
  const closed: string[] = [];
  const cache = new ConnectionCache({ max: 8, idle: 5000, clock, ...options });
  const connection = (name: string) => ({ name, close: () => void closed.push(name) });
  return { cache, closed, connection, pass };
}

Deno.test("a connection is given to its source alone, and to one run at a time", () => {
  const { cache, connection } = createCache();
  const [one, other] = [connection("one"), connection("other")];
  cache.put("orders", one);
  cache.put("orders", other);
  assert.equal(cache.take("stock"), undefined);
  assert.equal(cache.take("orders"), other, "the one that was used last");
  assert.equal(cache.take("orders"), one);
  assert.equal(cache.take("orders"), undefined);
  assert.equal(cache.size, 0);
});

Deno.test("where too many are kept, the one that was used first is closed", () => {
  const { cache, closed, connection } = createCache({ max: 2 });
  for (const name of ["a", "b", "c", "d"]) cache.put(name, connection(name));
  assert.deepEqual(closed, ["a", "b"]);
  assert.equal(cache.size, 2);
});

Deno.test("what no run takes for long enough is closed, each by its own time", () => {
  const { cache, closed, connection, pass } = createCache({ idle: 5000 });
  cache.put("a", connection("a"));
  pass(3000);
  cache.put("b", connection("b"));
  pass(1999);
  assert.deepEqual(closed, []);
  pass(1);
  assert.deepEqual(closed, ["a"]);
  pass(5000);
  assert.deepEqual(closed, ["a", "b"]);
  assert.equal(cache.size, 0);
});

Deno.test("a connection that is used again and again is closed at its age", () => {
  const { cache, closed, connection, pass } = createCache({ age: 60_000 });
  cache.put("a", connection("a"));
  for (let second = 1; second < 60; second++) {
    const taken = cache.take("a");
    pass(1000);
    cache.put("a", taken!);
  }
  assert.deepEqual(closed, []);
  const taken = cache.take("a");
  pass(1000);
  cache.put("a", taken!);
  assert.deepEqual(closed, ["a"]);
  assert.equal(cache.size, 0);
});

Deno.test("those of a source are closed together, and no others", () => {
  const { cache, closed, connection } = createCache();
  cache.put("orders", connection("a"));
  cache.put("stock", connection("b"));
  cache.put("orders", connection("c"));
  cache.evict("orders");
  assert.deepEqual(closed, ["a", "c"]);
  assert.equal(cache.size, 1);
});

Deno.test("where one came back lately, a run waits for the next, and those that wait take turns", async () => {
  const { cache, connection, pass } = createCache({ wait: 250 });
  const [a, b] = [connection("a"), connection("b")];
  assert.equal(await cache.acquire("orders"), undefined, "none came back: one is opened");
  cache.put("orders", a);
  assert.equal(await cache.acquire("orders"), a);
  pass(249);
  const [first, stock, second] = ["orders", "stock", "orders"].map((key) => cache.acquire(key));
  assert.equal(await stock, undefined, "none of its own came back");
  cache.put("orders", a);
  cache.put("orders", b);
  assert.deepEqual(await Promise.all([first, second]), [a, b]);
  assert.equal(cache.size, 0);
});

Deno.test("a run that waited long enough opens one, and what comes back then is kept", async () => {
  const { cache, closed, connection, pass } = createCache({ wait: 250 });
  cache.put("orders", connection("a"));
  const taken = await cache.acquire("orders");
  const waiting = cache.acquire("orders");
  pass(250);
  assert.equal(await waiting, undefined);
  assert.equal(await cache.acquire("orders"), undefined, "none came back for as long");
  cache.put("orders", taken!);
  assert.equal(cache.size, 1);
  assert.deepEqual(closed, []);
});

Deno.test("no run waits for a connection that does not come back", async () => {
  const { cache, closed, connection } = createCache({ wait: 250 });
  const [a, b] = [connection("a"), connection("b")];
  for (const one of [a, b]) cache.put("orders", one);
  assert.equal(await cache.acquire("orders"), b);
  assert.equal(await cache.acquire("orders"), a);
  const waiting = cache.acquire("orders");
  cache.discard("orders", a);
  const next = cache.acquire("orders");
  cache.discard("orders", b);
  assert.deepEqual(await Promise.all([waiting, next]), [undefined, undefined]);
  assert.equal(await cache.acquire("orders"), undefined, "no run has one");
  assert.deepEqual(closed, []);
});

Deno.test("a run that waits for a connection that is too old by then opens one", async () => {
  const { cache, closed, connection, pass } = createCache({ wait: 250, age: 300 });
  cache.put("orders", connection("a"));
  pass(100);
  const taken = await cache.acquire("orders");
  const waiting = cache.acquire("orders");
  pass(200);
  cache.put("orders", taken!);
  assert.equal(await waiting, undefined);
  assert.deepEqual(closed, ["a"]);
});
