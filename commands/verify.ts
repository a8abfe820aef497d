/** `verify`: says whether a file is the one of a receipt, without asking a server. */

import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { verifyReceipt } from "../runs/verify_receipt.ts";
import { readText } from "../table/read_text.ts";
import { CommandError, EXIT } from "./command.ts";

/** What to compare. */
export interface VerifyArguments {
  /** The file. */
  readonly file: string;
  /** Its receipt: signed, or plain JSON. */
  readonly receipt: string;
  /** The keys that it may be signed with, as `/.well-known/jwks.json` has them. @default any */
  readonly keys?: string | undefined;
}

/** Bytes of a receipt or of keys at most: more is another file. */
const MAX_BYTES = 2 ** 20;

/**
 * Compares a file with its receipt; prints what the receipt says, as JSON, where it is that of the file.
 *
 * @throws {CommandError} with what differs, a line each, and status 1
 */
export async function verify({ file, receipt, keys }: VerifyArguments): Promise<void> {
  const keySet = keys === undefined ? undefined : parseKeys(await readSmall(keys), keys);
  const text = await readSmall(receipt);
  const { readable } = await open(file);
  const { issues, notes, claims, keyId } = await verifyReceipt(readable, text, keySet)
    .catch((error) => {
      throw cannotRead(file, error);
    });
  if (issues.length > 0) throw new CommandError(issues.join("\nspillway: "), EXIT.failure);
  for (const note of notes) console.error(note);
  if (keyId === undefined) {
    console.error("warning: the receipt is not signed: anyone may have written or changed it");
  } else if (!keySet) {
    console.error(
      `warning: signed with the key ${keyId}, but --keys does not say whose keys are trusted`,
    );
  }
  console.log(JSON.stringify(claims, undefined, 2));
}

function parseKeys(text: string, path: string): JSONWebKeySet {
  try {
    const keys: JSONWebKeySet = JSON.parse(text);
    createLocalJWKSet(keys);
    return keys;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`There is no set of keys in ${path}: ${reason}`, EXIT.failure);
  }
}

/** The text of a file that is a short one. */
async function readSmall(path: string): Promise<string> {
  const { readable } = await open(path);
  const text = await readText({ body: readable }, MAX_BYTES).catch((error) => {
    throw cannotRead(path, error);
  });
  if (text !== undefined) return text;
  const message = `${path} has more than ${MAX_BYTES} bytes; verify takes FILE, then RECEIPT`;
  throw new CommandError(message, EXIT.failure);
}

function open(path: string): Promise<Deno.FsFile> {
  return Deno.open(path).catch((error) => {
    throw cannotRead(path, error);
  });
}

function cannotRead(path: string, error: unknown): CommandError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CommandError(`Cannot read ${path}: ${reason}`, EXIT.failure);
}
