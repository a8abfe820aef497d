/** Makes a run that no client waits for of a request. */

import type { Config } from "../catalog/config.ts";
import type { BackgroundRun } from "../runs/background.ts";
import { filenameOf } from "./filename.ts";
import { requestKey } from "./request_key.ts";
import type { RunRequest } from "./run_request.ts";
import { toTask } from "./tasks.ts";

/**
 * The run of a request; equal ones join it, unless an export says otherwise.
 *
 * @param notify where its end is told of: requests that differ in that alone are two
 */
export function toBackgroundRun(
  request: RunRequest,
  catalog: Pick<Config, "sources" | "access">,
  notify?: string,
): Omit<BackgroundRun, "startRun"> {
  const task = toTask(request, "identity", catalog);
  const joins = request.exports.every(({ join }) => join);
  return {
    task,
    request,
    mediaType: request.format.mediaType,
    filename: filenameOf(request),
    ...(joins ? { key: `${requestKey(request, task)} ${notify ?? ""}` } : {}),
    ...(notify === undefined ? {} : { notify }),
  };
}
