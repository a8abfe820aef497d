/** Opens what the configuration signs receipts with, for commands. */

import type { Config } from "../catalog/config.ts";
import type { ReceiptSigner } from "../runs/signed_receipt.ts";
import { openReceiptSigner } from "../server/receipt_signer.ts";
import { StartError } from "../server/start_error.ts";
import { CommandError, EXIT } from "./command.ts";

/**
 * What signs receipts; nothing, where there are no keys.
 *
 * @throws {CommandError} where a key cannot be read
 */
export function openSigner({ runs }: Config): ReceiptSigner | undefined {
  try {
    return openReceiptSigner(runs);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new CommandError(error.message, EXIT.config);
  }
}
