/** Signed receipts over HTTP, and the keys that they are verified with. */

import assert from "node:assert/strict";
import { newKey } from "../../access/keys.ts";
import { newSigningKey } from "../../access/signing_key.ts";
import { keyId } from "../../runs/signed_receipt.ts";
import { verifyReceipt } from "../../runs/verify_receipt.ts";
import { until } from "../waiting.ts";
import { startServer, type TestServer } from "./fixture.ts";

const KEY = newSigningKey();
const { d: _, ...OLD } = newSigningKey();

const SIGNING = `{ signing_keys: ['${JSON.stringify(KEY)}', '${JSON.stringify(OLD)}'] }`;

/** A download as its bytes come, and the id of its run, which is complete. */
async function download(
  { origin }: TestServer,
  path: string,
  ...headers: readonly string[]
): Promise<{ readonly bytes: Uint8Array; readonly id: string }> {
  const args = ["-sS", "--dump-header", "-", origin + path].concat(
    headers.flatMap((header) => ["--header", header]),
  );
  const { stdout } = await new Deno.Command("curl", { args }).output();
  const text = new TextDecoder("latin1").decode(stdout);
  const id = /^export-id: (.*)\r$/im.exec(text)![1]!;
  await until(async () =>
    (await (await fetch(`${origin}/runs/${id}`)).json()).state === "complete"
  );
  return { bytes: stdout.subarray(text.indexOf("\r\n\r\n") + 4), id };
}

function ask({ origin }: TestServer, id: string, accept: string): Promise<Response> {
  return fetch(`${origin}/runs/${id}`, { headers: { Accept: accept } });
}

Deno.test("a download, as it is saved or as it was sent, is verified by its receipt", async () => {
  await using server = await startServer({ runs: SIGNING });
  const keys = await (await fetch(`${server.origin}/.well-known/jwks.json`)).json();
  for (const coding of ["identity", "gzip"]) {
    const { bytes, id } = await download(
      server,
      "/exports/rows.csv?rows=500&_reason=audit",
      `Accept-Encoding: ${coding}`,
    );
    const response = await ask(server, id, "application/jose");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("Content-Type"), "application/jose");
    assert.equal(response.headers.get("Vary"), "Authorization, X-Api-Key, Accept");
    const receipt = await response.text();
    const { issues, notes, claims } = await verifyReceipt([bytes] as never, receipt, keys);
    assert.deepEqual(issues, []);
    assert.equal(notes.length, coding === "gzip" ? 1 : 0);
    assert.deepEqual([claims!.id, claims!.rows, claims!.reason], [id, 500, "audit"]);
    const other = await verifyReceipt([bytes.subarray(1)] as never, receipt, keys);
    assert.notDeepEqual(other.issues, []);
  }
});

Deno.test("a receipt is JSON, unless a client would rather have it signed", async () => {
  await using server = await startServer({ runs: SIGNING });
  const { id } = await download(server, "/exports/table.csv");
  for (
    const [accept, type] of [
      ["*/*", "application/json"],
      ["application/json", "application/json"],
      ["text/html, */*;q=0.1", "application/json"],
      ["application/json, application/jose;q=0.5", "application/json"],
      ["application/jose;q=0.5, */*", "application/json"],
      ["application/jose, */*;q=0.1", "application/jose"],
      ["application/jose, application/json;q=0.5", "application/jose"],
    ] as const
  ) {
    const response = await ask(server, id, accept);
    await response.body?.cancel();
    assert.equal(response.headers.get("Content-Type"), type, accept);
  }
});

Deno.test("without a key a signed receipt is 406, which says what to set, and there are no keys", async () => {
  await using server = await startServer();
  const { id } = await download(server, "/exports/table.csv");
  const response = await ask(server, id, "application/jose");
  assert.equal(response.status, 406);
  assert.equal(
    (await response.json()).detail,
    "This server signs no receipts: runs.signing_keys is not set",
  );
  const keys = await fetch(`${server.origin}/.well-known/jwks.json`);
  assert.equal(keys.status, 404);
  await keys.body?.cancel();
});

Deno.test("the keys are public and may be cached; a receipt is its principal's", async () => {
  const { id, sha256 } = newKey();
  await using server = await startServer({
    runs: SIGNING,
    access: `{ keys: [{ id: ${id}, sha256: "${sha256}" }] }`,
  });
  const keys = await fetch(`${server.origin}/.well-known/jwks.json`);
  assert.equal(keys.status, 200);
  assert.equal(keys.headers.get("Cache-Control"), "public, max-age=600");
  assert.equal(keys.headers.get("Content-Type"), "application/jwk-set+json");
  assert.deepEqual(await keys.json(), {
    keys: [
      { kty: "OKP", crv: "Ed25519", x: KEY.x, kid: await keyId(KEY), use: "sig", alg: "EdDSA" },
      { kty: "OKP", crv: "Ed25519", x: OLD.x, kid: await keyId(OLD), use: "sig", alg: "EdDSA" },
    ],
  });
  for (
    const [method, path, status] of [
      ["POST", "/.well-known/jwks.json", 405],
      ["GET", "/.well-known/other", 401],
      ["GET", "/runs/1f0c4a9e-7d0a-4a4e-9a53-2f6d3f1f6c11", 401],
    ] as const
  ) {
    const response = await fetch(server.origin + path, { method });
    await response.body?.cancel();
    assert.equal(response.status, status, path);
  }
});
