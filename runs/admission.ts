/** Admission: who may run now, who waits for that, and what those that have done it may keep. */

import { type Clock, systemClock } from "../storage/clock.ts";
import { AdmissionError, type RefusalReason } from "./admission_error.ts";
import { FairQueue } from "./fair_queue.ts";
import type { MemoryGuard } from "./memory_guard.ts";
import { type Pressure, type Resource, STEPS } from "./pressure.ts";
import { SlotPace } from "./slot_pace.ts";
import { UnitLimit } from "./unit_limit.ts";

/**
 * Bytes in memory that all runs may keep whose source has ended, until their clients have taken them. A run
 * keeps at most 1.75 MiB, so that 36 may before others have to go to the disk.
 */
export const ENDED_BYTES = 64 * 1024 * 1024;

/**
 * The part of the longest wait that a run may be expected to wait. Half of it is left for what is not expected,
 * such as another tenant that comes and has its share.
 */
const EXPECTED_PART = 1 / 2;

/** How many runs are admitted, besides those that have slots. */
export interface AdmissionLimits {
  /** Units that runs of one tenant may take, those that wait included. @default as many as there are */
  readonly perTenant?: number | undefined;
  /** Units that runs of one client may take, those that wait included. @default as many as there are */
  readonly perAddress?: number | undefined;
  /** Runs that may wait for a slot. @default none */
  readonly queue?: number;
  /** Milliseconds for which one may. @default 5,000 */
  readonly queueTimeout?: number;
}

/** How runs are admitted. */
export interface AdmissionOptions extends AdmissionLimits {
  /** Bytes in memory that those may keep whose source has ended. @default {@linkcode ENDED_BYTES} */
  readonly endedBytes?: number;
  /** Counts runs that begin. @default they are not counted */
  readonly memory?: MemoryGuard;
  /** Says what to shed. @default nothing is */
  readonly pressure?: Pick<Pressure, "highest">;
  /** The time. @default the system's */
  readonly clock?: Clock;
}

/** A run that asks for a slot. */
export interface SlotRequest {
  /** Units that it takes. @default 1 */
  readonly weight?: number;
  /** Whose share of the slots it takes. @default the server's own */
  readonly share?: string;
  /** Its tenant, which may have so many. @default none, and no such limit */
  readonly tenant?: string | undefined;
  /** What its client is told from others by, which may have so many. @default none, and no such limit */
  readonly address?: string | undefined;
  /** Aborted by a caller that does not wait any more. */
  readonly signal?: AbortSignal | undefined;
}

/** A run's right to work. */
export interface Slot {
  /** Milliseconds that it was waited for. */
  readonly waited: number;
  /**
   * Gives the slot back for memory, as the run's source has ended and what remains is bytes that its
   * client has not taken: at once where there is memory for so many, else as soon as others have given
   * theirs back. Called once.
   *
   * @returns whether it was at once
   */
  exchange(bytes: number): boolean;
  /** Gives back whatever is held, slot or memory; does nothing the second time. */
  release(): void;
}

/** A run that waits for memory in exchange for its slot. */
interface Exchange {
  readonly bytes: number;
  readonly grant: () => void;
}

/** A run that waits for a slot. */
interface Waiting {
  readonly request: SlotRequest;
  readonly grant: () => void;
  readonly refuse: (reason: RefusalReason) => void;
}

/** The slots of a server, which are counted in units: a run takes as many as it weighs. */
export class Admission {
  #slots = 0;
  readonly #maxEndedBytes: number;
  #queueTimeout = 0;
  readonly #memory: MemoryGuard | undefined;
  readonly #pressure: Pick<Pressure, "highest"> | undefined;
  readonly #clock: Clock;
  readonly #queue = new FairQueue<Waiting>();
  readonly #pace = new SlotPace();
  readonly #tenants = new UnitLimit();
  readonly #addresses = new UnitLimit();
  readonly #refused = {
    tenant: 0,
    address: 0,
    full: 0,
    timeout: 0,
    draining: 0,
    memory: 0,
    descriptors: 0,
    disk: 0,
  };
  readonly #waited = { runs: 0, milliseconds: 0 };
  readonly #listeners = new Set<() => void>();
  /** Runs that wait for memory, the longest first. */
  readonly #exchanges = new Set<Exchange>();
  #taken = 0;
  #units = 0;
  #endedBytes = 0;
  #closed = false;
  #emptied: (() => void) | undefined;

  /**
   * Makes free slots. A run begins while less than all of their units are taken, so that one that weighs more
   * than what is left begins too: it would wait for longer than lighter ones otherwise, or for ever.
   *
   * @param slots units that runs may take at once
   */
  constructor(slots: number, options: AdmissionOptions = {}) {
    this.#maxEndedBytes = options.endedBytes ?? ENDED_BYTES;
    this.#memory = options.memory;
    this.#pressure = options.pressure;
    this.#clock = options.clock ?? systemClock;
    this.configure(slots, options);
  }

  /** Sets slots and limits; runs that have a slot or wait for one keep what they have. */
  configure(slots: number, limits: AdmissionLimits): void {
    const { queue = 0, queueTimeout = 5_000 } = limits;
    const { perTenant = Infinity, perAddress = Infinity } = limits;
    this.#slots = slots;
    this.#queueTimeout = queueTimeout;
    this.#queue.maxLength = queue;
    this.#pace.window = queueTimeout;
    this.#tenants.max = perTenant;
    this.#addresses.max = perAddress;
    this.#dispatch();
  }

  /** Runs that have a slot. */
  get taken(): number {
    return this.#taken;
  }

  /** Units that they take. */
  get units(): number {
    return this.#units;
  }

  /** Runs that wait for a slot. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Runs that got a slot after they had waited for one, and how long they did in all. */
  get waited(): { readonly runs: number; readonly milliseconds: number } {
    return this.#waited;
  }

  /** Bytes that runs without a slot keep in memory. */
  get endedBytes(): number {
    return this.#endedBytes;
  }

  /** Whether a run would get a slot, now or later, and why not. */
  get state(): "ready" | "full" | "draining" {
    if (this.#closed) return "draining";
    return this.contended && this.#queue.full ? "full" : "ready";
  }

  /** How many runs were refused, by reason. */
  get refused(): Readonly<Record<RefusalReason, number>> {
    return this.#refused;
  }

  /** Whether runs wait for a slot, or would have to. */
  get contended(): boolean {
    return this.#units >= this.#slots;
  }

  /** Has a listener called each time that slots become contended; what it returns takes that back. */
  onContended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes a slot, or waits for one in the queue.
   *
   * @throws {AdmissionError} when there is none, when others are to have it, or when something is short
   */
  async acquire(request: SlotRequest = {}): Promise<Slot> {
    request.signal?.throwIfAborted();
    const reason = this.#refusalOf(request);
    if (reason) throw this.#refuse(reason);
    const stopCounting = this.#count(request);
    return this.contended
      ? await this.#wait(request, stopCounting)
      : this.#grant(request, stopCounting, 0);
  }

  /** Lets no run in any more, those that wait included, and resolves when none has a slot. */
  async drain(): Promise<void> {
    this.#closed = true;
    for (let next = this.#queue.next(); next; next = this.#queue.next()) next.refuse("draining");
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#emptied = resolve);
  }

  /** Why a run may not even wait. */
  #refusalOf(request: SlotRequest): RefusalReason | undefined {
    if (this.#closed) return "draining";
    if (this.#tenants.isFull(request.tenant)) return "tenant";
    if (this.#addresses.isFull(request.address)) return "address";
    return this.#shed(request, this.contended) ?? (this.#isTooFar(request) ? "full" : undefined);
  }

  /**
   * Whether a run is expected to wait for too long: it is refused now, and not when it has waited. Of each share
   * one may wait, whatever is expected, so that no slot that is freed stays free.
   */
  #isTooFar({ share = "" }: SlotRequest): boolean {
    const position = this.#queue.position(share);
    const expected = this.#pace.expect(position, this.#clock.now());
    return expected > this.#queueTimeout * EXPECTED_PART;
  }

  /** What is too short for a run, if anything is. */
  #shed({ weight = 1 }: SlotRequest, waits: boolean): Resource | undefined {
    const { step = STEPS.none, resource } = this.#pressure?.highest ?? {};
    const shed = step >= (weight > 1 ? STEPS.heavy : STEPS.all) || (waits && step >= STEPS.queue);
    return shed ? resource : undefined;
  }

  /** Counts a run for its tenant and its client, from when it waits until it has no slot any more. */
  #count({ weight = 1, tenant, address }: SlotRequest): () => void {
    this.#tenants.add(tenant, weight);
    this.#addresses.add(address, weight);
    return () => {
      this.#tenants.add(tenant, -weight);
      this.#addresses.add(address, -weight);
    };
  }

  #wait(request: SlotRequest, stopCounting: () => void): Promise<Slot> {
    const { share = "", signal } = request;
    const { promise, resolve, reject } = Promise.withResolvers<Slot>();
    const since = this.#clock.now();
    const end = () => {
      stopTimer();
      signal?.removeEventListener("abort", abort);
    };
    const fail = (error: unknown) => {
      end();
      stopCounting();
      reject(error);
    };
    const waiting: Waiting = {
      request,
      grant: () => {
        end();
        const waited = this.#clock.now() - since;
        this.#waited.runs++;
        this.#waited.milliseconds += waited;
        resolve(this.#grant(request, stopCounting, waited));
      },
      refuse: (reason) => fail(this.#refuse(reason)),
    };
    const abort = () => {
      this.#queue.delete(share, waiting);
      fail(signal!.reason);
    };
    const stopTimer = this.#clock.after(this.#queueTimeout, () => {
      this.#queue.delete(share, waiting);
      waiting.refuse("timeout");
    });
    signal?.addEventListener("abort", abort);
    this.#queue.add(share, waiting)?.refuse("full");
    return promise;
  }

  #grant({ weight = 1, share = "" }: SlotRequest, stopCounting: () => void, waited: number): Slot {
    const stopMemory = this.#memory?.begin();
    const stopHolding = this.#queue.hold(share, weight);
    const freeSlot = () => {
      this.#taken--;
      this.#units -= weight;
      stopHolding();
      stopCounting();
      this.#pace.free(this.#clock.now());
      this.#dispatch();
      if (this.#taken === 0) this.#emptied?.();
    };
    this.#taken++;
    this.#units += weight;
    this.#pace.take(this.#clock.now());
    if (this.contended) this.#listeners.forEach((listener) => listener());
    let held: "slot" | "memory" | "nothing" = "slot";
    let exchange: Exchange | undefined;
    return {
      waited,
      exchange: (bytes) => {
        exchange = {
          bytes,
          grant: () => {
            held = "memory";
            freeSlot();
          },
        };
        this.#exchanges.add(exchange);
        this.#grantMemory();
        return held === "memory";
      },
      release: () => {
        stopMemory?.();
        if (held === "memory") this.#endedBytes -= exchange!.bytes;
        if (exchange) this.#exchanges.delete(exchange);
        const hadSlot = held === "slot";
        held = "nothing";
        if (hadSlot) freeSlot();
        this.#grantMemory();
      },
    };
  }

  /** Gives slots to those that wait, as long as there are some; one that is shed by now is refused. */
  #dispatch(): void {
    while (!this.contended) {
      const next = this.#queue.next();
      if (!next) return;
      const resource = this.#shed(next.request, false);
      if (resource) next.refuse(resource);
      else next.grant();
    }
  }

  /** Gives memory to those that wait for it and need no more than there is. */
  #grantMemory(): void {
    for (const exchange of this.#exchanges) {
      if (this.#endedBytes + exchange.bytes > this.#maxEndedBytes) continue;
      this.#exchanges.delete(exchange);
      this.#endedBytes += exchange.bytes;
      exchange.grant();
    }
  }

  #refuse(reason: RefusalReason): AdmissionError {
    this.#refused[reason]++;
    return new AdmissionError(reason);
  }
}
