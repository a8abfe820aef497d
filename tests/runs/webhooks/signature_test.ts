/** How webhooks are signed. */

import assert from "node:assert/strict";
import { signedHeaders } from "../../../runs/webhooks/signature.ts";

const MESSAGE = {
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: 1_614_265_330,
  body: '{"test": 2432232314}',
};

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

Deno.test("signs as the example of Standard Webhooks is signed", () => {
  assert.deepEqual(signedHeaders(MESSAGE, [SECRET]), {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

Deno.test("signs with every secret, the first one first", () => {
  const other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
  const { "webhook-signature": signature } = signedHeaders(MESSAGE, [other, SECRET]);
  // By Python's hmac and base64.
  assert.equal(
    signature,
    "v1,/485aUtxlie+TIScVpHggMfqOB4so2KWb7+Gf727B44= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});
