/** Why a run was refused a slot. */

import type { Resource } from "./pressure.ts";

/** A run was refused a slot. */
export class AdmissionError extends Error {
  override readonly name = "AdmissionError";
  /** Why. */
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(REFUSALS[reason]);
    this.reason = reason;
  }
}

/**
 * Why a run is refused: its tenant or its client has as many as it may; every slot is taken, and the queue is
 * full or was waited in for too long; the server is about to stop; something is short.
 */
export type RefusalReason = "tenant" | "address" | "full" | "timeout" | "draining" | Resource;

const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  tenant: "The tenant has as many runs as it may",
  address: "The client has as many runs as it may",
  full: "Every slot is taken",
  timeout: "No slot was free in time",
  draining: "The server is stopping",
  memory: "The server is short of memory",
  descriptors: "The server is short of descriptors",
  disk: "The server is short of disk",
};
