/** Connects to a PostgreSQL server, over TLS where that is asked for, and takes queries back. */

import net from "node:net";
import tls from "node:tls";
import type { Endpoint } from "./config.ts";
import { readCertificates } from "../certificates.ts";
import { SourceError } from "../source.ts";

/** What is wrong with a server that says nothing. */
export function noAnswer(timeout: number): SourceError {
  const message = `Cannot open source: the server did not answer within ${timeout} ms`;
  return new SourceError(message, { connection: true });
}

/** How to connect. */
export interface DialOptions {
  /** A file of certificates that the server's must come from. */
  readonly ca?: string | undefined;
  /** Milliseconds to connect in. */
  readonly timeout: number;
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
}

/** SSLRequest and CancelRequest of the protocol (PostgreSQL 55.7), without the key. */
const SSL_REQUEST = [0, 0, 0, 8, 4, 210, 22, 47];
const CANCEL_REQUEST = [0, 0, 0, 16, 4, 210, 22, 46];

/** A connection that was made. */
export interface Connection {
  /** Its socket, to write to, to pause and to close. */
  readonly socket: net.Socket;
  /**
   * Gives what comes from now on to one function, which may look at it until it returns. To be called
   * before anything can have come.
   */
  onBytes(take: (bytes: Buffer) => void): void;
}

/**
 * Bytes read at once. A socket that fills one buffer again and again takes 0.04 s of this core for
 * 110 MB; one that emits `data` takes 0.21 s, of which a buffer for each read is 0.08 (Deno 2.9.6).
 */
const READ_BYTES = 64 * 1024;

/**
 * Opens a connection on which the startup message can be sent.
 *
 * @throws {SourceError} when the server cannot be reached, or is not who it must be
 */
export async function dial(endpoint: Endpoint, options: DialOptions): Promise<Connection> {
  const { ca, timeout, signal } = options;
  // Read before anything is open.
  const certificates = ca === undefined ? undefined : await readCertificates(ca);
  let onBytes: (bytes: Buffer) => void = () => {};
  // TLS needs the socket's events, and so does the answer whether there is any.
  const plain = endpoint.tls === "disable";
  let socket: net.Socket = net.connect({
    host: endpoint.host,
    port: endpoint.port,
    noDelay: true,
    ...(plain ? { onread: oneBuffer((bytes) => onBytes(bytes)) } : {}),
  });
  const give = (reason: Error) => socket.destroy(reason);
  const timer = setTimeout(
    () => give(noAnswer(timeout)),
    timeout,
  );
  const abort = () => give(new Error("nobody waits for it any more"));
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await settled(socket, "connect");
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    if (await takesTls(socket, endpoint)) {
      socket = tls.connect({ socket, ...verification(endpoint, certificates) });
      await settled(socket, "secureConnect");
    }
    return {
      socket,
      onBytes(take) {
        if (plain) onBytes = take;
        else socket.on("data", take);
      },
    };
  } catch (error) {
    socket.destroy();
    throw error instanceof SourceError ? error : connectError(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Has a socket read into one buffer, and gives what it read each time. */
function oneBuffer(take: (bytes: Buffer) => void): net.OnReadOpts {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const callback = (length: number) => {
    take(buffer.subarray(0, length));
    return true;
  };
  return { buffer, callback };
}

/** Milliseconds of silence after which the kernel asks whether the server is still there. */
const KEEP_ALIVE_MS = 60_000;

/** Waits for what a socket emits next with an event, or for its end. */
function settled<T>(socket: net.Socket, event: "connect" | "data" | "secureConnect"): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const ended = () => reject(new Error("the server closed the connection"));
  socket.once(event, resolve);
  socket.once("error", reject);
  socket.once("close", ended);
  return promise.finally(() => {
    socket.off(event, resolve);
    socket.off("error", reject);
    socket.off("close", ended);
    // An error between two phases is told by what comes next.
    socket.on("error", () => {});
  });
}

/** Asks the server for TLS, where it is wanted. */
async function takesTls(socket: net.Socket, { tls: mode }: Endpoint): Promise<boolean> {
  if (mode === "disable") return false;
  const answering = settled<Uint8Array>(socket, "data");
  socket.write(new Uint8Array(SSL_REQUEST));
  const answer = await answering;
  // What came with the answer was put there by a machine in between (CVE-2021-23222).
  if (answer.length === 1 && answer[0] === 0x53) return true;
  if (answer.length === 1 && answer[0] === 0x4e) {
    if (mode === "prefer") return false;
    throw new SourceError("Cannot open source: the server does not offer TLS");
  }
  throw new SourceError("Cannot open source: the server does not speak PostgreSQL's protocol");
}

function verification({ host, tls: mode }: Endpoint, ca: string | undefined) {
  return {
    host,
    // RFC 6066, 3: an address is no server name.
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: mode.startsWith("verify"),
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** What the system calls what can be over in a moment. */
const RETRYABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the server refused the connection",
  ECONNRESET: "the server closed the connection",
  EPIPE: "the server closed the connection",
  ETIMEDOUT: "the server did not answer",
  EHOSTUNREACH: "the server cannot be reached",
  ENETUNREACH: "the server cannot be reached",
  ENOTFOUND: "the server's name is not known",
  EAI_AGAIN: "the server's name is not known",
};

function connectError(cause: unknown): SourceError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const certificate = /CERT|VERIFY|ISSUER|TLS|SSL/.test(code);
  const reason = RETRYABLE[code] ??
    (certificate ? `the server is not trusted: ${message}` : message);
  return new SourceError(`Cannot open source: ${reason}`, { cause, connection: !certificate });
}

/** By what a server knows the query that is to be cancelled: the backend's process and secret. */
export type BackendKey = Uint8Array;

/**
 * Asks the server to cancel what a backend does. That needs no login, so that it works where no
 * connection is left. It settles when the server has passed it on, or cannot be reached: then the
 * server finds out by itself (`client_connection_check_interval`).
 */
export async function cancelBackend(
  endpoint: Endpoint,
  key: BackendKey,
  options: DialOptions,
): Promise<void> {
  try {
    const { socket, onBytes } = await dial(endpoint, options);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const timer = setTimeout(() => socket.destroy(), options.timeout);
    socket.write(new Uint8Array([...CANCEL_REQUEST, ...key]));
    // The server says nothing, and closes when the signal is sent.
    onBytes(() => {});
    await closed;
    clearTimeout(timer);
  } catch {
    // See above.
  }
}
