/** What the connection of a client is to those that read requests from it and write answers to it. */

import type { Duplex } from "node:stream";

/** The stream of one client, plain or over TLS; "flushed" is emitted when all is sent after `destroySoon`. */
export interface ClientStream extends Duplex {
  /** The address of the other side. */
  readonly remoteAddress: string;
  /** The address of ours that the client has connected to. */
  readonly localAddress: string;
  /** Whether what is written would be sent: not before a handshake is over. */
  readonly open: boolean;
  /** When the first byte came that no request has been made of yet; of `performance.now()`. */
  unclaimedSince: number | undefined;
  /** When a byte was last sent; at first, when the connection was opened. */
  readonly sentAt: number;
  /** When the write that is pending last got on. */
  readonly writingSince: number | undefined;
  /** Whether all is sent, and only the client's end is waited for. */
  readonly flushed: boolean;
  /** Sends what was written, then ends; what the client still sends is dropped. */
  destroySoon(): void;
  /**
   * Sends bytes; resolves when they are handed to the system. Where they cannot be, the client has left, and
   * this is destroyed.
   */
  send(parts: readonly Uint8Array[]): Promise<void>;
}
