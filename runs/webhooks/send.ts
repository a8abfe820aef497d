/** Sends one webhook: to an address that was looked at, with no redirect followed, for so long and no longer. */

import { lookup } from "node:dns/promises";
import { request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { type Clock, systemClock } from "../../storage/clock.ts";
import { isPublicAddress } from "./address.ts";
import { hostnameOf, mayConnect } from "./permission.ts";

/** A request. */
export interface WebhookRequest {
  /** Where to: `https` or `http`. */
  readonly url: URL;
  /** Its headers, but for those of its body. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its body, which is JSON. */
  readonly body: string;
}

/** An address of a host. */
export interface HostAddress {
  /** The address. */
  readonly address: string;
  /** 4 or 6. */
  readonly family: number;
}

/** How it is sent. */
export interface SendOptions {
  /** Milliseconds for all of it: the addresses, the connection and the answer. */
  readonly timeout: number;
  /** Whether it may go to this machine and to networks that are not of the Internet. */
  readonly allowPrivate: boolean;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** Gives the addresses of a host. @default the system's */
  readonly resolve?: (hostname: string) => Promise<readonly HostAddress[]>;
  /** The clock of the timeout. @default the system's */
  readonly clock?: Clock;
}

/** Bytes of an answer that are read; they are thrown away, and more are not waited for. */
const MAX_ANSWER_BYTES = 16 * 1024;

/** A host that is at an address where webhooks do not go. */
export class PrivateAddressError extends Error {
  override readonly name = "PrivateAddressError";
}

/** A receiver that did not answer in time. */
export class WebhookTimeoutError extends Error {
  override readonly name = "WebhookTimeoutError";
}

/**
 * Sends a webhook; gives the status of the answer.
 *
 * The addresses of the host are asked for once, and it is connected to one of those: a name that leads elsewhere
 * the next time (DNS rebinding) leads nowhere. A certificate is checked by the name.
 *
 * @throws {PrivateAddressError} before anything is sent
 * @throws {Deno.errors.NotCapable} where this process may connect to none of its addresses
 * @throws {WebhookTimeoutError} where there is no answer in time
 * @throws {Error} where it cannot be connected to, or that breaks
 */
export async function sendWebhook(
  { url, headers, body }: WebhookRequest,
  options: SendOptions,
): Promise<number> {
  const { timeout, allowPrivate, signal, resolve = lookupAll, clock = systemClock } = options;
  const ended = new AbortController();
  const stop = clock.after(
    timeout,
    () => ended.abort(new WebhookTimeoutError(`no answer within ${timeout} ms`)),
  );
  const abort = () => ended.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    const hostname = hostnameOf(url);
    const addresses = isIP(hostname)
      ? [{ address: hostname, family: isIP(hostname) }]
      : await unlessAborted(resolve(hostname), ended.signal);
    const refused = addresses.find(({ address }) => !isPublicAddress(address));
    if (refused && !allowPrivate) {
      throw new PrivateAddressError(`${hostname} is at the private address ${refused.address}`);
    }
    const reachable = permitted(addresses, url);
    return await post({ url, hostname, headers, body, addresses: reachable }, ended.signal);
  } finally {
    stop();
    signal?.removeEventListener("abort", abort);
  }
}

async function lookupAll(hostname: string): Promise<readonly HostAddress[]> {
  return await lookup(hostname, { all: true });
}

/**
 * The addresses that this process may connect to. Deno throws where it may not, in a callback of the socket, and
 * that would end the process.
 */
function permitted(addresses: readonly HostAddress[], url: URL): readonly HostAddress[] {
  const found = addresses.filter(({ address }) => mayConnect(address, url));
  if (found.length > 0) return found;
  const all = addresses.map(({ address }) => address).join(", ");
  throw new Deno.errors.NotCapable(
    `${url.host} is at ${all}, which this process may not connect to; it needs --allow-net for that`,
  );
}

/** A request whose host is known. */
interface ResolvedRequest extends WebhookRequest {
  readonly hostname: string;
  readonly addresses: readonly HostAddress[];
}

/** Gives the status once the answer has ended, enough of it was read, or there is no more of it in time. */
async function post(
  { url, hostname, headers, body, addresses }: ResolvedRequest,
  signal: AbortSignal,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let status: number | undefined;
  const bytes = Buffer.from(body);
  const options: RequestOptions = {
    method: "POST",
    hostname,
    port: url.port,
    path: url.pathname + url.search,
    // A connection of its own, to what was looked at.
    agent: false,
    lookup: (_, { all }, callback) =>
      all
        ? callback(null, [...addresses])
        : callback(null, addresses[0]!.address, addresses[0]!.family),
    headers: {
      ...headers,
      "content-type": "application/json",
      "content-length": bytes.byteLength,
      "user-agent": "Spillway",
    },
  };
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(options, (answer) => {
    status = answer.statusCode;
    let read = 0;
    answer.on("data", (chunk: Uint8Array) => {
      read += chunk.byteLength;
      if (read > MAX_ANSWER_BYTES) resolve();
    });
    answer.on("end", () => resolve());
    answer.on("error", reject);
  });
  request.on("error", reject);
  request.end(bytes);
  try {
    await unlessAborted(promise, signal);
  } catch (error) {
    if (status === undefined) throw error;
  } finally {
    request.destroy();
  }
  return status ?? 0;
}

/** What a promise gives, unless that takes too long. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
