/** What an operator reads about the settings of each kind of source, those that there really are. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { loadDescriptors } from "../../sources/mod.ts";
import { load, printed } from "./fixture.ts";

const sources = await loadDescriptors();

Deno.test("the settings of every kind of source are checked, all at once", () => {
  const text = `sources:
  a: { type: postgres, url: x, tls: maybe, ca: 5, search_path: "a'b", timezone: EST5, max_row: 1GiB, connect_timeout: 5, foo: 1 }
  b: { type: mysql, url: 5, port: 0, tls: maybe, user: "", timezone: "+05:00", max_row: 0B, connect_timeout: 99d }
  c: { type: http, url: "http://x", method: PUT, headers: { Host: hunter2 }, max_row: 1 }
  d: { type: module, max_row: [] }
  e: { type: postgres, url: "\${SECRET}" }
  f: { type: mysql, url: "\${SECRET}" }
  g: { type: http, url: "\${SECRET}", headers: { X-Key: "\${SECRET}" } }
  h: { type: module, path: a.ts, read: 5, net: [""] }
  i: { type: postgres, url: "postgres://u@h/d", ca: x.pem, tls: require }
  j: { type: mysql, user: reader }
  k: { type: oracle }
exports: {}
`;
  strictEqual(
    printed(text, { sources, variables: { SECRET: "hunter2\n" } }),
    `\
spillway.yaml:2: sources.a.url: expected a URL such as postgres://reader:password@db.example.com:5432/shop, with no option but sslmode, not "x"
spillway.yaml:2: sources.a.tls: expected disable, prefer, require, verify-ca or verify-full, not "maybe"
spillway.yaml:2: sources.a.ca: expected the path of a PEM file, not 5
spillway.yaml:2: sources.a.search_path: expected names of schemas, such as reporting, public, not "a'b"
spillway.yaml:2: sources.a.timezone: expected a time zone such as America/New_York, not "EST5"
spillway.yaml:2: sources.a.max_row: expected a size from 1KiB to 256MiB, such as 64MiB, not "1GiB"
spillway.yaml:2: sources.a.connect_timeout: expected a duration from 1ms to 24d, such as 30s, not 5
spillway.yaml:2: sources.a.foo: unknown key
spillway.yaml:3: sources.b.url: expected a URL such as mysql://reader:password@db.example.com:3306/shop, without options, not 5
spillway.yaml:3: sources.b.port: expected a port, 1 to 65535, not 0
spillway.yaml:3: sources.b.tls: expected disable, require or verify-full, not "maybe"
spillway.yaml:3: sources.b.user: expected the name of an account, not ""
spillway.yaml:3: sources.b.timezone: expected a time zone such as America/New_York, not "+05:00"
spillway.yaml:3: sources.b.max_row: expected a size from 1KiB to 256MiB, such as 64MiB, not "0B"
spillway.yaml:3: sources.b.connect_timeout: expected a duration from 1ms to 24d, such as 30s, not "99d"
spillway.yaml:4: sources.c.url: expected an https:// url without user, password and #; http:// is for loopback, or for allow_http: true, not "http://x"
spillway.yaml:4: sources.c.method: expected GET or POST, not "PUT"
spillway.yaml:4: sources.c.headers.Host: a header's name is letters, digits and -; those that begin with spillway- and those of the connection are not yours to set
spillway.yaml:4: sources.c.max_row: expected a size from 1KiB to 256MiB, such as 64MiB, not 1
spillway.yaml:5: sources.d.path: missing; expected the path of a TypeScript or JavaScript file
spillway.yaml:5: sources.d.max_row: expected a size from 1KiB to 256MiB, such as 64MiB, not an empty list
spillway.yaml:6: sources.e.url: expected a URL such as postgres://reader:password@db.example.com:5432/shop, with no option but sslmode, not the value of "\${SECRET}", which is text
spillway.yaml:7: sources.f.url: expected a URL such as mysql://reader:password@db.example.com:3306/shop, without options, not the value of "\${SECRET}", which is text
spillway.yaml:8: sources.g.url: expected an https:// url without user, password and #; http:// is for loopback, or for allow_http: true, not the value of "\${SECRET}", which is text
spillway.yaml:8: sources.g.headers.X-Key: expected the value of a header, in printable ASCII, not the value of "\${SECRET}", which is text
spillway.yaml:9: sources.h.read: expected a list of files and folders, not 5
spillway.yaml:9: sources.h.net[0]: expected a list of hosts such as stats.internal:443, not ""
spillway.yaml:10: sources.i.ca: expected no file, as the server's certificate is only verified with tls: verify-full, not "x.pem"
spillway.yaml:11: sources.j.host: missing; expected the server, here or in url
spillway.yaml:12: sources.k.type: expected http, module, mysql, postgres, sqlite or upload, not "oracle"
`,
  );
});

Deno.test("paths of sources start at the configuration's folder", () => {
  const config = load(
    `
sources:
  a: { type: postgres, url: "postgres://u@db/d", ca: certs/a.pem }
  b: { type: mysql, url: "mysql://u@db/d", ca: /certs/b.pem }
  c: { type: module, path: reports/audit.ts, read: [lib, /srv/data] }
exports: {}
`,
    { sources },
  );
  const settings = (name: string) => config.sources.get(name)!.config as Record<string, unknown>;
  strictEqual(settings("a").ca, "/etc/spillway/certs/a.pem");
  strictEqual(settings("b").ca, "/certs/b.pem");
  deepStrictEqual(settings("c"), {
    path: "/etc/spillway/reports/audit.ts",
    read: ["/etc/spillway/lib", "/srv/data"],
    max_row: 67_108_864,
  });
});
