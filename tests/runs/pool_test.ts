import assert from "node:assert/strict";
import type { PoolSettings } from "../../runs/pool.ts";
import { TaskError } from "../../runs/running_task.ts";
import { inTime, standstill, until } from "../waiting.ts";
import { byteLength, FAKE_WORKER, fakePool, fakeTask } from "./fixture.ts";

Deno.test("a task's chunks come through whole and in order, and the worker is used again", async () => {
  await using pool = fakePool();
  for (let turn = 0; turn < 3; turn++) {
    const task = pool.start(fakeTask("send:100"), "run");
    let bytes = 0;
    for await (const piece of task.chunks) {
      for (const byte of piece) {
        assert.equal(byte, Math.floor(bytes / 65536) % 251);
        bytes++;
      }
    }
    assert.equal(bytes, 100 * 65536);
    assert.deepEqual(await task.ended, {
      state: "complete",
      end: { rows: 100, warnings: [{ kind: "text-cut", count: 1 }] },
    });
    assert.deepEqual(pool.size, { workers: 1, idle: 1, waiting: 0 });
  }
});

Deno.test("a worker is at most one window ahead of a reader that does not read", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("send:1000"), "run");
  const reader = task.chunks.getReader();
  await reader.read();
  // A window of one mebibyte is 16 chunks of 64 KiB.
  await until(() => task.received === 1024 * 1024);
  assert.equal(await standstill(() => task.received), 1024 * 1024);
  for (let read = 0; read < 4 * 1024 * 1024;) read += (await reader.read()).value!.length;
  await standstill(() => task.received);
  assert.ok(task.received > 4 * 1024 * 1024);
  assert.ok(task.received <= 5.5 * 1024 * 1024, `${task.received} bytes`);
  await reader.cancel();
});

Deno.test("a failure errors the chunks at once with the worker's words", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("fail"), "run");
  await task.ended;
  await assert.rejects(byteLength(task.chunks), (error) => {
    assert.ok(error instanceof TaskError);
    assert.equal(error.message, "no such table");
    assert.equal(error.kind, "source");
    assert.equal(error.detail, "a stack");
    return true;
  });
  assert.equal(await byteLength(pool.start(fakeTask("send:2"), "run").chunks), 131072);
});

Deno.test("a worker that dies fails its task, and the pool heals", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("exit"), "run");
  await assert.rejects(byteLength(task.chunks), /The worker died: exit status 3/);
  await until(() => pool.size.idle === 1);
  assert.equal(await byteLength(pool.start(fakeTask("send:2"), "run").chunks), 131072);
});

Deno.test("a worker whose output is no frame is ended, and its task fails", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("garbage"), "run");
  await assert.rejects(byteLength(task.chunks), /The worker died: Cannot read a frame/);
  await until(() => pool.size.idle === 1);
});

Deno.test("a cancelled task lets its worker go back to work", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("send:1000"), "run");
  const reader = task.chunks.getReader();
  await reader.read();
  await reader.cancel();
  assert.deepEqual(await task.ended, { state: "cancelled" });
  assert.deepEqual(pool.size, { workers: 1, idle: 1, waiting: 0 });
});

Deno.test("a cancelled worker that does not listen is killed and replaced", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("deaf"), "run");
  const reader = task.chunks.getReader();
  await reader.read();
  await inTime(reader.cancel(), "a worker that does not listen");
  assert.deepEqual(await task.ended, { state: "cancelled" });
  await until(() => pool.size.idle === 1);
});

Deno.test("a cancelled worker that says that it lets go is given the time to", async () => {
  await using pool = fakePool();
  await pool.start(fakeTask("send:1"), "run").ended;
  const workers = pool.pids;
  const task = pool.start(fakeTask("slow"), "run");
  const asked = performance.now();
  await task.chunks.cancel();
  assert.ok(performance.now() - asked >= 600);
  assert.deepEqual(await task.ended, { state: "cancelled" });
  assert.deepEqual(pool.pids, workers);
});

Deno.test("more tasks than warm workers start more, which end when they are not needed", async () => {
  await using pool = fakePool({ idleTimeout: 200 });
  const tasks = [1, 2, 3].map(() => pool.start(fakeTask("send:50"), "run"));
  await until(() => pool.size.workers >= 3);
  assert.deepEqual(await Promise.all(tasks.map(({ chunks }) => byteLength(chunks))), [
    50 * 65536,
    50 * 65536,
    50 * 65536,
  ]);
  await until(() => pool.size.workers === 1);
});

Deno.test("no more workers start at once than there are cores, and each task has one in the end", async () => {
  await using pool = fakePool({ cores: 2 });
  const tasks = [1, 2, 3, 4].map(() => pool.start(fakeTask("send:50"), "run"));
  assert.deepEqual(pool.size, { workers: 2, idle: 0, waiting: 2 });
  await until(() => pool.size.workers === 4);
  assert.deepEqual(
    await Promise.all(tasks.map(({ chunks }) => byteLength(chunks))),
    tasks.map(() => 50 * 65536),
  );
});

Deno.test("a pool that shrinks ends the workers that have nothing to do, but for the warm ones", async () => {
  await using pool = fakePool();
  const held = pool.start(fakeTask("silent"), "run");
  const tasks = [1, 2].map(() => pool.start(fakeTask("send:5"), "run"));
  await Promise.all(tasks.map(({ chunks }) => byteLength(chunks)));
  await until(() => pool.size.idle === 2);
  pool.shrink();
  await until(() => pool.size.workers === 1);
  assert.equal(pool.size.idle, 0);
  await held.chunks.cancel();
});

Deno.test("a task that finds every worker held waits for one, in order, and starts no process", async () => {
  await using pool = fakePool({ maxExclusive: 2 });
  const held = [pool.start(fakeTask("silent"), "a"), pool.start(fakeTask("silent"), "b")];
  const waiting = [pool.start(fakeTask("send:1"), "c"), pool.start(fakeTask("send:2"), "d")];
  assert.equal(pool.size.waiting, 2);
  assert.equal(waiting[0]!.waiting, true);
  const order: string[] = [];
  void waiting[0]!.ended.then(() => order.push("c"));
  void waiting[1]!.ended.then(() => order.push("d"));
  await held[0]!.chunks.cancel();
  assert.equal(await byteLength(waiting[0]!.chunks), 65536);
  assert.equal(await byteLength(waiting[1]!.chunks), 2 * 65536);
  assert.deepEqual(order, ["c", "d"]);
  await held[1]!.chunks.cancel();
});

Deno.test("a task that is cancelled while it waits never reaches a worker", async () => {
  await using pool = fakePool({ maxExclusive: 1 });
  const held = pool.start(fakeTask("silent"), "a");
  const waiting = pool.start(fakeTask("exit"), "b");
  await waiting.chunks.cancel();
  assert.deepEqual(await waiting.ended, { state: "cancelled" });
  assert.equal(pool.size.waiting, 0);
  await held.chunks.cancel();
  assert.deepEqual(await held.ended, { state: "cancelled" });
});

Deno.test("tasks that share workers are spread over as many as there are cores", async () => {
  await using pool = fakePool({ warm: 2, cores: 2, shared: true });
  const tasks = Array.from({ length: 6 }, () => pool.start(fakeTask("silent"), "run"));
  assert.deepEqual(pool.size, { workers: 2, idle: 0, waiting: 0 });
  await Promise.all(tasks.map(({ chunks }) => chunks.cancel()));
  assert.deepEqual(pool.size, { workers: 2, idle: 2, waiting: 0 });
});

Deno.test("a worker for another core starts with the second task at once, and ends when it is not needed", async () => {
  await using pool = fakePool({ cores: 2, shared: true, idleTimeout: 200 });
  await until(() => pool.size.idle === 1);
  const alone = pool.start(fakeTask("send:5"), "run");
  assert.equal(await byteLength(alone.chunks), 5 * 65536);
  assert.equal(pool.size.workers, 1);
  const tasks = [1, 2].map(() => pool.start(fakeTask("send:5"), "run"));
  assert.deepEqual(pool.size, { workers: 2, idle: 0, waiting: 0 }, "each has one");
  for (const { chunks } of tasks) assert.equal(await byteLength(chunks), 5 * 65536);
  await until(() => pool.size.workers === 1);
});

Deno.test("a pool that shrinks leaves a worker alone that is not up yet", async () => {
  await using pool = fakePool({ cores: 2, shared: true });
  const tasks = [1, 2].map(() => pool.start(fakeTask("silent"), "run"));
  await tasks[1]!.chunks.cancel();
  pool.shrink();
  assert.equal(pool.size.workers, 2);
  assert.equal(await byteLength(pool.start(fakeTask("send:1"), "run").chunks), 65536);
  assert.notEqual(pool.state.state, "failing");
  await tasks[0]!.chunks.cancel();
});

Deno.test("a worker beside the warm one that does not come up is no reason for others to wait", async () => {
  const failures: string[] = [];
  await using pool = fakePool({ cores: 2, shared: true, onFailure: (why) => failures.push(why) });
  await until(() => pool.size.idle === 1);
  const [warm] = pool.pids;
  const tasks = [1, 2].map(() => pool.start(fakeTask("silent"), "run"));
  Deno.kill(pool.pids.find((pid) => pid !== warm)!, "SIGKILL");
  await until(() => failures.length === 1);
  await until(() => pool.state.state === "ready");
  assert.equal(await byteLength(pool.start(fakeTask("send:1"), "run").chunks), 65536);
  await Promise.all(tasks.map(({ chunks }) => chunks.cancel()));
});

Deno.test("the chunks of tasks that share a worker do not mix", async () => {
  await using pool = fakePool({ cores: 1, shared: true });
  const sizes = [3, 40, 1, 17, 25];
  const tasks = sizes.map((size) => pool.start(fakeTask(`send:${size}`), "run"));
  assert.equal(pool.size.workers, 1);
  await Promise.all(tasks.map(async ({ chunks }, index) => {
    let bytes = 0;
    for await (const piece of chunks) {
      for (const byte of piece) if (byte !== Math.floor(bytes++ / 65536) % 251) assert.fail();
    }
    assert.equal(bytes, sizes[index]! * 65536);
  }));
});

Deno.test("one task that shares a worker is cancelled, and the others go on", async () => {
  await using pool = fakePool({ cores: 1, shared: true });
  const other = pool.start(fakeTask("silent"), "other");
  for (const action of ["send:1000", "slow"]) {
    const task = pool.start(fakeTask(action), "run");
    await task.chunks.cancel();
    assert.deepEqual(await task.ended, { state: "cancelled" });
  }
  assert.equal(pool.size.workers, 1);
  await other.chunks.cancel();
});

Deno.test("a task that is cancelled while its worker starts leaves the worker alone", async () => {
  await using pool = fakePool();
  const workers = pool.pids;
  const tasks = [1, 2, 3].map(() => pool.start(fakeTask("silent"), "run"));
  assert.equal(pool.state.state, "starting");
  await Promise.all(tasks.map(({ chunks }) => chunks.cancel()));
  assert.equal(pool.state.state, "starting", "none was waited for");
  assert.equal(await byteLength(pool.start(fakeTask("send:1"), "next").chunks), 65536);
  assert.deepEqual(pool.pids.slice(0, 1), workers);
});

Deno.test("a task that hangs after a cancel is left behind, and its worker gets no new one", async () => {
  await using pool = fakePool({ cores: 1, shared: true });
  await until(() => pool.state.state === "ready");
  const other = pool.start(fakeTask("silent"), "other");
  const [first] = pool.pids;
  const stuck = pool.start(fakeTask("stuck"), "run");
  await stuck.chunks.cancel();
  assert.deepEqual(await stuck.ended, { state: "cancelled" });
  const next = pool.start(fakeTask("send:2"), "next");
  assert.equal(await byteLength(next.chunks), 131072);
  assert.ok(pool.pids.includes(first!), "it lives for its other task");
  assert.ok(pool.pids.length > 1);
  await other.chunks.cancel();
});

Deno.test("a worker that dies takes along the tasks that share it, loudly, and no other", async () => {
  await using pool = fakePool({ warm: 2, cores: 2, shared: true });
  // By turns: the first and the third share one, the second has the other.
  const first = pool.start(fakeTask("fail"), "first");
  await first.ended;
  const tasks = [1, 2].map(() => pool.start(fakeTask("send:500"), "run"));
  const readers = tasks.map(({ chunks }) => chunks.getReader());
  const begun: number[] = [];
  for (const reader of readers) begun.push((await reader.read()).value!.length);
  const exit = pool.start(fakeTask("exit"), "exit");
  await assert.rejects(byteLength(exit.chunks), /The worker died: exit status 3/);
  const outcomes = await Promise.all(
    readers.map(async (reader, index) => {
      let bytes = begun[index]!;
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return bytes;
          bytes += value.length;
        }
      } catch (error) {
        return error;
      }
    }),
  );
  assert.equal(outcomes.filter((outcome) => outcome instanceof TaskError).length, 1);
  assert.equal(outcomes.filter((outcome) => outcome === 500 * 65536).length, 1);
});

Deno.test("a killed worker is never handed a task", async () => {
  await using pool = fakePool({ warm: 2, cores: 2 });
  for (let turn = 0; turn < 5; turn++) {
    const task = pool.start(fakeTask("deaf"), "run");
    const reader = task.chunks.getReader();
    await reader.read();
    const cancelled = reader.cancel();
    // Whichever moment it is killed at, the tasks that follow are innocent.
    const innocent = Array.from({ length: 4 }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return await byteLength(pool.start(fakeTask("send:1"), "innocent").chunks);
    });
    assert.deepEqual(await Promise.all(innocent), [65536, 65536, 65536, 65536]);
    await cancelled;
  }
});

Deno.test("a task whose worker is killed before it has looked at it is run by another", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("send:3"), "run");
  Deno.kill(pool.pids[0]!, "SIGKILL");
  assert.equal(await byteLength(task.chunks), 3 * 65536);
});

Deno.test("a task that ends its worker before a word of it is not tried for ever", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("die"), "run");
  await assert.rejects(byteLength(task.chunks), /The worker died before it began/);
  assert.equal(await byteLength(pool.start(fakeTask("send:2"), "run").chunks), 131072);
});

Deno.test("whether a query may block is learnt from its first run", async () => {
  const route = (task: { export: string }) => ({
    group: "all",
    blocking: "learn",
    queries: task.export,
  } as const);
  await using pool = fakePool({ warm: 2, cores: 2, route, maxExclusive: 2 });
  // Nothing is known of it: it has a worker to itself, and the second waits with it.
  const first = pool.start(fakeTask("scan:1000"), "first");
  const reader = first.chunks.getReader();
  await reader.read();
  // Now it is known: any number of them share.
  const others = Array.from({ length: 6 }, () => pool.start(fakeTask("scan:2"), "other"));
  await others[0]!.ended;
  const more = Array.from({ length: 6 }, () => pool.start(fakeTask("scan:2"), "more"));
  assert.equal(pool.size.waiting, 0);
  for (const { chunks } of [...others, ...more]) assert.equal(await byteLength(chunks), 131072);
  await reader.cancel();
});

Deno.test("a query that was taken for one that does not block is declined, and waits for its own worker", async () => {
  await using pool = fakePool({ cores: 1, shared: true });
  const task = pool.start(fakeTask("sort:2"), "run");
  assert.equal(await byteLength(task.chunks), 131072);
  assert.equal(task.mayBlock, true);
});

Deno.test("a worker that is short of memory gets no more tasks", async () => {
  await using pool = fakePool({ cores: 1, shared: true });
  const full = pool.start(fakeTask("full"), "full");
  await until(() => pool.size.waiting === 0);
  // Its word is there once a later task of the same worker has been answered.
  await byteLength(pool.start(fakeTask("send:1"), "next").chunks).catch(() => {});
  const waiting = pool.start(fakeTask("send:1"), "waiting");
  assert.equal(pool.size.waiting, 1);
  await full.chunks.cancel();
  await waiting.chunks.cancel();
});

Deno.test("workers of one group are not used for another, and give way to it where there are many", async () => {
  const group = { command: FAKE_WORKER, warm: 0 };
  await using pool = fakePool({
    cores: 1,
    maxExclusive: 1,
    groups: { a: group, b: group, c: group },
    route: (task) => ({ group: task.export.split(":")[2]!, blocking: true, queries: "" }),
  });
  for (const name of ["a", "b", "c", "a"]) {
    assert.equal(await byteLength(pool.start(fakeTask(`send:1:${name}`), "run").chunks), 65536);
  }
  await until(() => pool.size.workers <= 2);
});

/** What another configuration needs, whose workers have other permissions where the key is another one. */
function otherSettings(key?: string): PoolSettings {
  const command = { command: FAKE_WORKER, warm: 1, ...(key === undefined ? {} : { key }) };
  return {
    groups: { all: command },
    route: (task) => ({ group: "all", blocking: true, queries: task.export }),
    tasksPerWorker: 8,
    maxExclusive: 4,
  };
}

Deno.test("tasks of a configuration before have its workers, which end with the last of them", async () => {
  await using pool = fakePool();
  const held = pool.start(fakeTask("silent"), "held");
  const [before] = pool.pids;
  const other = pool.configure(otherSettings("other permissions"));
  assert.equal(pool.state.state, "ready", "no client is sent elsewhere while workers start");
  assert.equal(await byteLength(other.start(fakeTask("send:1"), "run").chunks), 65536);
  const [after] = pool.pids.filter((pid) => pid !== before);
  // One that was asked for before, and comes to its worker after.
  assert.equal(await byteLength(pool.start(fakeTask("send:2"), "late").chunks), 131072);
  assert.ok(pool.pids.includes(before!), "it has a task");
  await held.chunks.cancel();
  await until(() => pool.size.workers === 1);
  assert.deepEqual(pool.pids, [after]);
  assert.equal(await byteLength(pool.start(fakeTask("send:3"), "later").chunks), 196608);
  await until(() => pool.size.workers === 1);
  assert.deepEqual(pool.pids, [after], "what was started for it is gone again");
});

Deno.test("a configuration with the same groups has the same workers", async () => {
  await using pool = fakePool();
  await until(() => pool.state.state === "ready");
  const workers = pool.pids;
  const other = pool.configure(otherSettings());
  assert.equal(await byteLength(other.start(fakeTask("send:1"), "run").chunks), 65536);
  assert.deepEqual(pool.pids, workers);
});

Deno.test("a pool that cannot start a worker fails its tasks and says so until it can", async () => {
  const command = new Deno.Command("/no/such/program");
  await using pool = fakePool({ groups: { all: { command, warm: 1 } } });
  assert.equal(pool.state.state, "failing");
  const task = pool.start(fakeTask("send:1"), "run");
  await assert.rejects(byteLength(task.chunks), /^TaskError: Cannot start a worker: /);
});

Deno.test("a pool whose workers do not come up says so", async () => {
  const command = new Deno.Command("false", { stdin: "piped", stdout: "piped" });
  await using pool = fakePool({ groups: { all: { command, warm: 1 } } });
  await until(() => pool.state.state === "failing");
});

Deno.test("a pool is ready once its workers are up", async () => {
  await using pool = fakePool();
  assert.equal(pool.state.state, "starting");
  await until(() => pool.state.state === "ready");
});

Deno.test("a disposed pool leaves no process behind", async () => {
  const pool = fakePool({ warm: 2 });
  const busy = pool.start(fakeTask("deaf"), "run");
  await pool[Symbol.asyncDispose]();
  assert.equal((await busy.ended).state, "failed");
  assert.deepEqual(pool.size, { workers: 0, idle: 0, waiting: 0 });
  assert.throws(() => pool.start(fakeTask("send:1"), "run"), /the pool is closed/);
});

Deno.test("killed workers leave no descriptor behind", async () => {
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  await using pool = fakePool();
  await pool.start(fakeTask("send:1"), "run").ended;
  const before = descriptors();
  for (let turn = 0; turn < 10; turn++) {
    const task = pool.start(fakeTask("exit"), "run");
    await byteLength(task.chunks).catch(() => {});
  }
  await pool.start(fakeTask("send:1"), "run").ended;
  await until(() => descriptors() <= before + 4);
});

Deno.test("a task is told of the cores that no other task has, as tasks come and go", async () => {
  await using pool = fakePool({ cores: 3 });
  // A silent fake worker gives as its rows what it was last told.
  const first = pool.start(fakeTask("silent"), "first");
  await until(() => first.rows === 2);
  const second = pool.start(fakeTask("silent"), "second");
  await until(() => first.rows === 0);
  await second.chunks.cancel();
  await until(() => first.rows === 2);
  await first.chunks.cancel();
});
