/**
 * The audit log: who had what, and who was refused it. What cannot be written waits and is written later; until
 * it is, the log is `failing`, and the server refuses what it could not write down.
 */

import { setTimeout } from "node:timers/promises";
import { createLogWriter, type LogSink } from "./log_writer.ts";

/** Milliseconds between two tries to write. */
const RETRY_MS = 1_000;

/** Called with what becomes of the audit log, for the other log. */
export interface AuditEvents {
  /** It cannot be written, and why; called once until it can be. */
  readonly onFailure: (error: unknown) => void;
  /** It can be written again. */
  readonly onRecovery: () => void;
  /** So many lines are missing in it. */
  readonly onMissing: (lines: number) => void;
}

/** What may be set besides. */
export interface AuditLogOptions extends AuditEvents {
  /** Waits before the next try. @default a second */
  readonly wait?: () => Promise<unknown>;
  /** Bytes of lines that may wait. @default 1 MiB */
  readonly maxWaitingBytes?: number;
}

/** A log of which no line may be missing. */
export interface AuditLog {
  /** Whether lines wait that cannot be written, or are missing as there was no room for more. */
  readonly failing: boolean;
  /** Lines that are missing. */
  readonly missing: number;
  /**
   * Takes a line, without its end.
   *
   * @param refusal whether it tells of what was not given: those make room for the others while it fails
   */
  write(line: string, refusal?: boolean): void;
  /** Resolves when every line is written, which may be never. */
  flush(): Promise<void>;
}

/** Makes the log of a sink. */
export function createAuditLog(sink: LogSink, options: AuditLogOptions): AuditLog {
  const { onFailure, onRecovery, onMissing, maxWaitingBytes } = options;
  const { wait = () => setTimeout(RETRY_MS) } = options;
  let broken = false;
  /** Lines that were dropped for want of room, as far as that was reported. */
  let reported = 0;
  /** Refusals that were left out; how many since that was reported. */
  let skipped = 0;
  let unreported = 0;

  const persistent: LogSink = {
    async write(bytes) {
      for (;;) {
        try {
          const count = await sink.write(bytes);
          if (broken) recover();
          return count;
        } catch (error) {
          if (!broken) onFailure(error);
          broken = true;
          await wait();
        }
      }
    },
  };
  const writer = createLogWriter(persistent, report, maxWaitingBytes);

  function recover(): void {
    broken = false;
    onRecovery();
    report(0);
  }

  /** Says how many lines are missing, now that others are written. */
  function report(dropped: number): void {
    const lines = dropped + unreported;
    reported += dropped;
    unreported = 0;
    if (lines > 0) onMissing(lines);
  }

  const log: AuditLog = {
    get failing() {
      return broken || writer.dropped > reported;
    },
    get missing() {
      return writer.dropped + skipped;
    },
    write(line, refusal = false) {
      if (!refusal || !log.failing) return writer.write(line);
      skipped++;
      unreported++;
    },
    flush: () => writer.flush(),
  };
  return log;
}
