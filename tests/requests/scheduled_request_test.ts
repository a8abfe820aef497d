/** Schedules make the requests that their principals could make, and no others. */

import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { ConfigError } from "../../catalog/issues.ts";
import { loadFormats } from "../../exporters/mod.ts";
import {
  checkSchedules,
  expiredSchedules,
  scheduledRequest,
  schedulePrincipal,
} from "../../requests/scheduled_request.ts";
import { load } from "../catalog/fixture.ts";
import { loadDescriptors } from "../../sources/mod.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

const NOW = Date.parse("2026-06-01T00:00:00Z");

const config = (schedules: string, anonymous = false) =>
  load(
    `
access:
  anonymous: ${anonymous}
  keys:
    - { id: k7f3q2ab, sha256: "${"ab".repeat(32)}", tenant: "42", exports: [own], formats: [csv] }
    - { id: m8g4r3cd, sha256: "${"cd".repeat(32)}", expires: 2026-05-01 }
spool: { dir: spool }
runs:
  webhooks: { secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, allow: [https://app.example.com] }
sources: { app: { type: sqlite, path: a.db } }
exports:
  own:
    source: app
    query: select * from t where org = :org and id > :id
    params: { org: { type: integer, from: tenant }, id: { type: integer, default: 1 } }
  open: { source: app, query: "select * from t where id > :id", params: { id: { type: integer } } }
  asked: { source: app, query: select 1, reason: required }
schedules:
  one: { cron: "@daily", ${schedules} }
`,
    { sources, formats },
  );

/** What is wrong with a schedule; nothing where it can be run. */
function issueOf(schedule: string, anonymous = false): string | undefined {
  try {
    checkSchedules(config(schedule, anonymous), formats);
    return undefined;
  } catch (error) {
    const [{ path, message }, ...others] = (error as ConfigError).issues as [
      ConfigError["issues"][number],
    ];
    deepStrictEqual([path, others], ["schedules.one", []]);
    return message;
  }
}

Deno.test("a schedule with a key may do what the key may, and for its tenant", () => {
  const { schedules, ...catalog } = config("export: own, format: csv, key: k7f3q2ab");
  const offer = { catalog, formats, webhooks: catalog.runs.webhooks };
  const { request, notify } = scheduledRequest(schedules.get("one")!, offer, NOW);
  strictEqual(notify, undefined);
  deepStrictEqual({ ...request.params[0] }, { id: 1, org: 42 });
  strictEqual(request.principal.id, "key:k7f3q2ab");
  strictEqual(
    issueOf("export: own, format: json, key: k7f3q2ab"),
    "format: your credential is for csv, and not for json",
  );
  strictEqual(issueOf("export: asked, format: csv, key: k7f3q2ab"), 'There is no export "asked"');
});

Deno.test("what could not be asked for is said when the configuration is read", () => {
  const user = 'principal: "jwt:user-7", tenant: "42"';
  strictEqual(issueOf(`export: own, format: csv, ${user}`), undefined);
  strictEqual(issueOf(`export: own, format: pdf, ${user}`)?.includes('not offered as "pdf"'), true);
  strictEqual(
    issueOf(`export: own, format: csv, params: { id: x }, ${user}`)?.startsWith("id: "),
    true,
  );
  strictEqual(
    issueOf(`export: own, format: csv, params: { org: 43 }, ${user}`),
    "org: comes from who you are, and cannot be given",
  );
  strictEqual(
    issueOf(`export: asked, format: csv, ${user}`),
    "_reason: missing; asked asks for why",
  );
  strictEqual(issueOf(`export: asked, format: csv, reason: audit, ${user}`), undefined);
  strictEqual(
    issueOf(`export: own, format: csv, notify: "https://example.com/", ${user}`),
    "notify: this server sends no webhooks to https://example.com",
  );
  strictEqual(
    issueOf("export: own, format: csv, key: nobody22"),
    "there is no key nobody22",
  );
  const anyone = "export: asked, format: csv, reason: audit";
  strictEqual(
    issueOf(anyone),
    "names no key and no principal that it runs as, and this server is not open to everybody",
  );
  strictEqual(issueOf(anyone, true), undefined);
});

Deno.test("a schedule whose key has expired is off, and its configuration as good as before", () => {
  const expired = "format: csv, params: { id: 1 }, key: m8g4r3cd";
  strictEqual(issueOf(`export: none, ${expired}`), 'There is no export "none"');
  const { schedules, ...catalog } = config(`export: open, ${expired}`);
  checkSchedules({ schedules, ...catalog }, formats);
  deepStrictEqual(expiredSchedules({ schedules, ...catalog }, NOW), [
    { path: "schedules.one", message: "does not run: its key m8g4r3cd has expired" },
  ]);
  deepStrictEqual(expiredSchedules({ schedules, ...catalog }, Date.parse("2026-04-30")), []);
  const offer = { catalog, formats, webhooks: undefined };
  throws(() => scheduledRequest(schedules.get("one")!, offer, NOW), {
    name: "RequestError",
    message: "its key m8g4r3cd has expired",
  });
});

Deno.test("a principal that is named may have what the schedule says, and every export", () => {
  const { schedules, access } = config(
    'export: own, format: csv, principal: "jwt:user-7", tenant: "42", scopes: [pii]',
  );
  const { claims: _, ...principal } = schedulePrincipal(schedules.get("one")!, access, NOW)!;
  deepStrictEqual(principal, {
    id: "jwt:user-7",
    via: "schedule",
    tenant: "42",
    scopes: ["pii"],
    exports: ["*"],
    caps: {},
  });
  throws(
    () => checkSchedules(config("export: none, format: csv, key: k7f3q2ab"), formats),
    ConfigError,
  );
});
