/** Paths, reasons and names in logs. */

import { match, ok, strictEqual } from "node:assert/strict";
import { cutText, redactNames, redactPath, redactText } from "../../access/redact_text.ts";

const SIGNATURE = "fn6h5CmdriEp87dR-gxk9B8rbBrbpEz9JPh5FyCNEPs";

Deno.test("a path ends where a mangled query may begin", () => {
  for (const mark of ["?", "&", ";", "#", "%3F", "%3f", "%26", "%3B", "%253F"]) {
    strictEqual(
      redactPath(`/exports/orders.csv${mark}_exp=1&_kid=a&email=x&_sig=${SIGNATURE}`),
      "/exports/orders.csv…",
    );
  }
  strictEqual(
    redactText(`There is no export "orders.csv?name=Ann Lee&_sig=${SIGNATURE}"`),
    'There is no export "orders.csv…',
  );
  strictEqual(redactText("There are too many; try again"), "There are too many; try again");
});

Deno.test("a key, a signature and who signed are left out wherever they stand", () => {
  strictEqual(redactPath("/exports/orders.csv/sw_abc_secret"), "/exports/orders.csv/sw_*");
  strictEqual(redactPath("/sw%5Fabc%5Fsecret/x"), "/sw_*/x");
  strictEqual(redactPath(`/a/_sig=${SIGNATURE}/_kid=x`), "/a/_sig=*/_kid=*");
  strictEqual(redactText('no export "sw_abc_secret"'), 'no export "sw_*"');
  strictEqual(redactPath("/x/eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2ln/y"), "/x/eyJ*/y");
  strictEqual(redactText("of eyJhbGciOiJub25lIn0.eyJzdWIi"), "of eyJ*");
  strictEqual(redactPath("/exports/eyJ.csv"), "/exports/eyJ.csv");
  strictEqual(redactNames(["sw_id_secret", SIGNATURE, "a b", "since"]), "sw_*, *, *, since");
});

Deno.test("a line is short, and has nothing that a terminal would obey", () => {
  strictEqual(redactPath("/a\r\nlevel=error\x1b[2J"), "/a%0D%0Alevel=error%1B[2J");
  strictEqual(cutText("a\r\nb\x1b[2J\u202e\u2028é"), "a%0D%0Ab%1B[2J%E2%80%AE%E2%80%A8é");
  for (const cut of [redactPath, redactText, cutText]) {
    strictEqual(cut("a".repeat(60_000)), `${"a".repeat(200)}…`);
    match(cut("\ud83d\n".repeat(30_000)), /^[\x20-\x7e\ufffd…]+$/);
    ok(cut("\x1b".repeat(60_000)).length <= 201);
  }
  strictEqual(redactNames([..."abcdefg", "a"]), "a, b, c, d, e, …");
});
