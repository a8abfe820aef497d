/** A small catalogue, and requests for its exports as a caller makes them. */

import { loadFormats } from "../../exporters/mod.ts";
import { findExports } from "../../requests/find_exports.ts";
import { ANONYMOUS, type Principal } from "../../access/principal.ts";
import { parseRequest } from "../../requests/run_request.ts";
import { toTask } from "../../requests/tasks.ts";
import { load } from "../catalog/fixture.ts";

const formats = await loadFormats();

const CONFIG = `
sources: { app: { type: sqlite, path: ./app.db } }
exports:
  audit-log:
    source: app
    query: select id from audit where day >= :since and id <> :id
    params:
      since: { type: date, default: 1970-01-01 }
      id: { type: integer, default: 9007199254740993 }
  people:
    source: app
    query: select name from people where team = :team
    params: { team: { type: string, required: true } }
    formats: [csv, xlsx]
    properties: { created: true }
    about: true
`;

const catalog = load(CONFIG);

/** Parses what is asked of a file, `audit-log.csv`. */
export function ask(
  file: string,
  pairs: Readonly<Record<string, string>> = {},
  principal: Principal = ANONYMOUS,
) {
  const dot = file.lastIndexOf(".");
  const found = findExports(
    file.slice(0, dot),
    file.slice(dot + 1),
    { catalog, formats },
    principal,
  );
  return parseRequest(found, Object.entries(pairs), { principal, formats });
}

/** The task of a request. */
export function taskOf(request: ReturnType<typeof ask>, now = new Date(0)) {
  return toTask(request, "identity", catalog, now);
}
