/** Cells that are hidden. */

import { deepStrictEqual, match, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { createMask } from "../../table/masks.ts";
import type { Cell } from "../../table/table.ts";

Deno.test("a part of a text tells who it may be, and not who it is", () => {
  const partial = createMask("partial");
  const table: [cell: Cell, shown: string | null][] = [
    [null, null],
    ["ann@example.com", "a***@example.com"],
    ["😀nn@example.com", "😀***@example.com"],
    ["@example.com", "***.com"],
    ["a@b@c", "***"],
    ["Ann", "***"],
    ["", "***"],
    ["Ann Lee", "***"],
    ["4111111111111111", "***1111"],
    [4111111111111111, "***1111"],
    [42, "***"],
    [12345678901234567890n, "***7890"],
    ["1234567😀😀", "***😀😀"],
    [true, "***"],
    [new Uint8Array(20), "***"],
  ];
  for (const [cell, shown] of table) strictEqual(partial(cell), shown, String(cell));
});

Deno.test("what is taken out tells not even whether there was anything", () => {
  const redact = createMask("redact");
  for (const cell of [null, "", "ann", 1, true, new Uint8Array()]) strictEqual(redact(cell), "***");
});

Deno.test("a hash is equal for equal cells under one key alone", () => {
  const hash = createMask("hash", "key");
  // printf %s ann | openssl dgst -sha256 -hmac key
  strictEqual(hash("ann"), "9d77c3180ff81edfbc099a7e91843e41");
  deepStrictEqual([hash(1), hash(null)], [hash("1"), null]);
  strictEqual(hash(new TextEncoder().encode("ann")), hash("ann"));
  notStrictEqual(hash("ann"), createMask("hash", "other")("ann"));
  match(hash(0)!, /^[0-9a-f]{32}$/);
  throws(() => createMask("hash"), /^Error: Cannot hash a column: there is no key$/);
});
