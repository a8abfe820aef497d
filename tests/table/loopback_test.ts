/** Loopback addresses. */

import { strictEqual } from "node:assert/strict";
import { isLoopback } from "../../table/loopback.ts";

Deno.test("localhost, 127.0.0.0/8 and ::1 are loopback", () => {
  const loopback = [
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.0.0.0",
    "127.255.255.255",
    "127.1.20.199",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::0.0.0.1",
  ];
  for (const hostname of loopback) strictEqual(isLoopback(hostname), true, hostname);
});

Deno.test("nothing else is, however much it looks like it", () => {
  const reachable = [
    "",
    "0.0.0.0",
    "::",
    "::2",
    "1::1",
    "fe80::1",
    "::ffff:127.0.0.1",
    "128.0.0.1",
    "1.127.0.0",
    "127.0.0.256",
    "127.0.0",
    "127.1",
    "127.0.0.1.example.com",
    "127.0.0.01",
    "localhost.example.com",
    "notlocalhost",
    "exports.example.com",
    "[::1]",
    "::1]/@[::",
    "0x7f.0.0.1",
  ];
  for (const hostname of reachable) strictEqual(isLoopback(hostname), false, hostname);
});
