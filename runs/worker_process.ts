/** A worker process: started, handed tasks, ended. */

import { nextTick } from "node:process";
import {
  type Command,
  commandLine,
  createFrameReader,
  FRAME,
  type FramePiece,
  NO_TASK,
  type RunTask,
  type WorkerHealth,
} from "./protocol.ts";
import { type RunningTask, TaskError, type TaskOutcome } from "./running_task.ts";

/**
 * Milliseconds that a worker has to hear of a cancel. One that sits in a native call (SQLite sorting)
 * cannot, and is killed.
 */
const CANCEL_GRACE_MS = 250;

/**
 * The same where other tasks share the worker, as it would take them along: those that share one hold
 * its thread for milliseconds, so that one which hears nothing for so long is broken.
 */
const SHARED_GRACE_MS = 5000;

/**
 * Milliseconds that a worker which has heard of it has to let go: a query is taken back over another
 * connection, which over TLS and a slow network takes some round trips.
 */
const STOPPING_MS = 2000;

/** A task, and what becomes of it in a worker. */
export interface Assignment {
  /** What to run. */
  readonly task: RunTask;
  /** The run's id. */
  readonly run: string;
  /** The task from the server's side. */
  readonly running: RunningTask;
  /** Bytes that the worker may be ahead of the task's reader. */
  readonly window: number;
  /** Whether the worker has no other task meanwhile. */
  readonly exclusive: boolean;
}

/** The owner of a worker, which it calls when something happens. */
export interface WorkerOwner {
  /** Something changed that may let another task begin; with a task, more is known of that. */
  onChange(assignment?: Assignment): void;
  /** A task was not run, as the worker declined it, or died before it had looked at it. */
  onReturned(assignment: Assignment, why: "declined" | "died"): void;
}

/** A task in the hands of a worker. */
interface Held {
  readonly assignment: Assignment;
  state: "running" | "cancelling";
  grace?: ReturnType<typeof setTimeout>;
}

/** What a pipe holds, which is what a read can give at most. */
const PIPE_BYTES = 64 * 1024;

const NOT_USED: WorkerHealth = { heap: 0, maxHeap: Infinity, rss: 0 };

/** A worker process. */
export class WorkerProcess {
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<void>;
  /** Resolves to whether it came up; never rejects. */
  readonly ready: Promise<boolean>;

  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #owner: WorkerOwner;
  readonly #tasks = new Map<number, Held>();
  readonly #setReady: (up: boolean) => void;
  #nextTask = NO_TASK;
  #state: "open" | "retiring" | "killed" | "gone" = "open";
  #used = false;
  #up = false;
  #idleCores = 0;
  #idleSince = performance.now();
  #health = NOT_USED;
  #healthText = "";
  #unsent = "";

  /** Starts a process; `command` must speak the protocol on its standard input and output. */
  constructor(command: Deno.Command, owner: WorkerOwner) {
    this.#owner = owner;
    this.#child = command.spawn();
    this.#input = this.#child.stdin.getWriter();
    ({ promise: this.ready, resolve: this.#setReady } = Promise.withResolvers<boolean>());
    this.exited = this.#run();
  }

  /** Whether it can be handed a task. */
  get usable(): boolean {
    return this.#state === "open";
  }

  /** Whether it came up. */
  get up(): boolean {
    return this.#up;
  }

  /** How many tasks it has in hand. */
  get tasks(): number {
    return this.#tasks.size;
  }

  /** Whether it has a task that no other may join. */
  get exclusive(): boolean {
    const [first] = this.#tasks.values();
    return first?.assignment.exclusive ?? false;
  }

  /** Whether it was ever handed a task. */
  get used(): boolean {
    return this.#used;
  }

  /** When it last had a task, or was started; of `performance.now()`. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** How much memory it has in use, as it said last. */
  get health(): WorkerHealth {
    return this.#health;
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Hands it a task; it must be usable. */
  start(assignment: Assignment): void {
    if (!this.usable) throw new Error("Cannot start a task: the worker is gone");
    const task = ++this.#nextTask;
    this.#tasks.set(task, { assignment, state: "running" });
    this.#used = true;
    assignment.running.handTo({
      addCredit: (bytes) => this.#send({ credit: bytes, task }),
      cancel: () => this.#cancel(task),
    }, assignment.window);
    if (this.#up) this.#begin(task, assignment);
  }

  #begin(task: number, { task: start, run, window: credit, exclusive }: Assignment): void {
    this.#send({ start, task, run, credit, exclusive });
  }

  /** Tells it how many cores its tasks may use besides its own. */
  allow(idleCores: number): void {
    if (idleCores === this.#idleCores) return;
    this.#idleCores = idleCores;
    if (this.#up) this.#send({ idle: idleCores });
  }

  /** Gives it no task any more; it ends when it has none. One that was never used ends at once. */
  retire(): void {
    if (this.#state !== "open") return;
    this.#state = "retiring";
    // It may be starting yet, which takes a second on a busy machine.
    if (!this.#used) this.kill();
    else if (this.#tasks.size === 0) this.#closeInput();
  }

  /** Ends it at once, whatever it is doing. */
  kill(): void {
    if (this.#state === "gone") return;
    this.#state = "killed";
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It is gone already, which its exit tells.
    }
  }

  /** Says it at the end of this turn, as a write costs as much as a small task's commands together. */
  #send(command: Command): void {
    if (this.#unsent === "") nextTick(() => this.#flush());
    this.#unsent += commandLine(command);
  }

  #flush(): void {
    if (this.#unsent === "") return;
    this.#input.write(this.#encoder.encode(this.#unsent)).catch(() => {});
    this.#unsent = "";
  }

  #closeInput(): void {
    this.#flush();
    this.#input.close().catch(() => {});
  }

  #cancel(task: number): void {
    const held = this.#tasks.get(task);
    if (!held || held.state === "cancelling") return;
    // It is not asked for it before it is up, and would hear of nothing: killed for that, none came up
    // where all cores were busy and clients left sooner.
    if (!this.#up) return this.#finish(task, { state: "cancelled" });
    held.state = "cancelling";
    this.#send({ cancel: true, task });
    const grace = this.#tasks.size === 1 ? CANCEL_GRACE_MS : SHARED_GRACE_MS;
    held.grace = setTimeout(() => this.kill(), grace);
  }

  /** It has heard of a cancel, and has a while to let go. */
  #onStopping(task: number): void {
    const held = this.#tasks.get(task);
    // Of a task that ended meanwhile it says nothing.
    if (held?.state !== "cancelling") return;
    clearTimeout(held.grace);
    held.grace = setTimeout(() => {
      if (this.#tasks.size === 1) return this.kill();
      // Others share it: they go on, and the caller that cancelled does not wait for what hangs.
      this.retire();
      this.#finish(task, { state: "cancelled" });
    }, STOPPING_MS);
  }

  #finish(task: number, outcome: TaskOutcome): void {
    const held = this.#remove(task);
    held?.assignment.running.finish(outcome);
    if (held) this.#owner.onChange(held.assignment);
  }

  #remove(task: number): Held | undefined {
    const held = this.#tasks.get(task);
    if (!held) return undefined;
    this.#tasks.delete(task);
    clearTimeout(held.grace);
    this.#idleSince = performance.now();
    if (this.#state === "retiring" && this.#tasks.size === 0) this.#closeInput();
    return held;
  }

  #accept(piece: FramePiece): void {
    const { type, task } = piece;
    switch (type) {
      case FRAME.ready:
        this.#up = true;
        for (const [task, { assignment }] of this.#tasks) this.#begin(task, assignment);
        if (this.#idleCores > 0) this.#send({ idle: this.#idleCores });
        this.#setReady(true);
        return;
      case FRAME.health:
        this.#healthText += new TextDecoder().decode(piece.data);
        if (!piece.last) return;
        this.#health = JSON.parse(this.#healthText);
        this.#healthText = "";
        this.#owner.onChange();
        return;
      case FRAME.stopping:
        this.#onStopping(task);
        return;
      case FRAME.declined: {
        const held = this.#remove(task);
        if (held?.state === "cancelling") held.assignment.running.finish({ state: "cancelled" });
        else if (held) this.#owner.onReturned(held.assignment, "declined");
        return;
      }
      default: {
        const assignment = this.#tasks.get(task)?.assignment;
        const outcome = assignment?.running.accept(piece);
        if (outcome) this.#finish(task, outcome);
        else if (type === FRAME.opened) this.#owner.onChange(assignment);
      }
    }
  }

  /** Reads its frames until it is gone. */
  async #run(): Promise<void> {
    let broken: string | undefined;
    const output = this.#child.stdout.getReader({ mode: "byob" });
    try {
      const readFrames = createFrameReader();
      let buffer = new Uint8Array(PIPE_BYTES);
      for (;;) {
        const { value } = await output.read(buffer);
        if (!value?.length) break;
        for (const piece of readFrames(value)) this.#accept(piece);
        buffer = new Uint8Array(value.buffer);
      }
    } catch (error) {
      broken = error instanceof Error ? error.message : String(error);
      this.kill();
      output.cancel().catch(() => {});
    }
    const { code, signal } = await this.#child.status;
    this.#state = "gone";
    // Its descriptor would stay until the garbage is collected.
    this.#input.abort().catch(() => {});
    this.#setReady(false);
    const detail = broken ?? (signal ? `killed by ${signal}` : `exit status ${code}`);
    for (const [task, { assignment, state }] of [...this.#tasks]) {
      if (state === "cancelling") this.#finish(task, { state: "cancelled" });
      else if (assignment.running.answered || broken !== undefined) {
        const message = `The worker died: ${detail}`;
        const error = new TaskError({ kind: "internal", message, detail });
        this.#finish(task, { state: "failed", error });
      } else {
        this.#remove(task);
        this.#owner.onReturned(assignment, "died");
      }
    }
    this.#owner.onChange();
  }
}
