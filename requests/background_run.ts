/** Makes a run that no client waits for of a request. */

import type { Config } from "../catalog/config.ts";
import type { BackgroundRun } from "../runs/background.ts";
import type { RunSchedule } from "../runs/receipt.ts";
import { filenameOf } from "./filename.ts";
import { requestKey } from "./request_key.ts";
import type { RunRequest } from "./run_request.ts";
import { toTask } from "./tasks.ts";

/** What a run has besides its request; requests that differ in that alone are two. */
export interface RunExtras {
  /** Where its end is told of. @default nowhere */
  readonly notify?: string | undefined;
  /** The schedule that it is of. @default none */
  readonly schedule?: RunSchedule | undefined;
}

/** The run of a request; equal ones join it, unless an export says otherwise. */
export function toBackgroundRun(
  request: RunRequest,
  catalog: Pick<Config, "sources" | "access">,
  { notify, schedule }: RunExtras = {},
): Omit<BackgroundRun, "startRun"> {
  const task = toTask(request, "identity", catalog);
  const joins = request.exports.every(({ join }) => join);
  return {
    task,
    request,
    mediaType: request.format.mediaType,
    filename: filenameOf(request),
    ...(joins
      ? { key: `${requestKey(request, task)} ${notify ?? ""} ${schedule?.name ?? ""}` }
      : {}),
    ...(notify === undefined ? {} : { notify }),
    ...(schedule === undefined ? {} : { schedule }),
  };
}
