import assert from "node:assert/strict";
import { chooseCoding } from "../../routes/accept_encoding.ts";

const CASES: readonly [accepted: string | undefined, chosen: string][] = [
  [undefined, "identity"],
  ["", "identity"],
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["GZIP", "gzip"],
  ["zstd", "zstd"],
  ["gzip, deflate, br, zstd", "zstd"],
  ["zstd;q=0.5, gzip;q=0.8", "gzip"],
  ["gzip;q=0", "identity"],
  ["gzip;q=0, *", "zstd"],
  ["*;q=0.1", "zstd"],
  ["*;q=0", "identity"],
  ["identity, gzip;q=0.5", "identity"],
  ["identity;q=0.5, gzip;q=0.5", "gzip"],
  ["br, deflate", "identity"],
  ["gzip;q=nonsense", "identity"],
];

for (const [accepted, chosen] of CASES) {
  Deno.test(`Accept-Encoding ${JSON.stringify(accepted)} gives ${chosen}`, () => {
    assert.equal(chooseCoding(accepted), chosen);
  });
}
