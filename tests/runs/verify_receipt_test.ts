/** A file and its receipt: what belongs together, and every byte that does not. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { CompactSign } from "jose";
import { newSigningKey, type SigningKey } from "../../access/signing_key.ts";
import { type Receipt, receiptJson } from "../../runs/receipt.ts";
import { createReceiptSigner, keyId } from "../../runs/signed_receipt.ts";
import { verifyReceipt } from "../../runs/verify_receipt.ts";

/** RFC 8037, appendix A.1 and A.3. */
const KEY: SigningKey = {
  kty: "OKP",
  crv: "Ed25519",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
};
const KEY_ID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const FILE = new TextEncoder().encode("id,note\r\n1,plain\r\n");
const FILE_SHA256 = "5c8d85bba5af4a55103925da3e48f326bcb32a1b8d459125191d6a1c3ba2d5f3";

const RECEIPT: Receipt = {
  id: "1f0c4a9e-7d0a-4a4e-9a53-2f6d3f1f6c11",
  state: "complete",
  attempt: 1,
  request: {
    exports: ["invoices"],
    format: "csv",
    params: { since: "2026-01-01" },
    options: {},
    delivery: "direct",
  },
  principal: "key:k7f3q2xw",
  credential: "k7f3q2xw",
  tenant: "42",
  reason: "quarterly audit",
  rows: 1,
  bytes: FILE.length,
  sha256: FILE_SHA256,
  warnings: [],
  masks: [{ export: "invoices", column: "customer", mask: "partial" }],
  truncated: [],
  queuedAt: "2026-01-05T09:12:43.955Z",
  startedAt: "2026-01-05T09:12:43.956Z",
  endedAt: "2026-01-05T09:12:44.010Z",
};

const signer = createReceiptSigner([KEY]);

const keys = { keys: [...(await signer.publicKeys()).keys] };

const SIGNED = await signer.sign(RECEIPT);

const PLAIN = JSON.stringify(receiptJson(RECEIPT), undefined, 2);

/** A file, a few bytes at a time. */
async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 7) yield bytes.subarray(start, start + 7);
}

function verify(file: Uint8Array, receipt: string | Uint8Array, trusted?: typeof keys) {
  // As a file with those bytes is read.
  const text = typeof receipt === "string" ? receipt : new TextDecoder().decode(receipt);
  return verifyReceipt(inChunks(file), text, trusted);
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A JWS as its signer would not write it. */
function sign(payload: unknown, header: Record<string, unknown> = {}): Promise<string> {
  const { d: _, ...jwk } = KEY;
  return new CompactSign(bytesOf(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "EdDSA", typ: "spillway-receipt+jws", kid: KEY_ID, jwk, ...header })
    .sign({ ...KEY });
}

Deno.test("a signed receipt names its key, the file, and all that is known of the run", async () => {
  assert.equal(await keyId(KEY), KEY_ID);
  const [header, payload] = SIGNED.split(".").map((part) =>
    atob(part.replaceAll("-", "+").replaceAll("_", "/"))
  );
  assert.deepEqual(JSON.parse(header!), {
    alg: "EdDSA",
    typ: "spillway-receipt+jws",
    kid: KEY_ID,
    jwk: { kty: "OKP", crv: "Ed25519", x: KEY.x },
  });
  assert.deepEqual(JSON.parse(payload!), {
    id: "1f0c4a9e-7d0a-4a4e-9a53-2f6d3f1f6c11",
    state: "complete",
    attempt: 1,
    exports: ["invoices"],
    format: "csv",
    params: { since: "2026-01-01" },
    options: {},
    delivery: "direct",
    principal: "key:k7f3q2xw",
    credential: "k7f3q2xw",
    tenant: "42",
    reason: "quarterly audit",
    rows: 1,
    bytes: 18,
    sha256: FILE_SHA256,
    warnings: [],
    masks: [{ export: "invoices", column: "customer", mask: "partial" }],
    truncated: [],
    queued_at: "2026-01-05T09:12:43.955Z",
    started_at: "2026-01-05T09:12:43.956Z",
    ended_at: "2026-01-05T09:12:44.010Z",
  });
});

Deno.test("the keys that are published are all of them, without their private part", async () => {
  const { d: _, ...old } = newSigningKey();
  const published = await createReceiptSigner([KEY, old]).publicKeys();
  assert.deepEqual(published, {
    keys: [
      { kty: "OKP", crv: "Ed25519", x: KEY.x, kid: KEY_ID, use: "sig", alg: "EdDSA" },
      { ...old, kid: await keyId(old), use: "sig", alg: "EdDSA" },
    ],
  });
  assert.throws(() => createReceiptSigner([old, KEY]), RangeError);
});

Deno.test("a file is the one of its receipt: signed, or as JSON, with a line break behind it or not", async () => {
  for (const receipt of [SIGNED, `${SIGNED}\n`, `${SIGNED}\r\n`]) {
    for (const trusted of [undefined, keys]) {
      const { issues, notes, keyId, claims } = await verify(FILE, receipt, trusted);
      assert.deepEqual({ issues, notes, keyId }, { issues: [], notes: [], keyId: KEY_ID });
      assert.equal(claims!.reason, "quarterly audit");
    }
  }
  const { issues, keyId } = await verify(FILE, PLAIN);
  assert.deepEqual({ issues, keyId }, { issues: [], keyId: undefined });
});

Deno.test("a receipt of before is verified with a key that signs no more", async () => {
  const { d: _, ...old } = KEY;
  const now = createReceiptSigner([newSigningKey(), old]);
  const { issues } = await verify(FILE, SIGNED, { keys: [...(await now.publicKeys()).keys] });
  assert.deepEqual(issues, []);
});

Deno.test("a flipped bit of any byte of a file or its signed receipt is found", async () => {
  const receipt = bytesOf(`${SIGNED}\n`);
  const passed: string[] = [];
  for (const [name, bytes] of Object.entries({ file: FILE, receipt })) {
    for (const index of bytes.keys()) {
      // The last digit has bits that decoders pass over.
      const bits = index < bytes.length - 2 ? [index % 8] : [0, 1, 2, 3, 4, 5, 6, 7];
      for (const bit of bits) {
        const flipped = bytes.map((byte, at) => at === index ? byte ^ 1 << bit : byte);
        const { issues } = name === "file"
          ? await verify(flipped, receipt)
          : await verify(FILE, flipped);
        if (issues.length === 0) passed.push(`bit ${bit} of byte ${index} of the ${name}`);
      }
    }
  }
  assert.deepEqual(passed, []);
});

Deno.test("any changed, lost or added bytes of any file and its receipt are found", async () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    removed: fc.nat(3),
    added: fc.uint8Array({ maxLength: 3 }),
    inReceipt: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), change, async (file, change) => {
      const sha256 = createHash("sha256").update(file).digest("hex");
      const receipt = bytesOf(await signer.sign({ ...RECEIPT, bytes: file.length, sha256 }));
      assert.deepEqual((await verify(file, receipt, keys)).issues, []);
      const changed = splice(change.inReceipt ? receipt : file, change);
      const { issues } = change.inReceipt
        ? await verify(file, changed, keys)
        : await verify(changed, receipt, keys);
      const isSame = `${changed}` === `${change.inReceipt ? receipt : file}`;
      // A line break behind a receipt is none of its own.
      const isEnd = change.inReceipt && /^(\r?\n)$/.test(
        new TextDecoder().decode(changed).slice(receipt.length),
      );
      assert.equal(issues.length === 0, isSame || isEnd);
    }),
    { numRuns: 300 },
  );
});

function splice(
  bytes: Uint8Array,
  { at, removed, added }: { at: number; removed: number; added: Uint8Array },
): Uint8Array {
  const index = Math.floor(at * (bytes.length + 1));
  return Uint8Array.from([
    ...bytes.subarray(0, index),
    ...added,
    ...bytes.subarray(index + removed),
  ]);
}

Deno.test("what differs is named", async () => {
  const short = await verify(FILE.subarray(0, 9), SIGNED);
  assert.deepEqual(short.issues, [
    "The file has 9 bytes, and that of the receipt 18",
    `The file has the SHA-256 c2c92d93dd5e639d1ccbbc9dfe3a30518b9427f1b7ef423c21519b32afee18e6, and that of the receipt ${FILE_SHA256}`,
  ]);
});

const JSON_OF = receiptJson(RECEIPT);

const OTHER_KEY = newSigningKey();

const NOT_ONE = "The receipt is neither a signed one (a compact JWS) nor the JSON of one";

const CHANGED = "The signature is not that of this receipt: one of them is changed or damaged";

for (
  const [name, receipt, issues, trusted] of [
    [
      "a receipt that is not signed, where it has to be",
      PLAIN,
      ["The receipt is not signed"],
      keys,
    ],
    [
      "a key that is not trusted",
      await createReceiptSigner([OTHER_KEY]).sign(RECEIPT),
      [`The key "${await keyId(OTHER_KEY)}", which it is signed with, is not one of the keys`],
      keys,
    ],
    [
      "a key that another's name is put on",
      await sign(JSON_OF, { kid: await keyId(OTHER_KEY) }),
      [`The receipt names the key "${await keyId(OTHER_KEY)}", and is signed with another`],
    ],
    [
      "a receipt with another's signature",
      [...SIGNED.split(".").slice(0, 2), (await sign({})).split(".")[2]].join("."),
      [CHANGED],
    ],
    ["something else that is signed", await sign({ sub: "me" }), ["What is signed is no receipt"]],
    [
      "a receipt that is signed as something else",
      await sign(JSON_OF, { typ: "JWT" }),
      ["What is signed is no receipt"],
    ],
    ["a text", "no receipt", [NOT_ONE]],
    ["no text", "", [NOT_ONE]],
    ["JSON of something else", '{"rows":1}', [NOT_ONE]],
    ["three words with dots", "a.b.c", [NOT_ONE]],
    [
      "a run that is not complete",
      JSON.stringify(receiptJson({ ...RECEIPT, state: "running", sha256: undefined! })),
      ["The receipt names no file, as it is that of a run that was running"],
    ],
  ] as readonly (readonly [string, string, readonly string[], typeof keys?])[]
) {
  Deno.test(`a file is not verified by ${name}`, async () => {
    assert.deepEqual((await verify(FILE, receipt, trusted)).issues, issues);
  });
}

Deno.test("a file that is still compressed, as it was sent, is that of its receipt, and said to be", async () => {
  const gzipped = await new Response(
    new Blob([FILE]).stream().pipeThrough(new CompressionStream("gzip")),
  ).bytes();
  const encoded = {
    coding: "gzip",
    bytes: gzipped.length,
    sha256: createHash("sha256").update(gzipped).digest("hex"),
  };
  const receipt = await signer.sign({ ...RECEIPT, encoded });
  assert.deepEqual((await verify(FILE, receipt)).issues, []);
  const { issues, notes } = await verify(gzipped, receipt);
  assert.deepEqual(issues, []);
  assert.deepEqual(notes, [
    `The file is still gzip, as it was sent; decoded it has 18 bytes, and the SHA-256 ${FILE_SHA256}`,
  ]);
  const broken = await verify(gzipped.subarray(1), receipt);
  assert.deepEqual(broken.issues.slice(2), [
    `The file was sent as gzip, of ${gzipped.length} bytes and the SHA-256 ${encoded.sha256}, ` +
    "which it is not either",
  ]);
});
