/** Reads what a receipt says and checks its signature; asks no server. */

import {
  base64url,
  calculateJwkThumbprint,
  compactVerify,
  createLocalJWKSet,
  decodeProtectedHeader,
  EmbeddedJWK,
  errors,
  type JSONWebKeySet,
} from "jose";
import { z } from "zod";
import { type EncodedFile, RUN_STATES, type RunState } from "./receipt.ts";
import { RECEIPT_ALGORITHM, RECEIPT_TYPE } from "./signed_receipt.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const size = z.int().min(0);

/** What a receipt says, as JSON: what is compared with a file, and the rest as it is. */
export interface ReceiptClaims {
  /** The id of the run. */
  readonly id: string;
  /** What became of it, or what it was doing. */
  readonly state: RunState;
  /** Bytes of the file. */
  readonly bytes: number;
  /** The SHA-256 of the file, in hexadecimal; of complete runs. */
  readonly sha256?: string | undefined;
  /** What was sent in place of the file itself. */
  readonly encoded?: EncodedFile | undefined;
  /** All else that it says. */
  readonly [name: string]: unknown;
}

const CLAIMS: z.ZodType<ReceiptClaims> = z.looseObject({
  id: z.string(),
  state: z.enum(RUN_STATES),
  bytes: size,
  sha256: sha256.optional(),
  encoded: z.object({ coding: z.string(), bytes: size, sha256 }).optional(),
});

/** A receipt that was read. */
export interface ReadReceipt {
  /** What it says; absent where it cannot be read. */
  readonly claims?: ReceiptClaims;
  /** The id of the key that it is signed with, as it says; absent where it is not signed. */
  readonly keyId?: string;
  /** What is wrong with it, a sentence each. */
  readonly issues: readonly string[];
}

/** Three texts in base64url, with dots between (RFC 7515, 7.1). */
const COMPACT_JWS = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

const FORMAT = "The receipt is neither a signed one (a compact JWS) nor the JSON of one";

const CHANGED = "The signature is not that of this receipt: one of them is changed or damaged";

/**
 * Reads a receipt: signed, or the plain JSON of one.
 *
 * With `keys`, it has to be signed with one of them. Without, a signature is checked with the key in its own header:
 * that finds every change, and does not tell who signed.
 */
export async function readReceipt(text: string, keys?: JSONWebKeySet): Promise<ReadReceipt> {
  // A shell or an editor ends a file with a line break.
  const receipt = text.replace(/\r?\n$/, "");
  if (receipt.startsWith("{")) {
    const claims = parseClaims(receipt);
    if (!claims) return { issues: [FORMAT] };
    return { claims, issues: keys ? ["The receipt is not signed"] : [] };
  }
  const [, , payload, signature] = COMPACT_JWS.exec(receipt) ?? [];
  const header = readHeader(receipt);
  if (payload === undefined || !header) return { issues: [FORMAT] };
  const { kid = "", typ } = header;
  const claims = parseClaims(new TextDecoder().decode(decode(payload)));
  const issue = isCanonical(signature!) ? await signatureIssue(receipt, kid, keys) : CHANGED;
  const issues = issue !== undefined
    ? [issue]
    : claims && typ === RECEIPT_TYPE
    ? []
    : ["What is signed is no receipt"];
  return { ...(claims ? { claims } : {}), keyId: kid, issues };
}

function parseClaims(json: string): ReceiptClaims | undefined {
  try {
    return CLAIMS.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

function readHeader(jws: string): ReturnType<typeof decodeProtectedHeader> | undefined {
  try {
    return decodeProtectedHeader(jws);
  } catch {
    return undefined;
  }
}

function decode(part: string): Uint8Array | undefined {
  try {
    return base64url.decode(part);
  } catch {
    return undefined;
  }
}

/** Whether a text is what its bytes are encoded as: a decoder passes over the last bits of the last digit. */
function isCanonical(part: string): boolean {
  const bytes = decode(part);
  return bytes !== undefined && base64url.encode(bytes) === part;
}

/** What is wrong with a signature, if anything is. */
async function signatureIssue(
  jws: string,
  kid: string,
  keys: JSONWebKeySet | undefined,
): Promise<string | undefined> {
  const options = { algorithms: [RECEIPT_ALGORITHM] };
  try {
    if (keys) {
      await compactVerify(jws, createLocalJWKSet(keys), options);
      return undefined;
    }
    const { protectedHeader } = await compactVerify(jws, EmbeddedJWK, options);
    const { jwk } = protectedHeader;
    return jwk && await calculateJwkThumbprint(jwk) === kid
      ? undefined
      : `The receipt names the key ${JSON.stringify(kid)}, and is signed with another`;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return CHANGED;
    if (error instanceof errors.JWKSNoMatchingKey) {
      return `The key ${JSON.stringify(kid)}, which it is signed with, is not one of the keys`;
    }
    const reason = error instanceof Error ? error.message : String(error);
    return `The signature cannot be checked: ${reason}`;
  }
}
