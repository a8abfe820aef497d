import assert from "node:assert/strict";
import { TaskError } from "../../runs/running_task.ts";
import { byteLength, fakePool, fakeTask, until } from "./fixture.ts";

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
    assert.deepEqual(pool.size, { workers: 1, idle: 1 });
  }
});

Deno.test("a worker is at most one window ahead of a reader that does not read", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("send:1000"), "run");
  const reader = task.chunks.getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 300));
  // One mebibyte of leave is 16 chunks of 64 KiB.
  assert.equal(task.received, 1024 * 1024);
  for (let read = 0; read < 4 * 1024 * 1024;) read += (await reader.read()).value!.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
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
  assert.deepEqual(pool.size, { workers: 1, idle: 1 });
});

Deno.test("a cancelled worker that does not listen is killed and replaced", async () => {
  await using pool = fakePool();
  const task = pool.start(fakeTask("deaf"), "run");
  const reader = task.chunks.getReader();
  await reader.read();
  const asked = performance.now();
  await reader.cancel();
  assert.ok(performance.now() - asked < 2000);
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

Deno.test("more tasks than warm workers start more, which end with them", async () => {
  await using pool = fakePool(1);
  const tasks = [1, 2, 3].map(() => pool.start(fakeTask("send:50"), "run"));
  assert.equal(pool.size.workers, 3);
  assert.deepEqual(await Promise.all(tasks.map(({ chunks }) => byteLength(chunks))), [
    50 * 65536,
    50 * 65536,
    50 * 65536,
  ]);
  await until(() => pool.size.workers === 1);
});

Deno.test("a disposed pool leaves no process behind", async () => {
  const pool = fakePool(2);
  const busy = pool.start(fakeTask("deaf"), "run");
  await pool[Symbol.asyncDispose]();
  assert.equal((await busy.ended).state, "failed");
  assert.deepEqual(pool.size, { workers: 0, idle: 0 });
  assert.throws(() => pool.start(fakeTask("send:1"), "run"), /the pool is closed/);
});

Deno.test("a task is told of the cores that no other task has, as tasks come and go", async () => {
  await using pool = fakePool(1, 3);
  // A silent fake worker gives as its rows what it was last told.
  const first = pool.start(fakeTask("silent"), "first");
  await until(() => first.rows === 2);
  const second = pool.start(fakeTask("silent"), "second");
  await until(() => first.rows === 0);
  await second.chunks.cancel();
  await until(() => first.rows === 2);
  await first.chunks.cancel();
});
