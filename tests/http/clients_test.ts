/** What clients do to a server: leave, stall, wait; and what the server then holds. */

import assert from "node:assert/strict";
import { isAlive } from "../commands/fixture.ts";
import { standstill, until } from "../waiting.ts";
import { IDENTITY } from "./downloads.ts";
import { isUnread, openDownload, readBytes, startServer, type TestServer } from "./fixture.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Resident memory of this process and of its workers, in bytes. */
function residentMemory(server: TestServer): number {
  return server.engine.pool.pids.reduce((sum, pid) => {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return sum + Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * KIB;
  }, Deno.memoryUsage().rss);
}

const OFFSETS = [0, 1, 100, 1000, 64 * KIB, 64 * KIB + 1, 256 * KIB, MIB, 3 * MIB, 10 * MIB];

for (const format of ["csv", "xlsx"]) {
  Deno.test(`${format}: a client may leave at any byte, and all comes back`, async () => {
    await using server = await startServer({ limits: "{ concurrent: 1 }" });
    assert.equal(isUnread(server.database), true);
    for (const [index, offset] of OFFSETS.entries()) {
      const socket = await openDownload(server, `/exports/rows.${format}?rows=50000000`);
      assert.equal(await readBytes(socket, offset), offset);
      // The first look at the lock proves that the second one means something.
      await until(() => !isUnread(server.database));
      socket.close();
      await until(() => server.reports.length === index + 1);
      assert.equal(server.engine.admission.taken, 0);
      await until(() => isUnread(server.database));
      await until(() => server.engine.pool.size.idle === 1);
      assert.equal(server.reports[index]!.state, "cancelled");
    }
  });
}

/** Bytes that the workers of a server have written, to it or anywhere. */
function written(server: TestServer): number {
  return server.engine.pool.pids.reduce((sum, pid) => {
    const counts = Deno.readTextFileSync(`/proc/${pid}/io`);
    return sum + Number(/wchar: (\d+)/.exec(counts)?.[1]);
  }, 0);
}

Deno.test("for a client that reads nothing, rows and memory stand still", async () => {
  await using server = await startServer();
  const socket = await openDownload(server, "/exports/rows.csv?rows=50000000");
  await readBytes(socket, 100);
  await standstill(() => written(server));
  const memory = residentMemory(server);
  for (let turn = 0; turn < 100; turn++) await (await fetch(`${server.origin}/healthz`)).text();
  const growth = residentMemory(server) - memory;
  assert.ok(growth < 8 * MIB, `memory grew by ${growth} bytes`);
  socket.close();
  await until(() => server.reports.length === 1);
  // A row is 100 bytes. The kernel's buffers take 4 MiB, or where they may grow some more, and the
  // server's window 1 MiB; an unbounded reader never stands still before all fifty million.
  const { rows } = server.reports[0]!;
  assert.ok(rows > 256, `${rows} rows`);
  assert.ok(rows < 500_000, `${rows} rows were read for a client that read none`);
});

Deno.test("while a query sorts, the server answers; cancelled, it is gone", async () => {
  await using server = await startServer({ limits: "{ concurrent: 1 }" });
  const socket = await openDownload(server, "/exports/sorts.csv");
  const { pool } = server.engine;
  await until(() => pool.size.waiting === 0 && pool.size.idle < pool.size.workers);
  const before = new Map(pool.pids.map((pid) => [pid, ticksOf(pid)]));
  let worker = 0;
  // It sorts, and hears of nothing else: half a second of a core is none that it took to begin.
  await until(() => {
    worker = pool.pids.find((pid) => ticksOf(pid) - (before.get(pid) ?? 0) > 50) ?? 0;
    return worker > 0;
  });
  for (let turn = 0; turn < 50; turn++) {
    await (await fetch(`${server.origin}/healthz`)).text();
    // It sorts for longer than any test waits: none of these answers came behind it.
    assert.deepEqual(server.reports, []);
  }
  socket.close();
  await until(() => server.engine.admission.taken === 0);
  await until(() => !isAlive(worker));
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=1`);
  assert.equal(response.status, 200);
  await response.text();
});

/** Hundredths of a second that a process has had of a core. */
function ticksOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // Behind the name in parentheses: state (3), … utime (14), stime (15).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

Deno.test("a worker that is killed breaks its download, and the next one works", async () => {
  await using server = await startServer({ limits: "{ concurrent: 1 }" });
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=50000000`);
  const reader = response.body!.getReader();
  await reader.read();
  Deno.kill(server.engine.pool.pids[0]!, "SIGKILL");
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  });
  await until(() => server.reports.length === 1);
  assert.match(server.reports[0]!.error!.message, /The worker died: killed by SIGKILL/);
  const next = await fetch(`${server.origin}/exports/table.csv`);
  assert.equal(await next.text(), "id,name\r\n1,a\r\n");
});

Deno.test("a file of few rows comes in one piece, with its length", async () => {
  await using server = await startServer();
  for (const rows of [1, 10]) {
    const response = await fetch(`${server.origin}/exports/rows.csv?rows=${rows}`, {
      headers: IDENTITY,
    });
    const { length } = await response.bytes();
    assert.equal(response.headers.get("content-length"), `${length}`);
  }
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=50000`, {
    headers: IDENTITY,
  });
  assert.equal(response.headers.get("content-length"), null, "the last row is not there yet");
  await response.body!.cancel();
});

Deno.test("HEAD opens nothing", async () => {
  await using server = await startServer();
  const response = await fetch(`${server.origin}/exports/missing.csv`, { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-length"), null, "which nobody knows yet");
  assert.deepEqual(server.reports, []);
  assert.equal(isUnread(server.database), true);
});

Deno.test("a hundred downloads that break leave no unhandled rejection behind", async () => {
  const rejections: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    rejections.push(event.reason);
  };
  addEventListener("unhandledrejection", listener);
  try {
    await using server = await startServer({ limits: "{ concurrent: 4 }" });
    for (let turn = 0; turn < 25; turn++) {
      await Promise.all([1, 2, 3, 4].map(async (client) => {
        const socket = await openDownload(server, "/exports/rows.csv?rows=1000000");
        await readBytes(socket, turn * 7919 * client % MIB);
        socket.close();
      }));
      await until(() => server.reports.length === 4 * (turn + 1));
    }
    assert.equal(server.engine.admission.taken, 0);
  } finally {
    removeEventListener("unhandledrejection", listener);
  }
  assert.deepEqual(rejections, []);
});

/** Descriptors of this process. */
function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("a thousand clients that leave at any time leave no run, no socket and no descriptor", async () => {
  await using server = await startServer({ limits: "{ concurrent: 8 }" });
  const { admission, pool } = server.engine;
  const quiet = () =>
    admission.taken === 0 && server.counts.open === 0 && pool.size.idle === pool.size.workers;
  const leaveOne = async (turn: number) => {
    const socket = await openDownload(server, "/exports/rows.csv?rows=50000000");
    // At once, with the first bytes of the answer, or after some thousand rows.
    const head = new Uint8Array(12);
    if (turn % 3 > 0) await socket.read(head);
    // Another answer than 200 has no more bytes, and its slot is one that is taken.
    const isFile = new TextDecoder().decode(head) === "HTTP/1.1 200";
    if (turn % 3 > 1 && isFile) await readBytes(socket, turn * 1000);
    socket.close();
  };
  await leaveOne(100);
  await until(quiet);
  const before = descriptors();
  for (let turn = 0; turn < 1000; turn += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, index) => leaveOne(turn + index)));
  }
  await until(quiet);
  assert.equal(server.reports.filter(({ error }) => error).length, 0);
  // Workers that were started meanwhile are kept, with three descriptors each.
  const kept = 3 * pool.size.workers;
  await until(() => descriptors() <= before + kept);
  assert.equal(isUnread(server.database), true);
});
