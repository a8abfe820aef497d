/** Makes a background run anew of what the ledger has of it, after a restart. */

import { filenameOf } from "../requests/filename.ts";
import type { Offer } from "../requests/find_exports.ts";
import { requestAgain } from "../requests/again.ts";
import { requestKey } from "../requests/request_key.ts";
import { toTask } from "../requests/tasks.ts";
import type { BackgroundRun } from "../runs/background.ts";
import type { LedgerRow } from "../runs/ledger/ledger.ts";

/**
 * The same run, by the configuration of today.
 *
 * @throws {Error} where what it asks for is not there any more, or not for its caller
 */
export function runAgain(row: LedgerRow, offer: Offer): Omit<BackgroundRun, "startRun"> {
  if (!row.caller) throw new Error(`Cannot run ${row.id} again: its caller is not known`);
  const request = requestAgain(row, row.caller, offer);
  const task = toTask(request, "identity", offer.catalog);
  return {
    task,
    request,
    key: requestKey(request, task),
    mediaType: request.format.mediaType,
    filename: row.file?.filename ?? filenameOf(request),
  };
}
