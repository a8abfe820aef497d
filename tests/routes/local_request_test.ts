import assert from "node:assert/strict";
import { isLocal } from "../../routes/local_request.ts";

const LOCAL = { remoteAddress: "127.0.0.1", localAddress: "127.0.0.1" };

function request(host: string, headers: Record<string, string> = {}): Request {
  return new Request("http://exports.example.com/", { headers: { host, ...headers } });
}

Deno.test("a request is local by both ends of its connection, the name it is called by and no proxy", () => {
  for (const host of ["127.0.0.1:8000", "localhost", "[::1]:8000", "127.9.9.9"]) {
    assert.equal(isLocal(request(host), LOCAL), true, host);
    assert.equal(isLocal(request(host), { ...LOCAL, remoteAddress: "::1" }), true, host);
    assert.equal(isLocal(request(host), { ...LOCAL, remoteAddress: "10.0.0.5" }), false, host);
    assert.equal(isLocal(request(host), { ...LOCAL, localAddress: "10.0.0.5" }), false, host);
    assert.equal(isLocal(request(host), undefined), false, host);
  }
  for (const host of ["exports.example.com", "127.0.0.1.example.com", "10.0.0.5", "", "x/y"]) {
    assert.equal(isLocal(request(host), LOCAL), false, host);
  }
  for (
    const name of [
      ...["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via", "cdn-loop"],
      ...["x-forwarded", "x-forwarded-proto", "x-client-ip", "cf-connecting-ip", "true-client-ip"],
      ...["x-original-host", "X-FORWARDED-Prefix"],
    ]
  ) assert.equal(isLocal(request("localhost", { [name]: "10.0.0.5" }), LOCAL), false, name);
});

Deno.test("what a trusted proxy passes on is not local, nor HTTP/1.0, nor what a page of another origin asks", () => {
  const local = request("127.0.0.1:8000");
  assert.equal(isLocal(local, { ...LOCAL, httpVersion: "1.1", viaProxy: false }), true);
  assert.equal(isLocal(local, { ...LOCAL, httpVersion: "1.1", viaProxy: true }), false);
  assert.equal(isLocal(local, { ...LOCAL, httpVersion: "1.0" }), false);
  for (const origin of ["https://app.example.com", "http://localhost:5173", "null", "localhost"]) {
    assert.equal(isLocal(request("localhost:8000", { origin }), LOCAL), false, origin);
  }
  // A browser says it of a form of our own page as well.
  const origin = "http://localhost:8000";
  assert.equal(isLocal(request("localhost:8000", { origin }), LOCAL), true);
});
