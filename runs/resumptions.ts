/** Downloads that wait for clients whose connections broke. */

import { settlesWithin } from "../storage/settles_within.ts";
import type { Delivery } from "../storage/spool/spill_buffer.ts";
import type { Store } from "../storage/store.ts";
import {
  isRest,
  type ResumableDependencies,
  ResumableDownload,
  type ResumableOptions,
} from "./resumable_download.ts";
import { InterruptedError } from "./run_problem.ts";

/** Downloads that wait at most, besides those that are being sent: each takes some KB of memory. */
const MAX_WAITING = 1_000;

/** What stands between a run and its client. */
export interface Outlet {
  /** What the client reads. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Resolves to what became of the file for its client, once its run has given everything; never rejects. */
  delivered(sha256: string | undefined): Promise<Delivery>;
  /** Ends it, whatever still waits. */
  abort(reason: unknown): void;
}

/** Downloads by their runs' ids. */
export interface Resumptions {
  /** Stands between a run that begins and its client. */
  open(source: ReadableStream<Uint8Array<ArrayBuffer>>, options: ResumableOptions): Outlet;
  /**
   * The download that a request goes on with: the one of the id, or without an id the one of such a request
   * whose client has left; of several it would not be known which, and so it is none.
   *
   * @param milliseconds to wait for the only one of such a request to lose its client, where there is no id: a
   * client may know sooner than its server that their connection broke
   */
  find(
    key: string,
    id: string | undefined,
    milliseconds: number,
  ): Promise<ResumableDownload | undefined>;
  /** Ends all that wait, as the server ends. */
  close(): void;
}

/** What they are kept with. */
export interface ResumptionsDependencies extends ResumableDependencies {
  /** Where the rest of a file is, and what the process before left of its own. */
  readonly store: ResumableDependencies["store"] & Required<Pick<Store, "list">>;
  /** Downloads that wait at most. @default 1,000 */
  readonly maxWaiting?: number;
}

/** Makes the access to downloads that wait; what the process before kept of its own is removed. */
export async function createResumptions(
  dependencies: ResumptionsDependencies,
): Promise<Resumptions> {
  const { store, clock, maxWaiting = MAX_WAITING } = dependencies;
  const downloads = new Map<string, ResumableDownload>();
  for (const { key } of await store.list()) if (isRest(key)) await store.delete(key);

  /** Ends those that wait for the longest time. */
  function bound(): void {
    let excess = downloads.size - maxWaiting;
    if (excess <= 0) return;
    for (const download of downloads.values()) {
      if (download.sending) continue;
      download.abort(new Error("Too many downloads wait for their clients"));
      if (--excess <= 0) return;
    }
  }

  return {
    open(source, options) {
      const { id } = options;
      const download = new ResumableDownload(
        source,
        dependencies,
        options,
        () => downloads.delete(id),
      );
      downloads.set(id, download);
      bound();
      return download;
    },
    async find(key, id, milliseconds) {
      if (id !== undefined) {
        const download = downloads.get(id);
        return download?.key === key ? download : undefined;
      }
      const all = [...downloads.values().filter((one) => one.key === key)];
      const [download, ...others] = all.length > 1 ? all.filter(({ sending }) => !sending) : all;
      if (!download || others.length > 0) return undefined;
      return await settlesWithin(download.sent, milliseconds, clock) ? download : undefined;
    },
    close() {
      for (const download of downloads.values()) {
        if (!download.sending) download.abort(new InterruptedError());
      }
    },
  };
}
