/** The receipt of a run that no server knows of. */

import type { Config } from "../catalog/config.ts";
import { createMemoryLedger } from "../runs/ledger/memory.ts";
import type { RunObserver } from "../runs/observer.ts";
import { receiptJson } from "../runs/receipt.ts";
import { createReceipts } from "../runs/receipts.ts";
import type { ReceiptSigner } from "../runs/signed_receipt.ts";
import { openReceiptSigner } from "../server/receipt_signer.ts";
import { StartError } from "../server/start_error.ts";
import { CommandError, EXIT } from "./command.ts";

/** A receipt, once its run has ended. */
export interface RunReceipt extends AsyncDisposable {
  /** Is called for the run. */
  readonly observer: RunObserver;
  /** The receipt of the run with that id: signed, else as JSON. */
  text(id: string): Promise<string>;
}

/**
 * Begins with no run.
 *
 * @throws {CommandError} where a key of the configuration cannot be read
 */
export function createRunReceipt({ runs }: Config): RunReceipt {
  const signer = openSigner(runs);
  const server = crypto.randomUUID();
  const ledger = createMemoryLedger(server);
  const receipts = createReceipts({ ledger, server });
  return {
    observer: receipts.observer,
    async text(id) {
      const row = await receipts.get(id);
      if (!row) throw new Error(`Cannot write a receipt: there is no run ${id}`);
      return signer ? await signer.sign(row) : JSON.stringify(receiptJson(row), undefined, 2);
    },
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}

function openSigner(runs: Config["runs"]): ReceiptSigner | undefined {
  try {
    return openReceiptSigner(runs);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new CommandError(error.message, EXIT.config);
  }
}
