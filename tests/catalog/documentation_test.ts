/** The configurations of `docs/` can be pasted, and the one that is called whole has every key. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { newSigningKey } from "../../access/signing_key.ts";
import {
  ADMIN,
  AUDIT,
  type Config,
  CONVERT,
  LIMITS,
  LOG,
  RETENTION,
  RUNS,
  SERVER,
  SPOOL,
} from "../../catalog/config.ts";
import { readDocument } from "../../catalog/document.ts";
import { isMapping } from "../../catalog/reader.ts";
import { SCHEDULE } from "../../catalog/schedules.ts";
import { WEBHOOKS } from "../../catalog/webhooks.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { load } from "./fixture.ts";

const sources = await loadDescriptors();

const VARIABLES = {
  DATABASE_URL: "postgres://reader:password@db.internal:5432/app",
  KEY_SHA256: "ab".repeat(32),
  LINK_SECRET: "x".repeat(32),
  MASK_SECRET: "x".repeat(32),
  RECEIPT_KEY: JSON.stringify(newSigningKey()),
  WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
};

/** The configurations that a document shows. */
async function blocksOf(document: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(`../../docs/${document}`, import.meta.url));
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block]) => block!);
}

function loadBlock(block: string): Config {
  return load(block, { variables: VARIABLES, sources });
}

const setUps = await blocksOf("access.md");

Deno.test("docs/access.md shows three set-ups", () => strictEqual(setUps.length, 3));

for (const [index, block] of setUps.entries()) {
  Deno.test(`set-up ${index + 1} of docs/access.md can be pasted`, () => {
    ok(loadBlock(block).exports.size > 0);
  });
}

Deno.test("the whole file of docs/configuration.md can be pasted, and has every key", async () => {
  const [whole = ""] = await blocksOf("configuration.md");
  ok(loadBlock(whole).exports.size > 0);
  const root = readDocument(whole, (name) => VARIABLES[name as keyof typeof VARIABLES]).value;
  ok(isMapping(root) && isMapping(root.server));
  const keys = (section: unknown) => Object.keys(section as object).sort();
  deepStrictEqual(keys(root.server), keys(SERVER));
  deepStrictEqual(keys(root.server.admin), keys(ADMIN));
  deepStrictEqual(keys(root.limits), keys(LIMITS));
  deepStrictEqual(keys(root.spool), keys(SPOOL));
  ok(isMapping(root.runs));
  deepStrictEqual(keys(root.runs), keys(RUNS));
  deepStrictEqual(keys(root.runs.retention), keys(RETENTION));
  deepStrictEqual(keys(root.runs.webhooks), keys(WEBHOOKS));
  ok(isMapping(root.schedules));
  const written = new Set(Object.values(root.schedules).flatMap((one) => keys(one)));
  deepStrictEqual([...written].sort(), keys(SCHEDULE));
  deepStrictEqual(keys(root.convert), keys(CONVERT));
  ok(isMapping(root.log));
  deepStrictEqual(keys(root.log), keys(LOG));
  deepStrictEqual(keys(root.log.audit), keys(AUDIT));
});
