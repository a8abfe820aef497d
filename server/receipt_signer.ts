/** Reads the keys that the configuration names for receipts. */

import type { RunsSettings, SigningKeySetting } from "../catalog/config.ts";
import { readSigningKey, type SigningKey } from "../access/signing_key.ts";
import { createReceiptSigner, type ReceiptSigner } from "../runs/signed_receipt.ts";
import { StartError } from "./start_error.ts";

/**
 * Makes what signs receipts; nothing, where there are no keys.
 *
 * @throws {StartError} where a key cannot be read, or the first cannot sign
 */
export function openReceiptSigner(
  { signingKeys }: Pick<RunsSettings, "signingKeys">,
): ReceiptSigner | undefined {
  const keys = signingKeys.map(open);
  const [first] = signingKeys;
  if (first && "file" in first && keys[0]!.d === undefined) {
    throw new StartError(`There is no private key in ${first.file}, and it is to sign`, "file");
  }
  return first && createReceiptSigner(keys);
}

/** Reads a key at once: a configuration is taken in one go. */
function open(setting: SigningKeySetting): SigningKey {
  if ("key" in setting) return setting.key;
  const { file } = setting;
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`Cannot read the signing key: ${reason}`, "file");
  }
  const key = readSigningKey(text);
  if (!key) throw new StartError(`There is no Ed25519 key in ${file}, as PEM or as a JWK`, "file");
  return key;
}
