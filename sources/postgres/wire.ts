/**
 * The connection that postgres.js works on, which keeps the rows for itself.
 *
 * The library does what is easy to get wrong: passwords, statements, params, errors. But it takes
 * everything that the server sends, makes a `Buffer` of each row and keeps them all, or fetches from a
 * cursor, which costs a round trip a batch, and the server its parallel plans. So it is given this in
 * the place of a socket: messages with rows go to a sink, all others to the library, and while there
 * is a sink the socket is read only on demand. A server whose reader waits waits itself, in `send`.
 */

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { rowTooLarge } from "../max_row.ts";
import type { Connection } from "./socket.ts";
import { SourceError } from "../source.ts";

/** A column as the server describes it. */
export interface WireColumn {
  /** Its name in the result. */
  readonly name: string;
  /** The OID of its type; of what a domain is made of. */
  readonly oid: number;
}

/** Takes the rows of a query. */
export interface RowSink {
  /** Called with the columns, before the first row; also where no row comes. */
  columns(columns: readonly WireColumn[]): void;
  /** Given bytes that rows are in; they stay as they are until the last of them was given. */
  piece(bytes: Buffer): void;
  /** Takes a row of the piece: a message's body, from `start` on. */
  row(start: number): void;
}

/** Statements that are sent before another one, see {@linkcode Wire.precede}. */
export interface Preface {
  /** Their texts; none has params. */
  readonly statements: readonly string[];
  /** Called with each row that they give, with how many of them are not complete. */
  onRow(left: number): void;
  /** Called when all of them are complete. */
  onDone(): void;
}

/** Message types of the protocol (PostgreSQL 55.7). */
const MESSAGE = {
  backendKey: 0x4b,
  bound: 0x32,
  columns: 0x54,
  complete: 0x43,
  error: 0x45,
  parsed: 0x31,
  ready: 0x5a,
  row: 0x44,
} as const;

/** What the server says of itself where it is in no transaction, when it is ready for the next query. */
const IDLE = 0x49;

/** The first bytes of what logs in: the length of the startup message, and a password's type. */
const LOGIN: readonly (number | undefined)[] = [0, 0x70];

/** What the server answers to a statement that is executed, and not described. */
const ANSWERS: readonly number[] = [
  MESSAGE.parsed,
  MESSAGE.bound,
  MESSAGE.row,
  MESSAGE.complete,
];

/** A message's type and its length. */
const HEADER_BYTES = 5;

/** Room that is kept: one cell of a hundred megabytes must not cost them for the rest of the file. */
const MAX_HELD_BYTES = 1024 * 1024;

/** What a read may bring behind the end of a message: a socket's buffer, or TLS's record. */
const MARGIN_BYTES = 64 * 1024;

/** The events that postgres.js listens to are those of a socket. */
export class Wire extends EventEmitter {
  readonly #socket: Socket;
  readonly #maxRow: number;
  #sink: RowSink | undefined;
  /** Holds the beginning of a message whose rest has not come, and then its rest and what follows. */
  #held = Buffer.alloc(0);
  #heldBytes = 0;
  /** Bytes to wait for before it is worth to look again. */
  #missing = 0;
  #key: Uint8Array | undefined;
  #fatal: string | undefined;
  #bound = false;
  #preface: Preface | undefined;
  /** Statements of a preface that was sent, and are not complete. */
  #prefacing = 0;
  /** Queries that were sent without the library, and what became of them. */
  #asked: { left: number; answer(done: boolean): void } | undefined;
  /** Whether nothing may come. */
  #resting = false;
  #ending = false;
  #dropping = false;
  #closed = false;
  #awake = Promise.withResolvers<void>();

  /** Takes over a connection, on which a row of more than so many bytes is an error. */
  constructor({ socket, onBytes }: Connection, maxRow = Infinity) {
    super();
    this.#socket = socket;
    this.#maxRow = maxRow;
    onBytes((chunk) => this.#take(chunk));
    socket.on("drain", () => this.emit("drain"));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#close());
  }

  /** What a cancel must name; absent while the server has not said it. */
  get key(): Uint8Array | undefined {
    return this.#key;
  }

  /** Whether the server has taken over the values of the query whose rows are diverted, and planned it. */
  get bound(): boolean {
    return this.#bound;
  }

  /** Part of what postgres.js asks a socket. */
  get readyState(): "open" | "closed" {
    return this.#closed ? "closed" : "open";
  }

  /** Gives all rows to a sink from now on, and reads only when told to. */
  divert(sink: RowSink): void {
    this.#sink = sink;
    this.#bound = false;
    this.#socket.pause();
  }

  /**
   * Reads once; settles when something came, nothing will, or at a {@linkcode wake}. Cheap to call
   * again while it pends.
   */
  read(): Promise<void> {
    if (!this.#closed) this.#socket.resume();
    return this.#awake.promise;
  }

  /** Wakes who reads. */
  wake(): void {
    const { resolve } = this.#awake;
    this.#awake = Promise.withResolvers();
    resolve();
  }

  /** Reads all that comes from now on: what is left is for the library. */
  release(): void {
    this.#sink = undefined;
    this.#socket.resume();
  }

  /**
   * Sends statements right before the library's next one, and keeps their answers from it. Where one of
   * them fails, the server skips all up to the end of the library's, which gets the error as its own.
   */
  precede(preface: Preface): void {
    this.#preface = preface;
  }

  /**
   * Runs statements one after the other, of which the library hears nothing. Whether all of them were done, and
   * the server is in no transaction then.
   */
  ask(statements: readonly string[]): Promise<boolean> {
    if (this.#closed || this.#ending) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#asked = { left: statements.length, answer: resolve };
    this.#socket.write(Buffer.concat(statements.map((text) => message("Q", `${text}\0`))));
    return promise;
  }

  /**
   * Waits for a next run, without keeping the process from ending; what the server says or does until
   * {@linkcode rouse} ends the connection. Whether it is fit for one: nothing must be left of the last.
   */
  rest(): boolean {
    if (this.#closed || this.#ending || this.#heldBytes > 0) return false;
    this.#resting = true;
    this.#held = Buffer.alloc(0);
    this.#socket.unref();
    return true;
  }

  /** Ends the {@linkcode rest}; false where the connection has ended meanwhile. */
  rouse(): boolean {
    this.#resting = false;
    this.#socket.ref();
    return !this.#closed && !this.#ending;
  }

  /** Reads on, and drops all rows. */
  drop(): void {
    this.#sink = { columns: () => {}, piece: () => {}, row: () => {} };
    this.#dropping = true;
    this.#socket.resume();
  }

  /** Sends what the library has written. */
  write(data: Uint8Array, done?: () => void): boolean {
    const preface = this.#prefacing > 0 ? undefined : this.#preface;
    if (!preface || LOGIN.includes(data[0])) return this.#socket.write(data, done);
    this.#prefacing = preface.statements.length;
    return this.#socket.write(Buffer.concat([...preface.statements.map(executed), data]), done);
  }

  /** Sends the library's goodbye, and closes. */
  end(data: Uint8Array): void {
    this.#ending = true;
    this.#socket.end(data);
  }

  /** Closes at once; an error is for what waits. */
  destroy(error?: SourceError): void {
    this.#ending = true;
    if (error) this.#fail(error);
    this.#socket.destroy();
  }

  /** The library's own flow control, which this has instead. */
  pause(): void {}

  /** See {@linkcode pause}. */
  resume(): void {}

  /** The socket has been told when it was opened. */
  setKeepAlive(): void {}

  #take(chunk: Buffer): void {
    if (this.#resting) return this.destroy();
    try {
      if (this.#sink && !this.#dropping) this.#socket.pause();
      this.#split(chunk);
    } catch (error) {
      this.#fail(error);
      this.destroy();
    }
    this.wake();
  }

  /** Gives every whole message to whom it is for, and keeps the rest. */
  #split(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#heldBytes > 0) {
      this.#hold(chunk);
      if (this.#heldBytes < this.#missing) return;
      bytes = this.#held.subarray(0, this.#heldBytes);
    }
    this.#sink?.piece(bytes);
    let at = 0;
    let needed = HEADER_BYTES;
    while (bytes.length - at >= HEADER_BYTES) {
      const type = bytes[at]!;
      const length = bytes.readUInt32BE(at + 1);
      // Before the rest of it has come.
      if (type === MESSAGE.row && length > this.#maxRow) throw rowTooLarge(this.#maxRow, length);
      const end = at + 1 + length;
      if (end > bytes.length) {
        needed = end - at;
        break;
      }
      if (this.#asked) this.#answer(type, bytes[at + HEADER_BYTES]);
      else if (this.#prefacing > 0 && ANSWERS.includes(type)) this.#skip(type);
      else if (type === MESSAGE.row && this.#sink) this.#sink.row(at + HEADER_BYTES);
      // The library keeps what it is given.
      else this.#pass(type, Buffer.from(bytes.subarray(at, end)));
      at = end;
    }
    if (this.#held.length > MAX_HELD_BYTES) this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
    this.#missing = needed;
    this.#hold(bytes.subarray(at));
  }

  /** Adds bytes to those that are held, which may be a part of the same buffer. */
  #hold(bytes: Buffer): void {
    const length = this.#heldBytes + bytes.length;
    if (length > this.#held.length) {
      // A large row's room is made at once, with some for what comes behind it.
      const room = Math.max(2 * length, this.#missing + MARGIN_BYTES);
      const larger = Buffer.allocUnsafeSlow(room);
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = length;
  }

  /** Takes an answer to a query that the library does not know of. */
  #answer(type: number, status: number | undefined): void {
    const asked = this.#asked!;
    const isReady = type === MESSAGE.ready;
    if (type !== MESSAGE.error && !(isReady && --asked.left === 0)) return;
    this.#asked = undefined;
    asked.answer(isReady && status === IDLE);
  }

  /** Takes an answer to a statement of the preface. */
  #skip(type: number): void {
    const { onRow, onDone } = this.#preface!;
    if (type === MESSAGE.row) onRow(this.#prefacing);
    if (type !== MESSAGE.complete || --this.#prefacing > 0) return;
    this.#preface = undefined;
    onDone();
  }

  #pass(type: number, message: Buffer): void {
    if (type === MESSAGE.backendKey) this.#key = message.slice(HEADER_BYTES);
    else if (type === MESSAGE.bound) this.#bound = true;
    else if (type === MESSAGE.error) {
      this.#fatal = fatalMessage(message);
      this.#prefacing = 0;
      this.#preface = undefined;
    }
    this.emit("data", message);
    if (type === MESSAGE.columns) this.#sink?.columns(readColumns(message));
  }

  /** The library is told of every end that it did not ask for, which it would take for a retry. */
  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#ending) this.#fail(new Error(this.#fatal ?? "the server closed the connection"));
    this.emit("close", false);
    this.#asked?.answer(false);
    this.wake();
  }

  #fail(cause: unknown): void {
    if (this.listenerCount("error") === 0) return;
    if (cause instanceof SourceError) this.emit("error", cause);
    // It names its key when it has let the role in.
    else this.emit("error", this.#key ? lost(this.#fatal, cause) : hungUp(this.#fatal, cause));
  }
}

/** Parse, Bind and Execute of a statement without params (PostgreSQL 55.7). */
function executed(text: string): Buffer {
  return Buffer.concat([message("P", `\0${text}\0\0\0`), BIND_AND_EXECUTE]);
}

function message(type: string, body: string): Buffer {
  const bytes = Buffer.from(`${type}____${body}`);
  bytes.writeUInt32BE(bytes.length - 1, 1);
  return bytes;
}

/** The unnamed statement's, with all of its rows. */
const BIND_AND_EXECUTE = Buffer.from([
  ...[0x42, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0],
]);

function lost(fatal: string | undefined, cause: unknown): SourceError {
  const reason = fatal ?? "the connection was lost";
  return new SourceError(`Cannot read the query: ${reason}`, { cause, connection: true });
}

/** The error of a server that closes the connection before it is one. */
export function hungUp(fatal?: string, cause?: unknown): SourceError {
  const reason = fatal ?? "the server closed the connection";
  return new SourceError(`Cannot open source: ${reason}`, { cause, connection: true });
}

function readColumns(message: Buffer): WireColumn[] {
  const columns: WireColumn[] = [];
  let at = HEADER_BYTES + 2;
  for (let count = message.readUInt16BE(HEADER_BYTES); count > 0; count--) {
    const end = message.indexOf(0, at);
    // Behind the name: table (4), attribute (2), type (4), size (2), modifier (4), format (2).
    columns.push({ name: message.toString("utf8", at, end), oid: message.readUInt32BE(end + 7) });
    at = end + 19;
  }
  return columns;
}

/** What the server says before it closes the connection; nothing for an error that it survives. */
function fatalMessage(message: Buffer): string | undefined {
  const fields = new Map(
    message.toString("utf8", HEADER_BYTES).split("\0").map((field) => [field[0], field.slice(1)]),
  );
  return /^(?:FATAL|PANIC)$/.test(fields.get("V") ?? "") ? fields.get("M") : undefined;
}
