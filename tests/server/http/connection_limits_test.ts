import assert from "node:assert/strict";
import { ConnectionLimits, SPARE_CONNECTIONS } from "../../../server/http/connection_limits.ts";

/** Counts a connection of an address, and notes what becomes of it. */
function connect(limits: ConnectionLimits, address: string | undefined, evicted: string[] = []) {
  return limits.acquire(address, (excess) => void evicted.push(`${address} ${excess}`));
}

function excessOf(connection: ReturnType<typeof connect>): string {
  return typeof connection === "string" ? `none: ${connection}` : connection.excess ?? "usual";
}

Deno.test("all have so many connections, one client has fewer, and a proxy as many as there are", () => {
  const limits = new ConnectionLimits({ connections: 4, perAddress: 2 });
  const first = connect(limits, "192.0.2.1");
  assert.equal(excessOf(first), "usual");
  assert.equal(excessOf(connect(limits, "192.0.2.1")), "usual");
  assert.equal(excessOf(connect(limits, "192.0.2.1")), "address");
  assert.equal(excessOf(connect(limits, undefined)), "usual");
  assert.equal(limits.full, false);
  assert.equal(excessOf(connect(limits, "192.0.2.2")), "usual");
  assert.equal(limits.full, true);
  assert.equal(excessOf(connect(limits, "192.0.2.2")), "server");
  assert.ok(typeof first !== "string");
  first.release();
  first.release();
  assert.equal(limits.full, false);
  assert.equal(excessOf(connect(limits, "192.0.2.1")), "usual");
});

Deno.test("another limit for one client counts what the client has already", () => {
  const limits = new ConnectionLimits({ connections: 10, perAddress: 1 });
  assert.equal(excessOf(connect(limits, "192.0.2.1")), "usual");
  limits.limitAddresses(2);
  assert.equal(excessOf(connect(limits, "192.0.2.1")), "usual");
  assert.equal(excessOf(connect(limits, "192.0.2.1")), "address");
});

Deno.test("all addresses of a network of IPv6 are one client's", () => {
  const limits = new ConnectionLimits({ connections: 10, perAddress: 1 });
  assert.equal(excessOf(connect(limits, "2001:db8::1")), "usual");
  assert.equal(excessOf(connect(limits, "2001:db8::2")), "address");
  assert.equal(excessOf(connect(limits, "2001:db8:0:1::2")), "usual");
});

Deno.test("a spare connection takes the place of the oldest on which nothing was asked", () => {
  const limits = new ConnectionLimits({ connections: 0, perAddress: 1 });
  const evicted: string[] = [];
  const own = SPARE_CONNECTIONS / 4;
  const connections = Array.from({ length: own }, () => connect(limits, "192.0.2.1", evicted));
  assert.deepEqual(connections.map(excessOf), Array(own).fill("server"));
  // A client takes its own places first.
  assert.equal(excessOf(connect(limits, "192.0.2.1", evicted)), "server");
  assert.deepEqual(evicted.splice(0), ["192.0.2.1 server"]);
  for (let other = 2; other <= 4; other++) {
    for (let turn = 0; turn < own; turn++) connect(limits, `192.0.2.${other}`, evicted);
  }
  assert.deepEqual(evicted, []);
  assert.equal(excessOf(connect(limits, "192.0.2.5", evicted)), "server");
  assert.deepEqual(evicted, ["192.0.2.1 server"]);
});

Deno.test("a spare connection that is asked something stays, and the next is refused", () => {
  const limits = new ConnectionLimits({ connections: 0, perAddress: 1 });
  const evicted: string[] = [];
  for (let turn = 0; turn < SPARE_CONNECTIONS; turn++) {
    const connection = connect(limits, `192.0.2.${turn}`, evicted);
    assert.ok(typeof connection !== "string");
    connection.keep();
  }
  assert.equal(excessOf(connect(limits, "198.51.100.1", evicted)), "none: server");
  assert.deepEqual(evicted, []);
});

Deno.test("requests of a proxy's clients are counted by themselves", () => {
  const limits = new ConnectionLimits({ connections: 10, perAddress: 2 });
  const release = limits.acquireRequest("192.0.2.1")!;
  assert.ok(limits.acquireRequest("192.0.2.1"));
  assert.equal(limits.acquireRequest("192.0.2.1"), undefined);
  assert.ok(limits.acquireRequest("192.0.2.2"));
  release();
  assert.ok(limits.acquireRequest("192.0.2.1"));
  assert.equal(excessOf(connect(limits, "192.0.2.1")), "usual");
});
