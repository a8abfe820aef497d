/** Patterns of names. */

import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { matchesAny, matchesGlob } from "../../access/globs.ts";

Deno.test("a pattern matches the whole name, and * stands for any text", () => {
  const table: [glob: string, name: string, matches: boolean][] = [
    ["audit-log", "audit-log", true],
    ["audit-log", "audit-logs", false],
    ["audit-log", "my-audit-log", false],
    ["audit-*", "audit-log", true],
    ["audit-*", "audit-", true],
    ["audit-*", "audit", false],
    ["audit-*", "my-audit-log", false],
    ["*-log", "audit-log", true],
    ["*-log", "audit-logs", false],
    ["*", "", true],
    ["*", "anything", true],
    ["**", "anything", true],
    ["a*b*c", "abc", true],
    ["a*b*c", "a-bb-b-c", true],
    ["a*b*c", "acb", false],
    ["a*a", "a", false],
    ["ab*bc", "abc", false],
    ["a*bc*c", "abc", false],
    ["", "", true],
    ["", "a", false],
    // No other sign means anything.
    ["audit.log", "audit-log", false],
    ["[a-z]*", "a", false],
    ["audit-?", "audit-1", false],
  ];
  for (const [glob, name, matches] of table) {
    strictEqual(matchesGlob(glob, name), matches, `${glob} ${name}`);
  }
});

Deno.test("patterns match as the regular expression that they stand for", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
  fc.assert(fc.property(text, name, (glob, name) => {
    strictEqual(
      matchesGlob(glob, name),
      new RegExp(`^${glob.replaceAll("*", ".*")}$`).test(name),
    );
  }));
});

Deno.test("a pattern that is made to take long is as quick as any", () => {
  // As a regular expression that tries every split, it would not end.
  strictEqual(matchesGlob("*a".repeat(5_000) + "b", "a".repeat(10_000)), false);
  strictEqual(matchesGlob("*a".repeat(5_000), "a".repeat(10_000)), true);
});

Deno.test("no pattern matches nothing", () => {
  strictEqual(matchesAny([], "audit-log"), false);
  strictEqual(matchesAny(["invoices", "audit-*"], "audit-log"), true);
});
