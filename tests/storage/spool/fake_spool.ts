/** A spool in memory that refuses, fails and waits when told to, and notices whoever misuses it. */

import { setImmediate } from "node:timers";
import type { RefusalReason, Reservation } from "../../../storage/disk/quota.ts";
import type { Clock } from "../../../storage/clock.ts";
import type { Segment, Spool } from "../../../storage/spool/mod.ts";

/** The calls that can be made to refuse, to fail or to wait. */
export type SpoolCall = "reserve" | "grow" | "create" | "write" | "read";

/** A write that fails after some bytes got there. */
export interface Fault {
  readonly error: Error;
  /** Bytes that are written all the same. @default 0 */
  readonly written?: number;
}

/** A spool whose quota, faults and slowness are the test's. */
export class FakeSpool implements Spool {
  /** Bytes that may be reserved. */
  quota = Infinity;
  /** Asked before each call: what it fails of, if it does. */
  fault: (call: SpoolCall) => Fault | undefined = () => undefined;
  /** Awaited within each call. */
  delay: (call: SpoolCall) => Promise<void> = () => Promise.resolve();
  /** Whether segments end before their time. */
  truncated = false;
  /** Bytes that are reserved. */
  reserved = 0;
  /** Bytes in segments that are open. */
  stored = 0;
  /** Segments that are open. */
  open = 0;
  /** Bytes that a write has acknowledged and no read has returned. */
  waiting = 0;
  /** Calls so far, in order. */
  readonly calls: SpoolCall[] = [];
  /** Who reserved. */
  readonly tenants: (string | undefined)[] = [];
  /** What a caller did that it must not do. */
  readonly misuse: string[] = [];

  async reserve(bytes: number, tenant?: string): Promise<Reservation | RefusalReason> {
    this.tenants.push(tenant);
    const reason = await this.#take("reserve", bytes);
    if (reason) return reason;
    let held = bytes;
    const give = (some: number) => {
      if (some < 0 || some > held) this.misuse.push(`${some} of ${held} bytes given back`);
      held -= some;
      this.reserved -= some;
      if (this.stored > this.reserved) this.misuse.push("more stored than reserved");
    };
    return {
      get bytes() {
        return held;
      },
      grow: async (more) => {
        const reason = await this.#take("grow", more);
        if (!reason) held += more;
        return reason;
      },
      shrink: give,
      release: () => give(held),
    };
  }

  async createSegment(): Promise<Segment> {
    await this.#call("create");
    this.open++;
    const bytes: number[] = [];
    let position = 0;
    let busy = false;
    let closed = false;
    /** A call that must not meet another one of the same segment. */
    const alone = async (call: SpoolCall) => {
      if (busy) this.misuse.push(`${call} while another call is at work`);
      if (closed) this.misuse.push(`${call} after close`);
      busy = true;
      try {
        return await this.#call(call);
      } finally {
        busy = false;
      }
    };
    const store = (some: Uint8Array) => {
      for (const byte of some) bytes.push(byte);
      this.stored += some.length;
      if (this.stored > this.reserved) this.misuse.push("more stored than reserved");
    };
    return {
      get written() {
        return bytes.length;
      },
      write: async (some) => {
        // What is written is what was there when the call was made.
        const copy = some.slice();
        try {
          await alone("write");
        } catch (fault) {
          store(copy.subarray(0, (fault as Failure).written));
          throw fault;
        }
        store(copy);
        this.waiting += copy.length;
      },
      read: async (maxBytes) => {
        await alone("read");
        if (this.truncated || position === bytes.length) return null;
        const some = new Uint8Array(bytes.slice(position, position + maxBytes));
        position += some.length;
        this.waiting -= some.length;
        return some;
      },
      close: () => {
        if (busy) this.misuse.push("close while a call is at work");
        if (closed) return;
        closed = true;
        this.open--;
        this.stored -= bytes.length;
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #take(call: SpoolCall, bytes: number): Promise<RefusalReason | undefined> {
    await this.#call(call);
    if (this.reserved + bytes > this.quota) return "quota";
    this.reserved += bytes;
  }

  async #call(call: SpoolCall): Promise<void> {
    this.calls.push(call);
    const fault = this.fault(call);
    await this.delay(call);
    if (fault) throw Object.assign(fault.error, { written: fault.written ?? 0 });
  }
}

/** An error as a fault makes it. */
interface Failure extends Error {
  readonly written: number;
}

/** A clock that goes when it is told to. */
export class FakeClock implements Clock {
  readonly #timers = new Set<{ readonly due: number; readonly callback: () => void }>();
  #now = 1_000;
  /** Timers that were ever set. */
  set = 0;

  /** Timers that are waiting. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { due: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    this.set++;
    return () => this.#timers.delete(timer);
  }

  /** Lets so much time pass; everything that is due happens at its time, and what follows from it. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settle();
      const next = [...this.#timers].sort((a, b) => a.due - b.due)[0];
      if (!next || next.due > end) break;
      this.#now = Math.max(this.#now, next.due);
      this.#timers.delete(next);
      next.callback();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
