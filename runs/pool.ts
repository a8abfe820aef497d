/**
 * The worker pool: hands tasks to a bounded set of processes, which are kept and used again.
 *
 * Workers of one group have the same permissions. Tasks whose sources wait on a socket share the workers
 * of their group; one that may hold its worker's thread (a module, an SQLite query that sorts) has a
 * worker to itself. Whether an SQLite query may is learnt from its first run. A task that finds no worker
 * waits for one, in order.
 */

import type { RunTask } from "./protocol.ts";
import { RunningTask, TaskError } from "./running_task.ts";
import { type Assignment, type WorkerOwner, WorkerProcess } from "./worker_process.ts";

/** Workers that have the same permissions. */
export interface WorkerGroup {
  /** The command that starts one. */
  readonly command: Deno.Command;
  /** What tells the command from that of a group of the same name in another configuration. @default nothing */
  readonly key?: string;
  /** Workers that are kept while there is nothing to do, so that a run does not wait for a start. */
  readonly warm: number;
}

/** Where a task goes. */
export interface Route {
  /** The name of the group whose permissions it needs. */
  readonly group: string;
  /** Whether it may hold its worker's thread; `learn` where its queries decide. */
  readonly blocking: boolean | "learn";
  /** What its queries are known by, where they decide. */
  readonly queries: string;
  /** The group, where it is of this task alone and goes with it. @default one of the configuration's */
  readonly own?: WorkerGroup;
}

/** What the tasks of one configuration need. */
export interface PoolSettings {
  /** The groups, by name. */
  readonly groups: Readonly<Record<string, WorkerGroup>>;
  /** Says where a task goes. */
  readonly route: (task: RunTask) => Route;
  /**
   * Tasks that may share a worker, and are lost with it where it dies. Fewer take 20 MB more for each
   * worker; more are lost together where a driver or V8 breaks.
   */
  readonly tasksPerWorker: number;
  /** Workers that may be held by one task each. */
  readonly maxExclusive: number;
}

/** How a pool works. */
export interface PoolOptions {
  /** Cores that all workers share. @default those of the machine */
  readonly cores?: number;
  /** Milliseconds after which a worker beyond the warm ones ends. @default {@linkcode IDLE_MS} */
  readonly idleTimeout?: number;
  /** Called each time that a worker cannot be started, or does not come up. */
  readonly onFailure?: (reason: string) => void;
}

/** Whether tasks can be run now. */
export type PoolState =
  | { readonly state: "starting" | "ready" }
  /** No worker can be started, or none comes up; `reason` is for the log and for readiness. */
  | { readonly state: "failing"; readonly reason: string };

/** A worker that is not needed for so long is let go. */
export const IDLE_MS = 30_000;

/**
 * Bytes that all workers together may be ahead of their readers. A window of 1 MiB keeps one run busy
 * while the socket drains; of 128 KiB, a hundred of them.
 */
const WINDOWS_BYTES = 16 * 1024 * 1024;
const MAX_WINDOW_BYTES = 1024 * 1024;
const MIN_WINDOW_BYTES = 128 * 1024;

/** A worker whose heap is filled to this part gets no more tasks. */
const MAX_HEAP_PART = 0.6;

/** A worker without a task whose heap has more than this is replaced: something in it grows. */
const MAX_IDLE_HEAP_BYTES = 256 * 1024 * 1024;

/** Milliseconds before another worker is started after one did not come up; doubled up to the second. */
const RESTART_MS = { first: 500, last: 30_000 };

/** Milliseconds in which a worker without a task goes by itself. */
const RETIRE_MS = 500;

/** How often a task is handed to a worker that dies before it has looked at the task. */
const MAX_ATTEMPTS = 2;

/** Queries of which is remembered whether they may hold the thread; the oldest are forgotten. */
const MAX_LEARNT = 1000;

/** A task that waits for a worker. */
interface Waiting extends Pick<Assignment, "task" | "run" | "running"> {
  readonly route: Route;
  readonly group: Group;
  attempts: number;
  /** Whether it is known to need a worker to itself, whatever its route says. */
  alone: boolean;
}

/** Starts the tasks of one configuration. */
export interface TaskStarter extends Pick<WorkerPool, "contended" | "onContended"> {
  /** Hands a task, of the run with that id, to a worker; it waits where none is free. */
  start(task: RunTask, run: string): RunningTask;
}

/** The workers of a group. */
class Group {
  readonly workers = new Set<WorkerProcess>();
  failure: string | undefined;
  restartMs = RESTART_MS.first;
  restart: ReturnType<typeof setTimeout> | undefined;

  /**
   * Makes one without workers.
   *
   * @param added whether it is of a configuration that took another one's place: no client is to be sent
   * elsewhere while its first workers start
   */
  constructor(public settings: WorkerGroup, readonly added: boolean) {}

  get usable(): WorkerProcess[] {
    return [...this.workers].filter((worker) => worker.usable);
  }
}

/** A pool of workers; how many tasks there may be at once is for admission to say. */
export class WorkerPool implements AsyncDisposable {
  /** The groups of the configuration that is in force. */
  #groups: ReadonlyMap<string, Group> = new Map();
  /** Those of configurations before, and of a single task, that have a task or a worker yet. */
  readonly #former = new Set<Group>();
  readonly #cores: number;
  #tasksPerWorker = 1;
  #maxExclusive = 1;
  readonly #idleTimeout: number;
  readonly #onFailed: (reason: string) => void;
  readonly #listeners = new Set<() => void>();
  readonly #waiting: Waiting[] = [];
  /** The tasks in hand, so that one that comes back can wait again. */
  readonly #running = new Map<RunningTask, Waiting>();
  readonly #mayBlock = new Map<string, boolean>();
  readonly #sweeping: ReturnType<typeof setInterval>;
  #closed = false;

  /** Makes one without workers, for no tasks yet. */
  constructor(options: PoolOptions = {}) {
    const { cores = navigator.hardwareConcurrency, idleTimeout = IDLE_MS } = options;
    this.#cores = cores;
    this.#idleTimeout = idleTimeout;
    this.#onFailed = options.onFailure ?? (() => {});
    this.#sweeping = setInterval(() => this.#sweep(), idleTimeout / 4);
  }

  /**
   * Takes a configuration: its warm workers start. Workers of one before go on where it has their group too, and
   * else end when they have nothing to do.
   *
   * @returns what starts its tasks, also when there is another one already: then its groups have workers while
   * there are tasks
   */
  configure({ groups, route, tasksPerWorker, maxExclusive }: PoolSettings): TaskStarter {
    const before = this.#groups;
    const now = new Map<string, Group>();
    for (const [name, settings] of Object.entries(groups)) {
      const same = before.get(name);
      if (same && same.settings.key === settings.key) {
        same.settings = settings;
        now.set(name, same);
      } else now.set(name, new Group(settings, before.size > 0));
    }
    for (const [name, group] of before) {
      if (now.get(name) === group) continue;
      group.settings = { ...group.settings, warm: 0 };
      this.#former.add(group);
    }
    this.#groups = now;
    this.#tasksPerWorker = tasksPerWorker;
    this.#maxExclusive = maxExclusive;
    this.#dispatch();
    const contended = () => this.contended;
    return {
      start: (task, run) => {
        const wanted = route(task);
        const group = wanted.own ? new Group(wanted.own, true) : now.get(wanted.group)!;
        return this.#start(task, run, wanted, group);
      },
      get contended() {
        return contended();
      },
      onContended: (listener) => this.onContended(listener),
    };
  }

  /** How many workers there are, how many of them have nothing to do, and how many tasks wait. */
  get size(): { readonly workers: number; readonly idle: number; readonly waiting: number } {
    const workers = this.#workers();
    return {
      workers: workers.length,
      idle: workers.filter(({ usable, tasks }) => usable && tasks === 0).length,
      waiting: this.#waiting.length,
    };
  }

  /** Whether tasks wait for a worker. */
  get contended(): boolean {
    return this.#waiting.length > 0;
  }

  /** Has a listener called each time that a task begins to wait; what it returns takes that back. */
  onContended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The process ids of the workers, oldest first in each group. */
  get pids(): readonly number[] {
    return this.#workers().map(({ pid }) => pid);
  }

  /** Bytes that each worker has in memory, as it said last. */
  get rss(): readonly number[] {
    return this.#workers().map(({ health }) => health.rss);
  }

  /** Whether every group has a worker that is up. */
  get state(): PoolState {
    let starting = false;
    for (const { added, failure, usable } of this.#groups.values()) {
      if (failure !== undefined) return { state: "failing", reason: failure };
      starting ||= !added && usable.length > 0 && !usable.some(({ up }) => up);
    }
    return { state: starting ? "starting" : "ready" };
  }

  #start(task: RunTask, run: string, route: Route, group: Group): RunningTask {
    if (this.#closed) throw new Error("Cannot start a task: the pool is closed");
    const running: RunningTask = new RunningTask(this.#queue(() => running));
    const waiting: Waiting = { task, run, running, route, group, attempts: 0, alone: false };
    if (this.#groups.get(route.group) !== group) this.#former.add(group);
    this.#waiting.push(waiting);
    this.#dispatch();
    if (this.#waiting.includes(waiting)) this.#listeners.forEach((listener) => listener());
    return running;
  }

  /** Ends the workers beyond the warm ones that have nothing to do: memory is short. */
  shrink(): void {
    this.#sweep(0);
  }

  /** Ends every worker at once, one that is stopped (SIGSTOP) too, and waits for none. */
  kill(): void {
    this.#closed = true;
    for (const worker of this.#workers()) worker.kill();
  }

  /** Ends every worker and waits until all are gone; one that does not go by itself is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeping);
    for (const { restart } of this.#allGroups()) clearTimeout(restart);
    for (const waiting of this.#waiting.splice(0)) this.#refuse(waiting, "The server is stopping");
    const workers = this.#workers();
    for (const worker of workers) {
      if (worker.tasks > 0) worker.kill();
      else worker.retire();
    }
    const late = setTimeout(() => workers.forEach((worker) => worker.kill()), RETIRE_MS);
    await Promise.all(workers.map(({ exited }) => exited));
    clearTimeout(late);
  }

  /** What a task that waits is in the hands of. */
  #queue(running: () => RunningTask) {
    return {
      addCredit: () => {},
      cancel: () => {
        const index = this.#waiting.findIndex((waiting) => waiting.running === running());
        if (index < 0) return;
        this.#waiting.splice(index, 1);
        running().finish({ state: "cancelled" });
      },
    };
  }

  #allGroups(): Group[] {
    return [...this.#former, ...this.#groups.values()];
  }

  #workers(): WorkerProcess[] {
    return this.#allGroups().flatMap(({ workers }) => [...workers]);
  }

  /** Gives workers to the tasks that wait, in order; one that finds none does not hold up the others. */
  #dispatch(): void {
    if (this.#closed) return;
    for (const waiting of [...this.#waiting]) {
      const exclusive = this.#isExclusive(waiting);
      const { group } = waiting;
      const worker = this.#choose(group, exclusive);
      if (!worker && (group.failure === undefined || group.usable.length > 0)) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      if (worker) this.#hand(waiting, worker, exclusive);
      else this.#refuse(waiting, `Cannot start a worker: ${group.failure}`);
    }
    for (const group of this.#groups.values()) this.#fill(group);
    this.#endFormer();
    this.#shareCores();
  }

  /** Ends the workers of such groups that have nothing to do any more. */
  #endFormer(): void {
    for (const group of this.#former) {
      if (this.#waiting.some((waiting) => waiting.group === group)) continue;
      for (const worker of group.usable) if (worker.tasks === 0) worker.retire();
      if (group.workers.size > 0) continue;
      clearTimeout(group.restart);
      this.#former.delete(group);
    }
  }

  #hand(waiting: Waiting, worker: WorkerProcess, exclusive: boolean): void {
    const { task, run, running } = waiting;
    waiting.attempts++;
    this.#running.set(running, waiting);
    void running.ended.then(() => this.#running.delete(running));
    worker.start({ task, run, running, exclusive, window: this.#window() });
  }

  #refuse({ running }: Waiting, message: string): void {
    const error = new TaskError({ kind: "internal", message, detail: message });
    running.finish({ state: "failed", error });
  }

  #window(): number {
    const share = WINDOWS_BYTES / this.#running.size;
    return Math.max(MIN_WINDOW_BYTES, Math.min(MAX_WINDOW_BYTES, Math.floor(share)));
  }

  #isExclusive({ route: { blocking, queries }, alone }: Waiting): boolean {
    if (alone) return true;
    return blocking === "learn" ? this.#mayBlock.get(queries) ?? true : blocking;
  }

  #learn({ running }: Assignment): void {
    const { route } = this.#running.get(running) ?? {};
    if (route?.blocking !== "learn" || running.mayBlock === undefined) return;
    // Behind the others: the first one is the oldest.
    this.#mayBlock.delete(route.queries);
    this.#mayBlock.set(route.queries, running.mayBlock);
    if (this.#mayBlock.size <= MAX_LEARNT) return;
    const [oldest] = this.#mayBlock.keys();
    this.#mayBlock.delete(oldest!);
  }

  /** A worker for a task; undefined where it has to wait. */
  #choose(group: Group, exclusive: boolean): WorkerProcess | undefined {
    return exclusive ? this.#chooseExclusive(group) : this.#chooseShared(group);
  }

  #chooseExclusive(group: Group): WorkerProcess | undefined {
    const held = this.#workers().filter((worker) => worker.exclusive).length;
    if (held >= this.#maxExclusive) return undefined;
    const free = group.usable.find(({ tasks }) => tasks === 0);
    if (free) return free;
    // More at once than there are cores would only come up later, those that are waited for too.
    const starting = this.#workers().filter(({ usable, up }) => usable && !up).length;
    return starting < this.#cores ? this.#spawn(group) : undefined;
  }

  /**
   * The worker with the fewest tasks, of as many as there are cores; one more is started while there are
   * fewer and each has some. Those beyond were needed by tasks that had to be alone: their code would be as
   * cold as they are.
   */
  #chooseShared(group: Group): WorkerProcess | undefined {
    const sharing = group.usable.filter(({ exclusive }) => !exclusive);
    const fit = sharing
      .filter(({ health }) => health.heap < MAX_HEAP_PART * health.maxHeap)
      .slice(0, this.#cores);
    const wanted = sharing.length < this.#cores && fit.every(({ tasks }) => tasks > 0);
    const more = wanted && (group.failure === undefined || sharing.length === 0)
      ? this.#spawn(group)
      : undefined;
    return more ?? fit
      .filter(({ tasks }) => tasks < this.#tasksPerWorker)
      .sort((one, other) => one.tasks - other.tasks)[0];
  }

  /** Starts a worker; the one that was idle for longest, of another group, gives way where there are many. */
  #spawn(group: Group): WorkerProcess | undefined {
    if (this.#workers().length >= this.#cores + this.#maxExclusive) {
      const [oldest] = this.#workers()
        .filter(({ usable, up, tasks }) => usable && up && tasks === 0)
        .filter((worker) => !group.workers.has(worker))
        .sort((one, other) => one.idleSince - other.idleSince);
      oldest?.retire();
    }
    const owner: WorkerOwner = {
      onChange: (assignment) => {
        if (assignment) this.#learn(assignment);
        this.#dispatch();
      },
      onReturned: (assignment, why) => this.#takeBack(assignment, why),
    };
    let worker: WorkerProcess;
    try {
      worker = new WorkerProcess(group.settings.command, owner);
    } catch (error) {
      // No descriptor or no memory for another process, or no permission.
      this.#onFailure(group, error instanceof Error ? error.message : String(error));
      return undefined;
    }
    group.workers.add(worker);
    void worker.ready.then((up) => {
      if (!up) return this.#onFailure(group, "a worker ended before it was ready");
      group.failure = undefined;
      group.restartMs = RESTART_MS.first;
      this.#dispatch();
    });
    void worker.exited.then(() => {
      group.workers.delete(worker);
      this.#dispatch();
    });
    return worker;
  }

  /** Tries again later, and not at once: what failed would fail again. */
  #onFailure(group: Group, reason: string): void {
    if (this.#closed) return;
    group.failure = reason;
    this.#onFailed(reason);
    clearTimeout(group.restart);
    group.restart = setTimeout(() => {
      group.restart = undefined;
      if (this.#workers().length === 0 || group.usable.length < group.settings.warm) {
        this.#spawn(group);
        return;
      }
      // What failed was one more than those: the next task that wants one tries again.
      group.failure = undefined;
      this.#dispatch();
    }, group.restartMs);
    group.restartMs = Math.min(2 * group.restartMs, RESTART_MS.last);
  }

  /** A task that its worker has not run waits again, before the others. */
  #takeBack({ running }: Assignment, why: "declined" | "died"): void {
    const waiting = this.#running.get(running);
    if (!waiting) return;
    this.#running.delete(running);
    // One that died with its worker may be what ended that.
    waiting.alone = true;
    if (this.#closed) return this.#refuse(waiting, "The server is stopping");
    if (why === "declined") {
      waiting.attempts--;
      this.#mayBlock.set(waiting.route.queries, true);
    } else if (waiting.attempts >= MAX_ATTEMPTS) {
      return this.#refuse(waiting, "The worker died before it began, and so did another one");
    }
    running.handBack(this.#queue(() => running));
    this.#waiting.unshift(waiting);
    this.#dispatch();
  }

  /** Keeps the warm workers. */
  #fill(group: Group): void {
    if (this.#closed || group.failure !== undefined) return;
    while (group.usable.length < group.settings.warm && this.#spawn(group));
  }

  /** Ends workers that were not needed for a while, and those that have grown. */
  #sweep(idleTimeout = this.#idleTimeout): void {
    const now = performance.now();
    for (const { usable, settings: { warm } } of this.#groups.values()) {
      let count = usable.length;
      for (const worker of usable) {
        // Its end would be taken for a failure to start.
        if (worker.tasks > 0 || !worker.up) continue;
        const unused = count > warm && now - worker.idleSince >= idleTimeout;
        if (!unused && worker.health.heap < MAX_IDLE_HEAP_BYTES) continue;
        worker.retire();
        count--;
      }
    }
    this.#dispatch();
  }

  /** Each busy worker has a core of its own; those that are left are shared, none is divided. */
  #shareCores(): void {
    const busy = this.#workers().filter(({ tasks }) => tasks > 0);
    const left = Math.max(0, this.#cores - busy.length);
    for (const worker of busy) worker.allow(Math.floor(left / busy.length));
  }
}
