/** The worker pool: keeps a few workers warm, starts more on demand, replaces those that died. */

import type { RunTask } from "./protocol.ts";
import type { RunningTask } from "./running_task.ts";
import { WorkerProcess } from "./worker_process.ts";

/** How a pool works. */
export interface PoolOptions {
  /** The command that starts a worker. */
  readonly command: Deno.Command;
  /** Idle workers to keep, so that an export does not wait for a start. @default the number of cores */
  readonly warm?: number;
  /** Cores that all workers share. @default those of the machine */
  readonly cores?: number;
}

/** A pool of workers; how many may be busy at once is for admission to say. */
export class WorkerPool implements AsyncDisposable {
  readonly #command: Deno.Command;
  readonly #warm: number;
  readonly #cores: number;
  readonly #workers = new Set<WorkerProcess>();
  #closed = false;

  /** Starts the warm workers. */
  constructor(
    { command, cores = navigator.hardwareConcurrency, warm = cores }: PoolOptions,
  ) {
    this.#command = command;
    this.#warm = warm;
    this.#cores = cores;
    this.#fill();
  }

  /** How many workers there are, and how many of them have nothing to do. */
  get size(): { readonly workers: number; readonly idle: number } {
    return { workers: this.#workers.size, idle: this.#idle().length };
  }

  /** The process ids of the workers, oldest first. */
  get pids(): readonly number[] {
    return [...this.#workers].map((worker) => worker.pid);
  }

  /** Hands a task, of the run with that id, to a worker, to a new one if all are busy. */
  start(task: RunTask, run: string): RunningTask {
    if (this.#closed) throw new Error("Cannot start a task: the pool is closed");
    const running = (this.#idle()[0] ?? this.#spawn()).start(task, run);
    this.#shareCores();
    void running.ended.then(() => {
      for (const worker of this.#idle().slice(this.#warm)) worker.close();
      this.#shareCores();
    });
    return running;
  }

  /** Ends every worker at once, one that is stopped (SIGSTOP) too, and waits for none. */
  kill(): void {
    this.#closed = true;
    for (const worker of this.#workers) worker.kill();
  }

  /** Ends every worker and waits until all are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const workers = [...this.#workers];
    for (const worker of workers) worker.close();
    await Promise.all(workers.map((worker) => worker.exited));
  }

  #idle(): WorkerProcess[] {
    return [...this.#workers].filter((worker) => worker.idle);
  }

  /** Each busy worker has a core of its own; those that are left are shared, none is divided. */
  #shareCores(): void {
    const busy = [...this.#workers].filter((worker) => worker.busy);
    const left = Math.max(0, this.#cores - busy.length);
    for (const worker of busy) worker.allow(Math.floor(left / busy.length));
  }

  #fill(): void {
    try {
      while (!this.#closed && this.#workers.size < this.#warm) this.#spawn();
    } catch {
      // No descriptor or no memory for another process now; the next run starts one, or says so.
    }
  }

  #spawn(): WorkerProcess {
    const worker = new WorkerProcess(this.#command);
    this.#workers.add(worker);
    void worker.exited.then(() => {
      this.#workers.delete(worker);
      // One that died before its first task would die again: the next run starts it, and says why.
      if (worker.used) this.#fill();
    });
    return worker;
  }
}
