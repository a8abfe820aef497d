/** A worker process: started, handed one task at a time, ended. */

import { type Command, commandLine, createFrameReader, FRAME, type RunTask } from "./protocol.ts";
import { RunningTask, TaskError, type TaskOutcome, WINDOW_BYTES } from "./running_task.ts";

/**
 * Milliseconds that a worker has to hear of a cancel. One that sits in a native call (SQLite sorting)
 * cannot, and is killed.
 */
const CANCEL_GRACE_MS = 250;

/**
 * Milliseconds that a worker which has heard of it has to let go: a query is taken back over another
 * connection, which over TLS and a slow network takes some round trips.
 */
const STOPPING_MS = 2000;

/** A worker process. */
export class WorkerProcess {
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<void>;

  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<string>;
  #task: RunningTask | undefined;
  #cancelling = false;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #alive = true;
  #closing = false;
  #used = false;
  #allowed = 0;

  /** Starts a process; `command` must speak the protocol on its standard input and output. */
  constructor(command: Deno.Command) {
    this.#child = command.spawn();
    const encoder = new TextEncoderStream();
    this.#input = encoder.writable.getWriter();
    // A worker that dies breaks this pipe; that it died is told by its exit.
    encoder.readable.pipeTo(this.#child.stdin).catch(() => {});
    this.exited = this.#run();
  }

  /** Whether it can be handed a task. */
  get idle(): boolean {
    return this.#alive && !this.#closing && this.#task === undefined;
  }

  /** Whether it has a task in hand. */
  get busy(): boolean {
    return this.#task !== undefined;
  }

  /** Whether it was ever handed a task. */
  get used(): boolean {
    return this.#used;
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Hands it a task, of the run with that id; it must be idle. */
  start(task: RunTask, run: string): RunningTask {
    if (!this.idle) throw new Error("Cannot start a task: the worker is busy or gone");
    const running = this.#task = new RunningTask(
      (command) => this.#send(command),
      () => this.#cancel(),
    );
    this.#cancelling = false;
    this.#used = true;
    this.#send({ start: task, run, credit: WINDOW_BYTES });
    return running;
  }

  /** Tells it how many cores its task may use besides its own. */
  allow(idle: number): void {
    if (idle !== this.#allowed) this.#send({ idle: this.#allowed = idle });
  }

  /**
   * Ends it: kindly when it is idle, at once when it is not. One that was never handed a task has nothing
   * to end, and may be starting yet, which takes a second on a busy machine.
   */
  close(): void {
    this.#closing = true;
    if (this.#task || !this.#used) this.kill();
    else this.#input.close().catch(() => {});
  }

  /** Ends it at once, whatever it is doing. */
  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It is gone already, which its exit tells.
    }
  }

  #send(command: Command): void {
    this.#input.write(commandLine(command)).catch(() => {});
  }

  #cancel(): void {
    const task = this.#task;
    if (!task) return;
    this.#cancelling = true;
    this.#send({ cancel: true });
    this.#killAfter(CANCEL_GRACE_MS);
    void task.ended.then(() => clearTimeout(this.#grace));
  }

  #killAfter(milliseconds: number): void {
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => this.kill(), milliseconds);
  }

  #finish(outcome: TaskOutcome): void {
    const task = this.#task;
    this.#task = undefined;
    task?.finish(outcome);
  }

  /** Reads its frames until it is gone. */
  async #run(): Promise<void> {
    let broken: string | undefined;
    try {
      const readFrames = createFrameReader();
      for await (const data of this.#child.stdout) {
        for (const piece of readFrames(data)) {
          if (piece.type === FRAME.stopping) {
            // Of a task that ended meanwhile it says nothing.
            if (this.#task && this.#cancelling) this.#killAfter(STOPPING_MS);
            continue;
          }
          const outcome = this.#task?.accept(piece);
          if (outcome) this.#finish(outcome);
        }
      }
    } catch (error) {
      broken = error instanceof Error ? error.message : String(error);
      this.kill();
    }
    const { code, signal } = await this.#child.status;
    this.#alive = false;
    if (this.#cancelling) return this.#finish({ state: "cancelled" });
    const detail = broken ?? (signal ? `killed by ${signal}` : `exit status ${code}`);
    const message = `The worker died: ${detail}`;
    this.#finish({ state: "failed", error: new TaskError({ kind: "internal", message, detail }) });
  }
}
