/** Keys of receipts, as OpenSSL and others write them. */

import assert from "node:assert/strict";
import { newSigningKey, readSigningKey } from "../../access/signing_key.ts";

/** RFC 8037, appendix A.1: a key, as a JWK and as OpenSSL writes it. */
const X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

const PRIVATE_PEM = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`;

const PUBLIC_PEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`;

const KEY = { kty: "OKP", crv: "Ed25519", x: X, d: D };

for (
  const [name, text, key] of [
    ["PEM of a private key", PRIVATE_PEM, KEY],
    ["PEM of a public key", PUBLIC_PEM, { kty: "OKP", crv: "Ed25519", x: X }],
    ["a JWK", ` {"kty":"OKP","crv":"Ed25519","x":"${X}","d":"${D}","kid":"a","use":"sig"}\n`, KEY],
    ["a public JWK", `{"kty":"OKP","crv":"Ed25519","x":"${X}"}`, {
      ...{ kty: "OKP", crv: "Ed25519", x: X },
    }],
    ["a JWK whose public part is another's", JSON.stringify({ ...KEY, x: newSigningKey().x }), KEY],
  ] as const
) {
  Deno.test(`${name} is read`, () => assert.deepEqual(readSigningKey(text), key));
}

for (
  const [name, text] of [
    ["nothing", ""],
    ["a password", "correct horse battery staple"],
    ["a secret", '{"kty":"oct","k":"AAAA"}'],
    [
      "another curve",
      '{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
    ],
    ["a key that is too short", `{"kty":"OKP","crv":"Ed25519","x":"${X}","d":"AAAA"}`],
    ["PEM that is cut off", PRIVATE_PEM.slice(0, 60)],
    ["JSON that is cut off", '{"kty":"OKP",'],
  ] as const
) {
  Deno.test(`no key is read of ${name}`, () => assert.equal(readSigningKey(text), undefined));
}

Deno.test("a new key is read as it is", () => {
  const key = newSigningKey();
  assert.deepEqual(readSigningKey(JSON.stringify(key)), key);
});
