import assert from "node:assert/strict";
import { newKey } from "../../access/keys.ts";
import { createAccess } from "../../access/mod.ts";
import { fakeApp } from "./fixture.ts";

Deno.test("a link may be asked for, in days too, for as long as the configuration allows", async () => {
  const { key, id, sha256 } = newKey();
  const { app } = fakeApp({
    access: createAccess({
      anonymous: false,
      keys: [{ id, sha256, exports: ["*"], caps: {}, scopes: [] }],
      links: { secrets: new Map([["a", "x".repeat(32)]]), maxAge: 31_622_400_000 },
    }),
    now: () => Date.UTC(2026, 0, 1),
  });
  const ask = async (expires_in: string) => {
    const response = await app.request("/links", {
      method: "POST",
      headers: { "X-Api-Key": key },
      body: JSON.stringify({ export: "audit-log", format: "csv", expires_in }),
    });
    return await response.json();
  };
  assert.equal((await ask("366d")).expires, "2027-01-02T00:00:00.000Z");
  assert.deepEqual((await ask("367d")).errors, [{
    name: "expires_in",
    detail: "Cannot sign a link: expires_in must be more than 0s and at most 31622400s",
  }]);
  assert.deepEqual((await ask("900ms")).errors, [{
    name: "expires_in",
    detail: "must be seconds, or a duration such as 15m",
  }]);
});
