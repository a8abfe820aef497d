/** A worker that does what the name of its task's export says: a source for the pool's tests. */

import { FRAME, FRAME_HEADER_BYTES, type FrameType, NO_TASK } from "../../runs/protocol.ts";
import { parseCommand, writeFrameHeader } from "../../runs/protocol.ts";

const PIECE = 64 * 1024;

function send(type: FrameType, task: number, payload = new Uint8Array()) {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  writeFrameHeader(frame, type, task);
  for (let at = 0; at < frame.length;) at += Deno.stdout.writeSync(frame.subarray(at));
}
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

interface Task {
  credit: number;
  sent: number;
  total: number;
  action: string;
}

const tasks = new Map<number, Task>();

function pump() {
  for (const [number, task] of tasks) {
    while (task.total > 0 && task.credit > 0 && task.sent < task.total) {
      send(FRAME.chunk, number, new Uint8Array(PIECE).fill(task.sent % 251));
      task.credit -= PIECE;
      task.sent++;
    }
    if (task.total > 0 && task.sent === task.total) {
      tasks.delete(number);
      send(
        FRAME.end,
        number,
        json({ rows: task.sent, warnings: [{ kind: "text-cut", count: 1 }] }),
      );
    }
  }
}

function start(number: number, name: string, credit: number, exclusive: boolean) {
  const [action = "", argument] = name.split(":");
  const task: Task = { credit, sent: 0, total: 0, action };
  tasks.set(number, task);
  const fail = (failure: unknown) => {
    tasks.delete(number);
    send(FRAME.failure, number, json(failure));
  };
  switch (action) {
    case "send":
      task.total = Number(argument);
      break;
    case "fail":
      send(FRAME.chunk, number, new Uint8Array(PIECE));
      fail({ rows: 7, kind: "source", message: "no such table", detail: "a stack" });
      break;
    case "refuse":
      fail({ rows: 0, kind: "table", message: "too many columns", detail: "" });
      break;
    case "exit":
      send(FRAME.chunk, number, new Uint8Array(PIECE));
      Deno.exit(3);
      break;
    case "die":
      Deno.exit(4);
      break;
    case "garbage":
      Deno.stdout.writeSync(new TextEncoder().encode("oops\n"));
      break;
    case "deaf":
      send(FRAME.chunk, number, new Uint8Array(PIECE));
      for (;;);
    case "sort":
      // May block, and says so where it shares a worker.
      if (!exclusive) {
        tasks.delete(number);
        send(FRAME.declined, number);
      } else {
        send(FRAME.opened, number, json({ mayBlock: true }));
        task.total = Number(argument);
      }
      break;
    case "scan":
      send(FRAME.opened, number, json({ mayBlock: false }));
      task.total = Number(argument);
      break;
    case "full":
      send(FRAME.health, NO_TASK, json({ heap: 900, maxHeap: 1000 }));
      break;
      // "silent" does nothing at all, "slow" takes its time to be cancelled, "stuck" never is.
  }
}

send(FRAME.ready, NO_TASK);
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const command = parseCommand(line);
    if ("start" in command) {
      start(command.task, command.start.export, command.credit, command.exclusive);
    } else if ("idle" in command) {
      for (const number of tasks.keys()) {
        send(FRAME.progress, number, json({ rows: command.idle }));
      }
    } else if ("credit" in command) {
      const task = tasks.get(command.task);
      if (task) task.credit += command.credit;
    } else {
      const { task: number } = command;
      const task = tasks.get(number);
      if (!task) continue;
      task.total = 0;
      if (task.action === "slow" || task.action === "stuck") send(FRAME.stopping, number);
      if (task.action === "stuck") continue;
      if (task.action === "slow") await new Promise((resolve) => setTimeout(resolve, 600));
      tasks.delete(number);
      send(FRAME.cancelled, number, json({ rows: task.sent }));
    }
    pump();
  }
}
