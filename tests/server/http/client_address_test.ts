import assert from "node:assert/strict";
import { clientKey, createAddressTest, plainAddress } from "../../../server/http/addresses.ts";
import { createClientAddress } from "../../../server/http/client_address.ts";

const PROXIES = createClientAddress(["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"]);

function behind(headers: Record<string, string>, proxy = "10.0.0.1"): string {
  return PROXIES.behind(proxy, new Headers(headers));
}

Deno.test("a proxy's last word on its client counts, and what the client says itself never", () => {
  assert.equal(behind({ "X-Forwarded-For": "192.0.2.1" }), "192.0.2.1");
  assert.equal(behind({ "X-Forwarded-For": "198.51.100.7, 192.0.2.1" }), "192.0.2.1");
  assert.equal(
    behind({ "X-Forwarded-For": "198.51.100.7, 192.0.2.1,10.9.9.9 , 127.0.0.1" }),
    "192.0.2.1",
  );
  assert.equal(behind({ "X-Forwarded-For": "10.9.9.9" }), "10.9.9.9", "a client inside");
  assert.equal(behind({}), "10.0.0.1", "nothing is said");
  assert.equal(behind({ "X-Forwarded-For": "192.0.2.1, unknown" }), "10.0.0.1");
  assert.equal(behind({ "X-Forwarded-For": "192.0.2.1, unknown, 10.0.0.2" }), "10.0.0.2");
  assert.equal(behind({ "X-Forwarded-For": "192.0.2.1:4711" }), "192.0.2.1");
  assert.equal(behind({ "X-Forwarded-For": "2001:db9::1" }), "2001:db9::1");
  assert.equal(behind({ "X-Forwarded-For": "[2001:db9::1]:443" }), "2001:db9::1");
  assert.equal(behind({ "X-Forwarded-For": "::ffff:192.0.2.1" }), "192.0.2.1");
});

Deno.test("Forwarded says the same where there is no X-Forwarded-For", () => {
  const forwarded = (value: string) => behind({ "Forwarded": value });
  assert.equal(forwarded("for=192.0.2.1"), "192.0.2.1");
  assert.equal(forwarded('by=10.0.0.1;FOR="192.0.2.1:80";proto=https'), "192.0.2.1");
  assert.equal(forwarded('for=198.51.100.7, for="[2001:db9::1]:443"'), "2001:db9::1");
  assert.equal(forwarded('for="192.0.2.1, 1.2.3.4";by="a;for=5.6.7.8"'), "10.0.0.1");
  assert.equal(forwarded("for=_hidden, for=192.0.2.1"), "192.0.2.1");
  assert.equal(forwarded("for=192.0.2.1, for=_hidden"), "10.0.0.1");
  assert.equal(forwarded("by=10.0.0.1"), "10.0.0.1");
  assert.equal(
    behind({ "Forwarded": "for=198.51.100.7", "X-Forwarded-For": "192.0.2.1" }),
    "192.0.2.1",
  );
});

Deno.test("addresses are proxies' one by one and by network", () => {
  for (const address of ["10.255.0.1", "127.0.0.1", "2001:db8:1::1"]) {
    assert.equal(PROXIES.isProxy(address), true, address);
  }
  for (const address of ["11.0.0.1", "127.0.0.2", "2001:db9::1", "::1"]) {
    assert.equal(PROXIES.isProxy(address), false, address);
  }
  assert.equal(createAddressTest([])("127.0.0.1"), false);
});

Deno.test("an address of IPv4 in IPv6 is one of IPv4; of IPv6 a client has its whole network", () => {
  assert.equal(plainAddress("::ffff:127.0.0.1"), "127.0.0.1");
  assert.equal(plainAddress("::1"), "::1");
  assert.equal(clientKey("192.0.2.1"), "192.0.2.1");
  for (const address of ["2001:db8:0:1::", "2001:db8:0:1:ffff:1:2:3", "2001:0db8::1:0:0:1:2"]) {
    assert.equal(clientKey(address), "2001:db8:0:1::/64", address);
  }
  assert.equal(clientKey("::1"), "0:0:0:0::/64");
  assert.equal(clientKey("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.equal(clientKey("64:ff9b::192.0.2.1"), "64:ff9b:0:0::/64");
  assert.notEqual(clientKey("2001:db8:0:2::1"), clientKey("2001:db8:0:1::1"));
});
