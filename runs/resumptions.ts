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

/** Downloads that wait at most: each takes some KB of memory. */
const MAX_WAITING = 1_000;

/** Files that were sent, and of which the end is kept, at most: each takes up to 28 MiB and 8 descriptors. */
const MAX_SPARE = 16;

/** Requests that are remembered of those whose file a client may have a part of that is gone. */
const MAX_UNDELIVERED = 10_000;

/** What stands between a run and its client. */
export interface Outlet {
  /** What the client reads. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Resolves to what became of the file for its client, once its run has given everything; never rejects. */
  delivered(sha256: string | undefined): Promise<Delivery>;
  /** Ends it, whatever still waits. */
  abort(reason: unknown): void;
}

/** What a client has of a file. */
export interface ClientPart {
  /** The key of its request. */
  readonly key: string;
  /** The run that the file is of, where the client names it. */
  readonly id?: string | undefined;
  /** Bytes that it has. */
  readonly bytes: number;
}

/** Downloads by their runs' ids. */
export interface Resumptions {
  /** Stands between a run that begins and its client. */
  open(source: ReadableStream<Uint8Array<ArrayBuffer>>, options: ResumableOptions): Outlet;
  /**
   * The download that a client goes on with. One that does not name the run (curl does not) gets the only one of
   * its request, and that only where its part can be of no other: no other run of this request was sent in part
   * and is gone, and it was not begun for a client that asked for the rest of one.
   *
   * @param milliseconds to wait for the client of that one to leave: it may know sooner than its server that their
   * connection broke
   */
  find(part: ClientPart, milliseconds: number): Promise<ResumableDownload | undefined>;
  /** Gives disk back that others have more use for: what is kept beside downloads, or is of use no more; whether there was any. */
  reclaim(): boolean;
  /** Ends all that wait for their clients, and has none wait from now on, as the server ends. */
  close(): void;
}

/** What they are kept with. */
export interface ResumptionsDependencies extends ResumableDependencies {
  /** Where the rest of a file is, and what the process before left of its own. */
  readonly store: ResumableDependencies["store"] & Required<Pick<Store, "list">>;
  /** Downloads that wait at most. @default 1,000 */
  readonly maxWaiting?: number;
  /** Files that were sent, and of which the end is kept, at most. @default 16 */
  readonly maxSpare?: number;
}

/** Makes the access to downloads that wait; what the process before kept of its own is removed. */
export async function createResumptions(
  dependencies: ResumptionsDependencies,
): Promise<Resumptions> {
  const { store, clock, maxWaiting = MAX_WAITING, maxSpare = MAX_SPARE } = dependencies;
  const downloads = new Map<string, ResumableDownload>();
  /** The keys of requests of which a client may have a part of a file that is gone. */
  const undelivered = new Set<string>();
  for (const { key } of await store.list()) if (isRest(key)) await store.delete(key);

  function onOver({ options: { id, key } }: ResumableDownload, { state }: Delivery): void {
    downloads.delete(id);
    if (state === "complete") return;
    undelivered.delete(key);
    undelivered.add(key);
    const [oldest] = undelivered;
    if (undelivered.size > MAX_UNDELIVERED) undelivered.delete(oldest!);
  }

  /** Has it be the last to go, and others go where there are too many. */
  function bound(download: ResumableDownload): void {
    const { id } = download.options;
    if (!downloads.delete(id)) return;
    downloads.set(id, download);
    const spare = [...downloads.values()].filter(({ isSpare }) => isSpare);
    for (const one of spare.slice(0, -maxSpare)) one.abort(new InterruptedError());
    const waiting = [...downloads.values()].filter(({ waits }) => waits);
    if (waiting.length <= maxWaiting) return;
    const tenants = Map.groupBy(waiting, ({ options }) => options.tenant);
    const [most] = [...tenants.values()].toSorted((one, other) => other.length - one.length);
    most![0]!.abort(new Error("Too many downloads wait for their clients"));
  }

  return {
    open(source, options) {
      const download = new ResumableDownload(
        source,
        dependencies,
        options,
        (delivery) => onOver(download, delivery),
      );
      downloads.set(options.id, download);
      void download.sent.then(() => bound(download));
      return download;
    },
    async find({ key, id, bytes }, milliseconds) {
      if (id !== undefined) {
        const download = downloads.get(id);
        return download?.options.key === key && download.follows(bytes) ? download : undefined;
      }
      const [download, ...others] = downloads.values().filter(({ options }) => options.key === key);
      if (!download || others.length > 0 || bytes === 0) return undefined;
      if (undelivered.has(key) || download.options.instead) return undefined;
      if (download.phase === "sending") {
        await settlesWithin(download.sent, milliseconds, clock);
        // One that its client has got in the meantime is another client's.
        if (download.phase === "sending" || download.phase === "sent") return undefined;
      }
      return download.follows(bytes) ? download : undefined;
    },
    reclaim() {
      const kept = [...downloads.values()];
      const [spare] = kept.filter(({ isSpare }) => isSpare);
      if (spare) spare.abort(new InterruptedError());
      else {
        const tailed = kept.find(({ phase, tailBytes }) => phase === "sending" && tailBytes > 0);
        if (!tailed) return false;
        tailed.forget();
      }
      return true;
    },
    close() {
      for (const download of downloads.values()) {
        if (download.waits) download.abort(new InterruptedError());
        else download.forget();
      }
    },
  };
}
