/** Workers that do nothing by themselves: a test gives their rows, ends them and breaks them. */

import type { TaskRunner } from "../../runs/run.ts";
import type { TaskError, TaskOutcome } from "../../runs/running_task.ts";
import { settle } from "../storage/spool/fake_spool.ts";

/** A task in the hands of a worker that a test moves. */
export interface FakeTask {
  /** Gives as many bytes, as the worker would if it was let; they are asked for in pieces of 64 KiB. */
  give(bytes: number): void;
  /** Shows a sign of life without a byte. */
  beat(): void;
  /** Finds a worker, where it had to wait for one. */
  begin(): void;
  /** Has given all. */
  end(): void;
  /** Dies. */
  fail(error: TaskError): void;
  /** Bytes that were taken from it. */
  readonly taken: number;
  /** Whether it was cancelled. */
  readonly cancelled: boolean;
}

/** Bytes of a piece, as they come through a pipe. */
export const PIECE_BYTES = 64 * 1024;

/** A runner of such tasks, which may have to wait, and the tasks in the order in which they were started. */
export function fakeRunner(
  { waiting = false } = {},
): TaskRunner & { readonly tasks: readonly FakeTask[] } {
  const tasks: FakeTask[] = [];
  return {
    tasks,
    contended: false,
    onContended: () => () => {},
    start: () => {
      const { promise: ended, resolve } = Promise.withResolvers<TaskOutcome>();
      let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
      let asked: (() => void) | undefined;
      let heard = 0;
      let given = 0;
      let taken = 0;
      let over = false;
      let cancelled = false;
      let waits = waiting;
      const chunks = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (itself) => {
          controller = itself;
        },
        pull: async () => {
          while (taken === given && !over) await new Promise<void>((resolve) => asked = resolve);
          const bytes = Math.min(PIECE_BYTES, given - taken);
          taken += bytes;
          if (bytes > 0) controller.enqueue(new Uint8Array(bytes));
          else if (!cancelled) controller.close();
        },
        cancel: () => {
          over = cancelled = true;
          resolve({ state: "cancelled" });
        },
      }, { highWaterMark: 0 });
      tasks.push({
        give: (bytes) => {
          heard++;
          given += bytes;
          asked?.();
        },
        beat: () => {
          heard++;
        },
        begin: () => {
          waits = false;
        },
        end: () => {
          over = true;
          asked?.();
          resolve({ state: "complete", end: { rows: 7, warnings: [] } });
        },
        fail: (error) => {
          controller.error(error);
          resolve({ state: "failed", error });
        },
        get taken() {
          return taken;
        },
        get cancelled() {
          return cancelled;
        },
      });
      return {
        chunks,
        ended,
        rows: 7,
        get waiting() {
          return waits;
        },
        get heard() {
          return heard;
        },
      };
    },
  };
}

/** Reads a stream as a client does that is let read only so much. */
export function slowReader(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  let bytes = 0;
  return {
    /** Bytes that it has. */
    get bytes() {
      return bytes;
    },
    /** Reads at least so many bytes, or to the end. */
    async read(count: number): Promise<void> {
      for (const enough = bytes + count; bytes < enough;) {
        const { done, value } = await reader.read();
        if (done) return;
        bytes += value.length;
      }
      await settle();
    },
    leave: () => reader.cancel(),
    /** Rejects when the stream breaks. */
    closed: reader.closed,
  };
}
