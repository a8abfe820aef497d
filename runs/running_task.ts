/** A task in the hands of a worker: frames go in, a stream of chunks and an outcome come out. */

import {
  FRAME,
  type FramePiece,
  type TaskEnd,
  type TaskFailure,
  type TaskOpened,
  type TaskProgress,
  type TaskTimes,
} from "./protocol.ts";

/** Credit is given in steps of this part of a task's window, so that not every piece costs a command. */
const CREDIT_STEPS = 4;

/** A task that the worker could not run, or a worker that died of it. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  /** Which side is at fault. */
  readonly kind: TaskFailure["kind"];
  /** The params whose values the source refused, by name. */
  readonly params: readonly string[];
  /** What is wrong with the upload, where that is what failed. */
  readonly upload: TaskFailure["upload"];
  /** What the source itself said; absent where it said nothing but the message. */
  readonly reason: string | undefined;
  /** Causes and stack of the worker's side, for the log alone. */
  readonly detail: string;

  /** Takes the worker's words. */
  constructor(failure: Omit<TaskFailure, "rows">) {
    super(failure.message);
    this.kind = failure.kind;
    this.params = failure.params ?? [];
    this.upload = failure.upload;
    this.reason = failure.reason;
    this.detail = failure.detail;
  }
}

/** When a task came how far, by `performance.now()`. */
export interface TaskSteps {
  /** A worker had it. */
  readonly begun?: number | undefined;
  /** Its queries ran. */
  readonly opened?: number | undefined;
  /** The first rows of each were there. */
  readonly firstRow?: number | undefined;
}

/** What has a task in its hands: a worker, or a queue of tasks that wait for one. */
export interface TaskHolder {
  /** Lets the task send so many bytes more. */
  addCredit(bytes: number): void;
  /** Makes the task end, by force if it must. */
  cancel(): void;
}

/** How a task ended. */
export type TaskOutcome =
  | { readonly state: "complete"; readonly end: TaskEnd }
  | { readonly state: "cancelled" }
  | { readonly state: "failed"; readonly error: TaskError };

/** One task, from the server's side. */
export class RunningTask {
  /**
   * The file, read from the source only as it is pulled. Cancelling it cancels the task and waits until
   * the worker has let go; a failure errors it at once, with a {@linkcode TaskError}.
   */
  readonly chunks: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Resolves once the worker has let go of everything, or is dead; never rejects. */
  readonly ended: Promise<TaskOutcome>;

  readonly #settle: (outcome: TaskOutcome) => void;
  readonly #decoder = new TextDecoder();
  #holder: TaskHolder;
  #creditStep = Infinity;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #wake: (() => void) | undefined;
  #outcome: TaskOutcome | undefined;
  #consumed = 0;
  #waiting = true;
  #heard = performance.now();
  #answered = false;
  #json = "";
  #rows = 0;
  #truncated: readonly string[] = [];
  #times: TaskTimes | undefined;
  #steps: TaskSteps = {};
  #received = 0;
  #mayBlock: boolean | undefined;

  /** Begins in the hands of a queue. */
  constructor(queue: TaskHolder) {
    this.#holder = queue;
    const { promise, resolve } = Promise.withResolvers<TaskOutcome>();
    this.ended = promise;
    this.#settle = resolve;
    this.chunks = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: async () => {
        this.#pieces = [];
        if (!this.#outcome) this.#holder.cancel();
        this.#wake?.();
        await this.ended;
      },
    }, { highWaterMark: 0 });
  }

  /** Passes to a worker, which may send `window` bytes before it is given more credit. */
  handTo(worker: TaskHolder, window: number): void {
    this.#holder = worker;
    this.#creditStep = window / CREDIT_STEPS;
    this.#consumed = 0;
    this.#waiting = false;
    this.#heard = performance.now();
    this.#steps = { begun: this.#heard };
    this.#answered = false;
  }

  /** Goes back to a queue: the worker has not run it. */
  handBack(queue: TaskHolder): void {
    this.#holder = queue;
    this.#creditStep = Infinity;
    this.#waiting = true;
  }

  /** Whether it waits for a worker. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Whether its worker has said anything of it. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Whether it may hold its worker's thread; absent while that is not known. */
  get mayBlock(): boolean | undefined {
    return this.#mayBlock;
  }

  /** When the worker last gave a sign of life, or was first asked for one; of `performance.now()`. */
  get heard(): number {
    return this.#heard;
  }

  /** Bytes of the file that the worker has sent, read or not. */
  get received(): number {
    return this.#received;
  }

  /** Rows that the source is known to have given. */
  get rows(): number {
    return this.#rows;
  }

  /** The exports that are known to end before their rows do. */
  get truncated(): readonly string[] {
    return this.#truncated;
  }

  /** What it waited for in its worker; known once the worker has said its last word. */
  get times(): TaskTimes | undefined {
    return this.#times;
  }

  /** When it came how far. */
  get steps(): TaskSteps {
    return this.#steps;
  }

  /** Takes a frame's piece; the outcome, where that was the worker's last word on the task. */
  accept({ type, data, last }: FramePiece): TaskOutcome | undefined {
    this.#heard = performance.now();
    this.#answered = true;
    if (type === FRAME.chunk) {
      // A buffer of its own is freed once it is sent; the pipe's is used again.
      this.#pieces.push(data.slice());
      this.#received += data.length;
      this.#wake?.();
      return;
    }
    this.#json += this.#decoder.decode(data, { stream: !last });
    if (!last) return;
    const json = this.#json;
    this.#json = "";
    switch (type) {
      case FRAME.progress:
        this.#take(JSON.parse(json));
        return;
      case FRAME.opened: {
        const opened: TaskOpened = JSON.parse(json);
        this.#mayBlock = opened.mayBlock;
        const firstRow = this.#heard;
        this.#steps = { ...this.#steps, opened: firstRow - opened.firstRow, firstRow };
        return;
      }
      case FRAME.end: {
        const end: TaskEnd = JSON.parse(json);
        this.#take(end);
        this.#mayBlock = end.mayBlock ?? this.#mayBlock;
        return { state: "complete", end };
      }
      case FRAME.failure: {
        const failure: TaskFailure = JSON.parse(json);
        this.#take(failure);
        return { state: "failed", error: new TaskError(failure) };
      }
      case FRAME.cancelled:
        this.#take(JSON.parse(json));
        return { state: "cancelled" };
    }
  }

  #take({ rows, truncated = this.#truncated, times }: TaskProgress): void {
    this.#rows = rows;
    this.#truncated = truncated;
    this.#times = times;
  }

  /** Ends it. */
  finish(outcome: TaskOutcome): void {
    this.#outcome = outcome;
    // What waits to be read of a file that broke is worth nothing: its reader must learn so at once.
    if (outcome.state === "failed") this.#controller.error(outcome.error);
    this.#wake?.();
    this.#settle(outcome);
  }

  async #pull(): Promise<void> {
    if (this.#pieces.length === 0 && !this.#outcome) {
      this.#heard = performance.now();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const piece = this.#pieces.shift();
    if (piece) {
      this.#controller.enqueue(piece);
      this.#consumed += piece.length;
      if (this.#consumed < this.#creditStep || this.#outcome) return;
      this.#holder.addCredit(this.#consumed);
      this.#consumed = 0;
    } else if (this.#outcome?.state === "complete") {
      this.#controller.close();
    }
  }
}
