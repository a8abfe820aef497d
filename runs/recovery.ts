/** What a server finds when it starts: runs of one that is gone, and files; none without the other. */

import type { Store, StoredObject } from "../storage/store.ts";
import type { Ledger, LedgerRow } from "./ledger/ledger.ts";
import { InterruptedError, runProblem } from "./run_problem.ts";
import { isPromised } from "./whole_files.ts";

/** What runs are recovered with. */
export interface RecoveryOptions {
  /** Where receipts are. */
  readonly ledger: Ledger;
  /** Where files are; absent: none are kept. */
  readonly store?: Required<Pick<Store, "list" | "delete">> | undefined;
  /** The time. */
  readonly now: () => Date;
}

/** What was found, and what became of it. */
export interface RecoveredRuns {
  /** Runs that begin again: no client waits for them, but comes later. */
  readonly again: readonly LedgerRow[];
  /** Runs that ended with the server. */
  readonly interrupted: number;
  /** Runs whose file was there already, and which are complete. */
  readonly completed: number;
  /** Files that no complete run is of, and which are gone. */
  readonly removed: number;
  /** Complete runs whose file is gone. */
  readonly expired: number;
}

/** Times that a run begins at most: one may be why its server died. */
export const MAX_ATTEMPTS = 3;

/**
 * Takes each run of a server that is gone to where it belongs, by its file: a run that was about to be published
 * is complete where its file is there; else it begins again, or has failed. A file is removed that is of no
 * complete run, and a complete run has expired whose file is gone.
 */
export async function recoverRuns(
  { ledger, store, now }: RecoveryOptions,
): Promise<RecoveredRuns> {
  const objects = new Map((await store?.list() ?? []).map((object) => [object.key, object]));
  const again: LedgerRow[] = [];
  let interrupted = 0;
  let completed = 0;
  for (const row of await ledger.abandoned()) {
    // Another server may have been faster.
    if (!await ledger.claim(row.id, row.server)) continue;
    const object = objects.get(row.id);
    if (row.state === "publishing" && object) {
      if (await complete(ledger, row, object)) completed++;
    } else if (row.caller && row.attempt < MAX_ATTEMPTS) {
      again.push(row);
    } else if (await interrupt(ledger, row, now())) {
      interrupted++;
    }
  }
  const kept = await ledger.kept();
  const ids = new Set(kept.map(({ id }) => id));
  const orphans = [...objects.values()].filter((object) =>
    // A ledger in memory knows no run of the process before: its files are found by their requests.
    !ids.has(object.key) && (ledger.durable || isPromised(object))
  );
  for (const { key } of orphans) await store?.delete(key);
  let expired = 0;
  for (const row of kept) {
    if (objects.has(row.id) || ledger.shared && !hasExpired(row, now())) continue;
    const { id, attempt } = row;
    if (await ledger.transition(id, { from: "complete", attempt, to: "expired" })) expired++;
  }
  return { again, interrupted, completed, removed: orphans.length, expired };
}

function complete(ledger: Ledger, row: LedgerRow, object: StoredObject): Promise<boolean> {
  const { id, state: from, attempt } = row;
  const { size, sha256, createdAt, expiresAt, metadata: { filename, mediaType } } = object;
  return ledger.transition(id, { from, attempt, to: "complete" }, {
    bytes: size,
    sha256,
    file: { filename, mediaType, expiresAt: expiresAt.toISOString() },
    endedAt: createdAt.toISOString(),
  });
}

function interrupt(ledger: Ledger, { id, state: from, attempt }: LedgerRow, now: Date) {
  return ledger.transition(id, { from, attempt, to: "failed" }, {
    problem: runProblem(new InterruptedError()),
    endedAt: now.toISOString(),
  });
}

/** Whether the file of a run, wherever it is, is gone by now. */
function hasExpired({ file }: LedgerRow, now: Date): boolean {
  return file?.expiresAt === undefined || Date.parse(file.expiresAt) <= now.getTime();
}
