/** One client's connection: its requests, and what it is doing for the timeouts. */

import type { ServerResponse } from "node:http";
import type { CountedConnection, Excess } from "./connection_limits.ts";
import type { ClientStream } from "./client_stream.ts";
import type { Activity } from "./timeouts.ts";

/**
 * Milliseconds that an answer may take from when its client has ended its side: such a client has left, or
 * has but nothing more to ask (`nc -N`), which looks the same until something is sent to it.
 */
const HALF_CLOSED_MS = 100;

/** Requests that may wait for the answer of one before them; more is no client but an attack. */
const MAX_PIPELINED = 100;

/** What is known of a connection from its begin. */
export interface ConnectionOptions {
  /** Its count among the others. */
  readonly counted: CountedConnection;
  /** Whether it is a trusted proxy's. */
  readonly viaProxy: boolean;
}

/** A connection. */
export class Connection {
  /** Its socket. */
  readonly stream: ClientStream;
  /** Whether it is a trusted proxy's. */
  readonly viaProxy: boolean;
  /** When more of a request's body was asked for. */
  bodySince: number | undefined;

  /** What is due when the client ends its side. */
  readonly onEnd: () => void = () => {
    const answer = this.#answer;
    if (answer) this.#abortTimer = setTimeout(() => this.#abort(answer), HALF_CLOSED_MS);
  };

  readonly #openedAt = performance.now();
  #answeredAt = this.#openedAt;
  readonly #counted: CountedConnection;
  #requests = 0;
  #inFlight = 0;
  #answer: ServerResponse | undefined;
  #onAnswered: (() => void) | undefined;
  #abortTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(stream: ClientStream, { counted, viaProxy }: ConnectionOptions) {
    this.stream = stream;
    this.viaProxy = viaProxy;
    this.#counted = counted;
    stream.once("end", this.onEnd);
  }

  /** The limit that it is above. */
  get excess(): Excess | undefined {
    return this.#counted.excess;
  }

  /** Requests that came and are not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether the head of the answer that is due is sent. */
  get answering(): boolean {
    return this.#answer?.headersSent ?? false;
  }

  /** What it is doing. */
  get activity(): Activity {
    const { unclaimedSince, writingSince, sentAt, writableEnded } = this.stream;
    const headSince = unclaimedSince ?? (this.#requests === 0 ? this.#openedAt : undefined);
    return {
      inFlight: this.#inFlight,
      headSince: writableEnded ? undefined : headSince,
      bodySince: writableEnded ? undefined : this.bodySince,
      writingSince,
      activeAt: Math.max(sentAt, this.#answeredAt),
    };
  }

  /** Takes a request that has come; `start` is called when those before it are answered. */
  begin(answer: ServerResponse, start: () => void): void {
    const { stream } = this;
    stream.unclaimedSince = undefined;
    this.#requests++;
    this.#counted.keep();
    if (++this.#inFlight > MAX_PIPELINED) return void stream.destroy();
    answer.once("close", () => this.#answered());
    const onTurn = () => {
      this.#answer = answer;
      if (stream.readableEnded) this.onEnd();
      start();
    };
    if (answer.socket) onTurn();
    else answer.once("socket", onTurn);
  }

  /** Calls `act` once no request is in flight. */
  whenAnswered(act: () => void): void {
    if (this.#inFlight === 0) act();
    else this.#onAnswered = act;
  }

  #abort(answer: ServerResponse): void {
    // All of a ready answer is handed to the socket, which has its own time for it.
    if (answer === this.#answer && !answer.writableEnded) this.stream.destroy();
  }

  #answered(): void {
    clearTimeout(this.#abortTimer);
    this.#answer = undefined;
    this.#inFlight--;
    this.#answeredAt = performance.now();
    // What came meanwhile is of this body, or of the next head: its time begins with its next byte.
    this.stream.unclaimedSince = undefined;
    this.bodySince = undefined;
    if (this.#inFlight === 0) this.#onAnswered?.();
  }
}
