/** An app over a small catalogue, whose runs are made up. */

import { createAccess } from "../../access/mod.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { createApp } from "../../routes/app.ts";
import type { Dependencies } from "../../routes/dependencies.ts";
import type { RefusedRequest } from "../../routes/refusals.ts";
import type { RunTask } from "../../runs/protocol.ts";
import { load } from "../catalog/fixture.ts";

const formats = await loadFormats();

const CONFIG = `
sources: { app: { type: sqlite, path: ./app.db } }
exports:
  audit-log:
    title: Audit log
    source: app
    query: select id, amount from audit where day >= :since and (:actor is null or actor = :actor)
    params:
      since: { type: date, default: 1970-01-01 }
      actor: { type: string, required: false }
    columns:
      amount: { title: Amount, type: decimal, format: "#,##0.00" }
    filename: "audit-{since}"
  people:
    title: People
    source: app
    query: select name from people where day >= :since and team = :team
    params:
      since: { type: date, default: 1970-01-01 }
      team: { type: string, required: true, max_length: 10 }
    formats: [csv, xlsx]
  by-id:
    source: app
    query: select name from people where id in (:ids)
    params: { ids: { type: "integer[]", default: [9007199254740993] } }
    filename: "by-{ids}"
    formats: [csv, xlsx]
    about: true
  sheet-only: { source: app, query: select 1, formats: [xlsx] }
  own-tenant:
    source: app
    query: select name from people where tenant = :tenant and team = :team
    params:
      tenant: { type: string, default: "\${TENANT}" }
      team: { type: string, default: ops }
    formats: [xlsx]
    about: true
`;

/** What a test may change. */
export interface AppOptions extends Partial<Dependencies> {
  /** The body of every run. @default "the file" */
  readonly body?: string;
}

/** An app, the tasks that it was asked to run, and what it told the log. */
export function fakeApp({ body = "the file", ...overrides }: AppOptions = {}) {
  const tasks: RunTask[] = [];
  const errors: unknown[] = [];
  const refusals: RefusedRequest[] = [];
  const app = createApp({
    access: createAccess({ anonymous: true, keys: [] }),
    names: { hostname: "127.0.0.1", hosts: [] },
    catalog: load(CONFIG, { folder: "/srv", variables: { TENANT: "acme-secret" } }),
    formats,
    startRun: (id, task) => {
      tasks.push(task);
      return Promise.resolve({ id, body: new Response(body).body! });
    },
    readiness: () => Promise.resolve({ status: "ready", checks: {} }),
    scrape: () => Promise.resolve({ contentType: "text/plain", text: "runs 0\n" }),
    onRefusal: (refused) => void refusals.push(refused),
    onError: (error) => void errors.push(error),
    ...overrides,
  });
  return { app, tasks, errors, refusals };
}

/** The problem that an answer holds. */
export async function problem(response: Response) {
  const { status, headers } = response;
  return { status, type: headers.get("content-type"), body: await response.json() };
}
