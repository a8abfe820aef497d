/** Which addresses webhooks may go to. */

import assert from "node:assert/strict";
import { isPublicAddress } from "../../../runs/webhooks/address.ts";

Deno.test("tells addresses of the Internet from all others", () => {
  const others = [
    // IPv4: none, this network, private, shared, loopback, link-local, examples, benchmarks, groups, reserved.
    ..."0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1".split(" "),
    ..."127.255.255.254 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255".split(" "),
    ..."192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255".split(" "),
    ..."198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1".split(" "),
    "255.255.255.255",
    // IPv6: none, loopback, mapped and compatible IPv4 in both spellings, translated, discarded.
    ..."::  ::1 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:8.8.8.8".split(/ +/),
    ..."::127.0.0.1 ::808:808 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1".split(" "),
    // Teredo, ORCHID, examples, 6to4, unique local, link-local, site-local, groups.
    ..."2001::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1 3fff::1".split(" "),
    ..."fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 4000::1".split(" "),
    // No addresses in the one form that is looked at.
    ...["", "localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "1.2.3", "[::1]"],
    "1.2.3.4.",
  ];
  for (const address of others) assert.equal(isPublicAddress(address), false, address);
  const everyones = [
    ..."1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.0.0.1".split(" "),
    ..."128.0.0.1 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 223.255.255.255".split(" "),
    ..."2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 3ffe::1".split(" "),
  ];
  for (const address of everyones) assert.equal(isPublicAddress(address), true, address);
});
