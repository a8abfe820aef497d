/** Which names are answered, and what a page of another site may have a browser ask. */

import assert from "node:assert/strict";
import { fakeApp, problem } from "./fixture.ts";

const FILE = "/exports/audit-log.csv";

/** The status of a request with these headers, to a server of these names. */
async function statusOf(
  headers: Record<string, string>,
  names: Parameters<typeof fakeApp>[0] = {},
  localAddress = "10.0.0.7",
): Promise<number> {
  const { app } = fakeApp(names);
  const client = { remoteAddress: "192.0.2.1", localAddress };
  return (await app.request(FILE, { headers }, { client })).status;
}

Deno.test("loopback, the server's own name and those that are configured are answered, others are 421", async () => {
  const names = {
    names: {
      hostname: "10.0.0.7",
      publicUrl: "https://Exports.example.com:8443",
      hosts: ["exports", "2001:db8::1"],
    },
  };
  for (
    const host of [
      ...["localhost", "localhost:8000", "LOCALHOST.", "127.0.0.1", "127.1.2.3:80", "[::1]:8000"],
      ...["[0:0:0:0:0:0:0:1]", "10.0.0.7:8000", "exports.example.com", "exports.example.com:8443"],
      ...["exports.example.com.", "EXPORTS", "[2001:DB8:0::1]:1"],
    ]
  ) assert.equal(await statusOf({ Host: host }, names), 200, host);
  for (
    const host of [
      ...["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"],
      ...["notlocalhost", "10.0.0.8", "[2001:db8::2]", "example.com", "0.0.0.0", "2130706433"],
      ...["x/metrics?", "127.0.0.1/x", "127.0.0.1@evil.example", "evil.example#127.0.0.1", ""],
      ...["127.0.0.1, evil.example", "127.0.0.1:80:80", "[::1", "::1"],
    ]
  ) assert.equal(await statusOf({ Host: host }, names), 421, host);
});

Deno.test("a server on all addresses answers to the one that a client has connected to", async () => {
  for (const hostname of ["0.0.0.0", "::"]) {
    const names = { names: { hostname, hosts: [] } };
    assert.equal(await statusOf({ Host: "10.0.0.7:8000" }, names), 200);
    assert.equal(await statusOf({ Host: "10.0.0.8:8000" }, names), 421);
    assert.equal(await statusOf({ Host: "[2001:db8::7]" }, names, "2001:db8::7"), 200);
    assert.equal(await statusOf({ Host: "evil.example" }, names), 421);
    assert.equal(await statusOf({ Host: hostname }, names), hostname === "::" ? 421 : 200);
  }
});

Deno.test("a request for another server says which one it was for, and is told to the log", async () => {
  const { app, tasks, refusals } = fakeApp();
  const headers = { Host: "evil.example:8000" };
  const client = { remoteAddress: "192.0.2.1", localAddress: "127.0.0.1" };
  const answer = await problem(
    await app.request(`${FILE}?since=2026-01-01`, { headers }, { client }),
  );
  const detail = "This server is not called what Host says";
  assert.deepEqual(answer.body, {
    type: "about:blank",
    status: 421,
    title: "Misdirected request",
    detail,
  });
  assert.deepEqual(tasks, []);
  assert.deepEqual(refusals, [{
    client: "192.0.2.1",
    method: "GET",
    path: FILE,
    status: 421,
    reason: `Misdirected request: ${detail}`,
  }]);
});

Deno.test("a page of another site may link here, and not fetch, embed or submit", async () => {
  const fetched = async (mode: string, dest: string, site = "cross-site") =>
    await statusOf({
      "Host": "127.0.0.1",
      "Sec-Fetch-Site": site,
      "Sec-Fetch-Mode": mode,
      "Sec-Fetch-Dest": dest,
    });
  assert.equal(await fetched("navigate", "document"), 200);
  for (
    const [mode, dest] of [
      ...[["cors", "empty"], ["no-cors", "image"], ["no-cors", "script"], ["no-cors", "empty"]],
      ...[["navigate", "iframe"], ["navigate", "embed"], ["navigate", "object"], ["navigate", ""]],
    ]
  ) assert.equal(await fetched(mode!, dest!), 403, `${mode} ${dest}`);
  for (const site of ["same-origin", "same-site", "none"]) {
    assert.equal(await fetched("cors", "empty", site), 200, site);
  }
  assert.equal(await statusOf({ "Host": "127.0.0.1", "Sec-Fetch-Site": "cross-site" }), 403);
});

Deno.test("health and metrics are guarded as all else is", async () => {
  const { app } = fakeApp();
  for (const path of ["/healthz", "/readyz", "/metrics", "/exports", "/", "/nothing"]) {
    const response = await app.request(path, { headers: { Host: "evil.example" } });
    assert.equal(response.status, 421, path);
  }
});
