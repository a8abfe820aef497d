/** Where receipts are kept: what every ledger offers. */

import type { Principal } from "../../access/principal.ts";
import type { Receipt, RunNotification, RunState } from "../receipt.ts";

/** A key that a request is known by when it is sent again: the run of the first one is that of all. */
export interface IdempotencyKey {
  /** Among whose keys it is one: a principal's, a schedule's. */
  readonly scope: string;
  /** The key itself. */
  readonly key: string;
  /** What was asked for with it, as a digest; another one is another request. */
  readonly fingerprint: string;
}

/** A row of the ledger: a receipt, and what its server needs to know of the run besides. */
export interface LedgerRow extends Receipt {
  /** The server that has it in its hands, by the id that the server gave itself. */
  readonly server: string;
  /** The key that its request is known by. @default none */
  readonly idempotency?: IdempotencyKey;
  /** Who asked, with all that they may; of runs that begin again after a restart, and of no others. */
  readonly caller?: Principal;
}

/** A step of a run from one state to the next. */
export interface Transition {
  /** The state that it is in. */
  readonly from: RunState;
  /** The attempt that it is in. */
  readonly attempt: number;
  /** The state that it goes to. */
  readonly to: RunState;
}

/** What changes with a step; what is absent stays. */
export type RowPatch = Partial<
  Omit<LedgerRow, "id" | "state" | "server" | "idempotency" | "notify">
>;

/** A run that has ended, and whose webhook is to be sent. */
export interface DueNotification {
  /** The run. */
  readonly row: LedgerRow;
  /** When it is sent, in milliseconds since 1970. */
  readonly at: number;
}

/** Which rows are wanted. */
export interface RowFilter {
  /** Whose: this principal's. */
  readonly principal: string;
  /** Whose data: this tenant's; absent: no tenant's. */
  readonly tenant?: string | undefined;
  /** In this state. */
  readonly state?: RunState | undefined;
  /** Of this export, alone or with others in one file. */
  readonly export?: string | undefined;
  /** Asked for at this time or later. */
  readonly since?: Date | undefined;
  /** Rows that a page has at most. */
  readonly limit: number;
  /** Where the page before ended, as its `next` said. */
  readonly cursor?: string | undefined;
}

/** Some rows, the newest first. */
export interface RowPage {
  /** The rows. */
  readonly rows: readonly LedgerRow[];
  /** The cursor of the next page; absent where this is the last one. */
  readonly next?: string;
}

/** A cursor that no page has ended with. */
export class CursorError extends Error {
  override readonly name = "CursorError";
}

/** A ledger that cannot be read or written now: its disk is full or broken, its database does not answer. */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
}

/**
 * A ledger. What was asked of it first is done first, and a promise that has resolved is kept: the row is
 * there after a crash of the process. Everything but {@linkcode CursorError} is a {@linkcode LedgerError}.
 */
export interface Ledger extends AsyncDisposable {
  /** Whether its rows are there after the process ended. */
  readonly durable: boolean;
  /** Whether other servers write to it too. */
  readonly shared: boolean;
  /**
   * Adds a run; the row that is there already with the same idempotency key, else nothing. One that is there
   * already by its id stays as it is.
   */
  insert(row: LedgerRow): Promise<LedgerRow | undefined>;
  /**
   * Takes a run from one state to another, where it is in that state and that attempt, and in the hands of this
   * server or complete; whether it was.
   *
   * @throws {RangeError} where no run may take that step
   */
  transition(id: string, step: Transition, patch?: RowPatch): Promise<boolean>;
  /** A run. */
  get(id: string): Promise<LedgerRow | undefined>;
  /**
   * The runs of a principal, the newest first.
   *
   * @throws {CursorError} where the cursor is none
   */
  list(filter: RowFilter): Promise<RowPage>;
  /** Runs that are not in a final state and whose server is gone, those first that were asked for first. */
  abandoned(): Promise<readonly LedgerRow[]>;
  /** Takes a run over from a server that is gone; whether it was that one's still, and not over. */
  claim(id: string, server: string): Promise<boolean>;
  /** Runs that are complete and whose file is kept. */
  kept(): Promise<readonly LedgerRow[]>;
  /**
   * The next runs whose webhooks are to be sent, which may be later; those of any server.
   *
   * @param origins those of receivers; others are passed over
   * @param endedBefore runs that ended sooner are there too, whatever their receivers
   */
  notifications(
    limit: number,
    origins: readonly string[],
    endedBefore: Date,
  ): Promise<readonly DueNotification[]>;
  /**
   * Has a webhook be sent at another time, or not any more, where it was to be sent when it is thought to be; whether
   * it was. Of servers that find it due at once one thus has it for a time, and another one after that.
   *
   * @param notify what came of it. @default what is known stays
   */
  reschedule(
    id: string,
    times: { readonly from: number; readonly to: number | undefined },
    notify?: RunNotification,
  ): Promise<boolean>;
  /** Says that the last byte of a complete run's file was taken. */
  handOver(id: string, at: Date): Promise<void>;
  /** Of the runs of a schedule that were handed over, the one that was asked for last. */
  lastOf(schedule: string): Promise<LedgerRow | undefined>;
  /**
   * The slot of a schedule that was taken last; where it is seen for the first time, or with another pattern, the
   * time of now.
   */
  scheduled(name: string, pattern: string, now: Date): Promise<Date>;
  /** Says that a slot was taken, and with it all before it. */
  taken(name: string, slot: Date): Promise<void>;
  /** Says that this server lives, which others see in a ledger that they share. */
  beat(): Promise<void>;
  /**
   * Deletes runs that ended before, unless files are kept of them, webhooks are to be sent, or the next run of their
   * schedule goes on from them; how many there were.
   *
   * @param unsentBefore webhooks of runs that ended before this time are not sent any more
   */
  purge(before: Date, unsentBefore: Date): Promise<number>;
}
