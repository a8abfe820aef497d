import assert from "node:assert/strict";
import { redact, secretsOf } from "../../../sources/http/redact.ts";

Deno.test("a secret and its parts are taken out, whatever stands around and between them", () => {
  const secrets = ["Bearer abcdefghijkl", "xy"];
  for (
    const [text, redacted] of [
      ["nothing of it", "nothing of it"],
      ["Bearer abcdefghijkl", "[redacted]"],
      ["<abcdefghijkl>", "<[redacted]>"],
      ["abcdef and ghijkl", "[redacted] and [redacted]"],
      ["begins with abcdefg", "begins with[redacted]"],
      ["abcde", "abcde"],
      ["xyz", "[redacted]z"],
      ["", ""],
    ]
  ) assert.equal(redact(text!, secrets), redacted);
  assert.equal(redact("text", [""]), "text");
});

Deno.test("what Basic stands for is a secret too, and so is what a URL holds", () => {
  const headers = { authorization: `Basic ${btoa("user:password")}`, accept: "text/csv" };
  const secrets = secretsOf(headers, "https://me:mine@x.example/rows?key=1234567");
  assert.deepEqual(secrets, [
    `Basic ${btoa("user:password")}`,
    "text/csv",
    "user:password",
    "me",
    "mine",
    "key=1234567",
  ]);
  assert.equal(redact("wrong password for user", secrets), "wrong [redacted] for user");
  assert.deepEqual(secretsOf({ authorization: "Basic %%%" }, "https://x.example/"), [
    ...["Basic %%%", "", "", "", ""],
  ]);
});
