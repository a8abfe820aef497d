/** Compares a file with a receipt. */

import type { JSONWebKeySet } from "jose";
import { createDigest } from "../storage/digest.ts";
import { type ReadReceipt, readReceipt, type ReceiptClaims } from "./read_receipt.ts";

/** What came of it: there are no issues where the file is that of the receipt. */
export interface Verdict extends ReadReceipt {
  /** What is as it should be, and worth knowing, a sentence each. */
  readonly notes: readonly string[];
}

/** A file, by what tells it from others. */
interface Content {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Compares a file with a receipt, as {@linkcode readReceipt} reads it.
 *
 * @param file is read once, and no more of it is held than a chunk; not read where the receipt names no file
 */
export async function verifyReceipt(
  file: AsyncIterable<Uint8Array>,
  text: string,
  keys?: JSONWebKeySet,
): Promise<Verdict> {
  const receipt = await readReceipt(text, keys);
  const { claims } = receipt;
  if (!claims) return { ...receipt, notes: [] };
  const compared = await compare(file, claims);
  return { ...receipt, ...compared, issues: [...receipt.issues, ...compared.issues] };
}

async function compare(
  file: AsyncIterable<Uint8Array>,
  { state, bytes, sha256, encoded }: ReceiptClaims,
): Promise<Pick<Verdict, "issues" | "notes">> {
  if (sha256 === undefined) {
    const issue = `The receipt names no file, as it is that of a run that was ${state}`;
    return { issues: [issue], notes: [] };
  }
  const found = await measure(file);
  const whole = { bytes, sha256 };
  if (isSame(found, whole)) return { issues: [], notes: [] };
  if (!encoded) return { issues: differences(found, whole), notes: [] };
  const { coding, ...sent } = encoded;
  if (isSame(found, sent)) {
    const note = `The file is still ${coding}, as it was sent; decoded it has ${bytes} bytes, ` +
      `and the SHA-256 ${sha256}`;
    return { issues: [], notes: [note] };
  }
  const hint = `The file was sent as ${coding}, of ${sent.bytes} bytes and the SHA-256 ` +
    `${sent.sha256}, which it is not either`;
  return { issues: [...differences(found, whole), hint], notes: [] };
}

async function measure(file: AsyncIterable<Uint8Array>): Promise<Content> {
  const digest = createDigest();
  let bytes = 0;
  for await (const chunk of file) {
    bytes += chunk.length;
    digest.update(chunk);
  }
  return { bytes, sha256: digest.finish() };
}

function isSame(one: Content, other: Content): boolean {
  return one.bytes === other.bytes && one.sha256 === other.sha256;
}

function differences(found: Content, named: Content): string[] {
  return [
    ...(found.bytes === named.bytes
      ? []
      : [`The file has ${found.bytes} bytes, and that of the receipt ${named.bytes}`]),
    `The file has the SHA-256 ${found.sha256}, and that of the receipt ${named.sha256}`,
  ];
}
