/** The certificate that a server shows its clients, and its key. */

import { getLogger } from "@logtape/logtape";
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { duplexPair } from "node:stream";
import { connect, createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { TlsSettings } from "../catalog/config.ts";
import { StartError } from "./start_error.ts";

const logger = getLogger(["spillway"]);

/** A certificate that has been tried. */
export interface Certificate {
  /** What connections are made with. */
  readonly context: SecureContext;
  /** When it ends. */
  readonly notAfter: Date;
}

/** Days before its end in which a certificate is warned of: those that renew themselves have 30 then. */
const WARN_DAYS = 14;

const DAY_MS = 86_400_000;

/**
 * Reads a certificate and its key, tries them, and warns where it has ended or is about to.
 *
 * @throws {StartError} saying what is wrong with which file
 */
export async function openCertificate(settings: TlsSettings): Promise<Certificate> {
  const cert = await readPem(settings, "cert");
  const key = await readPem(settings, "key");
  // The first one is the server's, and those that follow lead to an authority (RFC 8446, 4.4.2).
  const certificate = parse(settings, "cert", "certificate", () => new X509Certificate(cert));
  const privateKey = parse(settings, "key", "private key without a passphrase", () => keyOf(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    fail(settings, "key", `it is not the key of the certificate in ${settings.cert}`);
  }
  const context = createSecureContext({ cert, key, minVersion: "TLSv1.2" });
  try {
    await shakeHands(context);
  } catch (error) {
    fail(settings, "cert", `no connection can be made with it: ${messageOf(error)}`);
  }
  const notAfter = new Date(certificate.validTo);
  warnOfEnd(notAfter);
  return { context, notAfter };
}

function warnOfEnd(notAfter: Date): void {
  const left = notAfter.getTime() - Date.now();
  if (left > WARN_DAYS * DAY_MS) return;
  const ends = left < 0 ? "ended" : "ends";
  logger.warn(`The certificate in server.tls.cert ${ends} at ${notAfter.toISOString()}`, {
    not_after: notAfter.toISOString(),
  });
}

async function readPem(settings: TlsSettings, name: keyof TlsSettings): Promise<string> {
  try {
    return await Deno.readTextFile(settings[name]);
  } catch (error) {
    fail(settings, name, messageOf(error));
  }
}

function parse<T>(
  settings: TlsSettings,
  name: keyof TlsSettings,
  what: string,
  read: () => T,
): T {
  try {
    return read();
  } catch {
    // What a parser says of a key may hold some of it.
    fail(settings, name, `it holds no ${what} in PEM`);
  }
}

function keyOf(pem: string): KeyObject {
  if (pem.includes("ENCRYPTED")) throw new Error("It has a passphrase");
  return createPrivateKey(pem);
}

function fail(settings: TlsSettings, name: keyof TlsSettings, reason: string): never {
  throw new StartError(`Cannot use server.tls.${name} (${settings[name]}): ${reason}`, "file");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Makes a connection in memory: a context is made of anything, and says so to clients alone (Deno 2.9.6). */
async function shakeHands(secureContext: SecureContext): Promise<void> {
  const [near, far] = duplexPair();
  const server = new TLSSocket(far, { isServer: true, secureContext });
  const client = connect({ socket: near, rejectUnauthorized: false });
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("secureConnect", () => resolve());
      for (const side of [client, server]) side.once("error", reject);
    });
  } finally {
    for (const side of [client, server]) side.on("error", () => {}).destroy();
  }
}
