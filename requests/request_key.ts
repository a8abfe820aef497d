/** Tells equal requests from others: what is kept of a run is kept under its request's key. */

import { createHash } from "node:crypto";
import { type RunTask, toJson } from "../runs/protocol.ts";
import type { RunRequest } from "./run_request.ts";

/**
 * The key of a request: equal for requests of one principal, for one tenant, whose files have the same
 * bytes, but for the rows. The task holds all that decides a byte, the queries of the exports included; what
 * else its credential allows is in it too, as a larger file may be none of another one's. When it was asked for
 * makes no other request: who resumes a download asks for the file that there is. Nor does the name to save
 * the file under.
 */
export function requestKey({ principal, delivery, reason }: RunRequest, task: RunTask): string {
  const { time: _, ...options } = task.options;
  const { id, tenant, subject, credential, caps } = principal;
  const whole = {
    principal: { id, tenant, subject, credential, caps },
    delivery,
    reason,
    task: { ...task, options },
  };
  return createHash("sha256").update(toJson(whole)).digest("hex");
}
