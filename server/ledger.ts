/** Opens the ledger that the configuration names, keeps it in order, and logs the issues that it has. */

import { getLogger } from "@logtape/logtape";
import { MEMORY_LEDGER, type RunsSettings } from "../catalog/config.ts";
import { type Ledger, LedgerError } from "../runs/ledger/ledger.ts";
import { createMemoryLedger } from "../runs/ledger/memory.ts";
import { createReceipts, type LedgerIssue, type Receipts } from "../runs/receipts.ts";
import type { RecoveredRuns } from "../runs/recovery.ts";
import { MAX_AGE_MS } from "../runs/webhooks/retry.ts";
import { StartError } from "./start_error.ts";

const logger = getLogger(["spillway", "ledger"]);

/** Milliseconds between two signs of life of a server that shares a ledger. */
const BEAT_MS = 15_000;

/** Milliseconds between two looks for receipts that need not be kept any more. */
const PURGE_MS = 600_000;

/** What runs are written down in; disposing it writes down what waits. */
export interface Ledgered extends AsyncDisposable {
  /** The id of this server, which no other has or had. */
  readonly server: string;
  /** Where receipts are. */
  readonly ledger: Ledger;
  /** The receipts of this server's runs. */
  readonly receipts: Receipts;
  /** Takes how long receipts are kept. */
  configure(settings: Pick<RunsSettings, "retention">): void;
  /** Logs what was found of a server that is gone. */
  logRecovered(recovered: RecoveredRuns): void;
}

/**
 * Opens the ledger.
 *
 * @throws {StartError} where it cannot be opened
 */
export async function openConfiguredLedger(
  settings: RunsSettings,
  now: () => Date = () => new Date(),
): Promise<Ledgered> {
  const { ledger: name, ledgerRequired } = settings;
  let { retention } = settings;
  const server = crypto.randomUUID();
  const ledger = await open(name, server);
  const receipts = createReceipts({
    ledger,
    server,
    required: ledgerRequired,
    onIssue: logIssue,
    now,
  });
  const tell = (error: unknown) => logIssue({ kind: "failing", error });
  const purge = () => {
    const time = now().getTime();
    return ledger.purge(new Date(time - retention.receipts), new Date(time - MAX_AGE_MS))
      .catch(tell);
  };
  await purge();
  const timers = [
    setInterval(() => void ledger.beat().catch(tell), BEAT_MS),
    setInterval(() => void purge(), PURGE_MS),
  ];
  return {
    server,
    ledger,
    receipts,
    configure: (settings) => retention = settings.retention,
    logRecovered,
    async [Symbol.asyncDispose]() {
      timers.forEach(clearInterval);
      await receipts.flush();
      await ledger[Symbol.asyncDispose]();
    },
  };
}

async function open(name: string, server: string): Promise<Ledger> {
  const [, path] = /^sqlite:(.*)$/s.exec(name) ?? [];
  try {
    // Each is loaded for itself: what is not used is not there.
    if (name === MEMORY_LEDGER) return createMemoryLedger(server);
    if (path !== undefined) {
      const { openSqliteLedger } = await import("../runs/ledger/sqlite.ts");
      return await openSqliteLedger(path, { server });
    }
    const { openPostgresLedger } = await import("../runs/ledger/postgres.ts");
    return await openPostgresLedger(name, { server });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw new StartError(error.message, "file");
  }
}

function logIssue(issue: LedgerIssue): void {
  switch (issue.kind) {
    case "failing":
      return logger.error("Cannot write receipts: {error}", { error: String(issue.error) });
    case "recovered":
      return logger.info("Receipts are written again");
    case "lost":
      return logger.error("The receipt of run {id} is lost: {state}", { ...issue });
    case "taken":
      return logger.warn("Another server has taken run {id}, which is {state} here", { ...issue });
  }
}

/** Says what became of the runs of a server that is gone; nothing, where it left none. */
function logRecovered({ again, ...counts }: RecoveredRuns): void {
  const found = { again: again.length, ...counts };
  if (Object.values(found).every((count) => count === 0)) return;
  logger.info(
    "Found runs of a server that is gone: {again} begin again, {interrupted} have failed, " +
      "{completed} are complete; {removed} files without a receipt are removed, and {expired} " +
      "receipts are without a file",
    found,
  );
}
