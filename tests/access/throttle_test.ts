/** Wrong credentials are slowed down by the address that they come from. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { addressBlock, createThrottle, type Penalty } from "../../access/throttle.ts";

/** A throttle with a clock that the test sets. */
function throttleAt() {
  const clock = { now: 1_000_000 };
  return { clock, throttle: createThrottle({ now: () => clock.now }) };
}

/** What an address gets for so many wrong credentials at one moment. */
function fail(
  throttle: { fail(address: string): Penalty },
  times: number,
  address = "198.51.100.1",
): Penalty[] {
  return Array.from({ length: times }, () => throttle.fail(address));
}

Deno.test("a few wrong credentials cost nothing, each more costs twice as much, up to ten seconds", () => {
  const { throttle } = throttleAt();
  deepStrictEqual(
    fail(throttle, 20).map(({ delay }) => delay),
    [0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 6400, ...Array(8).fill(10_000)],
  );
});

Deno.test("too many are not answered, until some are forgiven", () => {
  const { throttle, clock } = throttleAt();
  fail(throttle, 20);
  deepStrictEqual(fail(throttle, 3), Array(3).fill({ delay: 0, retryAfter: 10_000 }));
  clock.now += 9_999;
  // Each try counts: one who does not stop is not answered.
  deepStrictEqual(fail(throttle, 1), [{ delay: 0, retryAfter: 10_000 }]);
  clock.now += 10_000;
  deepStrictEqual(fail(throttle, 1), [{ delay: 0, retryAfter: 10_000 }]);
  clock.now += 20_000;
  deepStrictEqual(fail(throttle, 1), [{ delay: 10_000 }]);
});

Deno.test("one is forgiven in ten seconds, and all in some minutes", () => {
  const { throttle, clock } = throttleAt();
  fail(throttle, 8);
  clock.now += 30_000;
  deepStrictEqual(fail(throttle, 1), [{ delay: 100 }]);
  clock.now += 60_000;
  deepStrictEqual(fail(throttle, 6).map(({ delay }) => delay), [0, 0, 0, 0, 0, 100]);
});

Deno.test("each address is counted for itself", () => {
  const { throttle } = throttleAt();
  fail(throttle, 50, "198.51.100.1");
  deepStrictEqual(fail(throttle, 1, "198.51.100.2"), [{ delay: 0 }]);
  deepStrictEqual(fail(throttle, 1, "2001:db8::1"), [{ delay: 0 }]);
});

Deno.test("a host counts once, however many addresses of IPv6 it has", () => {
  const table: [address: string, block: string][] = [
    ["198.51.100.1", "198.51.100.1"],
    ["::ffff:198.51.100.1", "198.51.100.1"],
    ["::FFFF:c633:6401", "198.51.100.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::", "2001:db8:0:1::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1::8", "1:0:0:0::/64"],
    ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
    // What a listener on a socket file, or a proxy, may say instead.
    ["unknown", "unknown"],
    ["", ""],
    ["2001:db8::1::2", "2001:db8::1::2"],
    ["a]/@b", "a]/@b"],
  ];
  for (const [address, block] of table) strictEqual(addressBlock(address), block, address);
});

Deno.test("the table has an upper bound, and the address that was longest quiet goes first", () => {
  const throttle = createThrottle({ now: () => 0, maxAddresses: 100 });
  fail(throttle, 10, "198.51.100.1");
  for (let index = 0; index < 5_000; index++) {
    throttle.fail(`10.0.${index >> 8}.${index & 255}`);
    // This one goes on, and is not forgotten for all the others.
    if (index % 50 === 0) throttle.fail("198.51.100.1");
    ok(throttle.size <= 100);
  }
  strictEqual(throttle.size, 100);
  ok(throttle.fail("198.51.100.1").retryAfter !== undefined);
  deepStrictEqual(throttle.fail("10.0.0.0"), { delay: 0 });
});
