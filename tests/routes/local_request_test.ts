import assert from "node:assert/strict";
import { isLocal } from "../../routes/local_request.ts";

const LOCAL = "http://127.0.0.1:8000/exports/a.csv";

Deno.test("a request is local by the server's address, the name it is called by and no proxy", () => {
  for (const url of [LOCAL, "http://localhost/", "http://[::1]:8000/", "http://127.9.9.9/"]) {
    assert.equal(isLocal(new Request(url), "127.0.0.1"), true, url);
    assert.equal(isLocal(new Request(url), "localhost"), true, url);
    assert.equal(isLocal(new Request(url), "0.0.0.0"), false, url);
  }
  for (
    const url of [
      "http://exports.example.com/",
      "http://127.0.0.1.example.com/",
      "http://10.0.0.5/",
    ]
  ) {
    assert.equal(isLocal(new Request(url), "127.0.0.1"), false, url);
  }
  for (const name of ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"]) {
    const request = new Request(LOCAL, { headers: { [name]: "10.0.0.5" } });
    assert.equal(isLocal(request, "127.0.0.1"), false, name);
  }
});
