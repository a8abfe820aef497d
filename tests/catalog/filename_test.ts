/** Names of files. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseFilename, renderFilename, safeFilename } from "../../catalog/filename.ts";

Deno.test("a template is text and params", () => {
  deepStrictEqual(parseFilename("audit-{org}-{since}"), [
    "audit-",
    { param: "org" },
    "-",
    { param: "since" },
  ]);
  deepStrictEqual(parseFilename("{a}{b_2}"), [{ param: "a" }, { param: "b_2" }]);
  deepStrictEqual(parseFilename("plain"), ["plain"]);
  for (const text of ["{", "}", "a{}b", "{Org}", "{_a}", "{{org}}", "{org", "org}", "{a b}"]) {
    strictEqual(parseFilename(text), undefined, text);
  }
});

Deno.test("a template is filled in, and a null is nothing", () => {
  const template = ["audit-", { param: "org" }, "-", { param: "since" }];
  strictEqual(
    renderFilename(template, { org: 12n, since: "2026-01-02 03:04:05" }),
    "audit-12-2026-01-02 03-04-05",
  );
  strictEqual(renderFilename(template, { org: "ACME/../é", since: null }), "audit-ACME-..-é-");
  strictEqual(renderFilename([{ param: "org" }], { org: null }), "export");
  strictEqual(renderFilename([{ param: "on" }], { on: false }), "false");
});

Deno.test("a file name has nothing that some system refuses or is deceived by", () => {
  const cases = {
    "": "export",
    "  . ..": "export",
    "../../etc/passwd": "-..-etc-passwd",
    ".htaccess": "htaccess",
    'a\\b:c*d?e"f<g>h|i': "a-b-c-d-e-f-g-h-i",
    "line\r\nbreak\u0000\u007f\u0085\u2028": "line--break----",
    "invoice\u202evsc.exe": "invoicevsc.exe",
    "report. . ": "report",
    "CON": "_CON",
    "nul.2026": "_nul.2026",
    "com1": "_com1",
    "console": "console",
    "월간 보고서": "월간 보고서",
    "\ud800x": "\ufffdx",
  };
  for (const [name, expected] of Object.entries(cases)) {
    strictEqual(safeFilename(name), expected, JSON.stringify(name));
  }
});

Deno.test("a file name is cut between code points, at 200 bytes", () => {
  strictEqual(safeFilename("a".repeat(300)), "a".repeat(200));
  strictEqual(safeFilename(`a${"😀".repeat(60)}`), `a${"😀".repeat(49)}`);
  strictEqual(safeFilename(`${"a".repeat(198)}. b`), "a".repeat(198));
});

Deno.test("a safe name is safe, and stays as it is", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), (name) => {
    const safe = safeFilename(name);
    ok(new TextEncoder().encode(safe).length <= 201);
    // deno-lint-ignore no-control-regex
    ok(!/[\u0000-\u001f\u007f-\u009f/\\:*?"<>|\u202a-\u202e]|^[.\s]|[.\s]$|^$/u.test(safe));
    strictEqual(safeFilename(safe), safe);
  }));
});
