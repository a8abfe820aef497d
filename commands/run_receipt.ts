/** The receipt of a run that no server knows of. */

import { createMemoryLedger } from "../runs/ledger/sqlite.ts";
import type { RunObserver } from "../runs/observer.ts";
import { receiptJson } from "../runs/receipt.ts";
import { createReceipts } from "../runs/receipts.ts";
import type { ReceiptSigner } from "../runs/signed_receipt.ts";

/** A receipt, once its run has ended. */
export interface RunReceipt extends AsyncDisposable {
  /** Is called for the run. */
  readonly observer: RunObserver;
  /** The receipt of the run with that id: signed, else as JSON. */
  text(id: string): Promise<string>;
}

/** Begins with no run. */
export function createRunReceipt(signer: ReceiptSigner | undefined): RunReceipt {
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
