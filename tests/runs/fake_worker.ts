/** A worker that does what the name of its task's export says: a source for the pool's tests. */

import { FRAME, frameHeader, type FrameType, parseCommand } from "../../runs/protocol.ts";

const PIECE = 64 * 1024;

function send(type: FrameType, payload: Uint8Array) {
  for (const data of [frameHeader(type, payload.length), payload]) {
    for (let at = 0; at < data.length;) at += Deno.stdout.writeSync(data.subarray(at));
  }
}
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

let credit = 0;
let sent = 0;
let total = 0;
let slow = false;

function pump() {
  while (total > 0 && credit > 0 && sent < total) {
    send(FRAME.chunk, new Uint8Array(PIECE).fill(sent % 251));
    credit -= PIECE;
    sent++;
  }
  if (total > 0 && sent === total) {
    total = 0;
    send(FRAME.end, json({ rows: sent, warnings: [{ kind: "text-cut", count: 1 }] }));
  }
}

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const command = parseCommand(line);
    if ("start" in command) {
      const [action, argument] = command.start.export.split(":");
      credit = command.credit;
      sent = total = 0;
      slow = action === "slow";
      if (action === "send") total = Number(argument);
      if (action === "fail") {
        send(FRAME.chunk, new Uint8Array(PIECE));
        send(
          FRAME.failure,
          json({ rows: 7, kind: "source", message: "no such table", detail: "a stack" }),
        );
      }
      if (action === "refuse") {
        send(
          FRAME.failure,
          json({ rows: 0, kind: "table", message: "too many columns", detail: "" }),
        );
      }
      if (action === "exit") {
        send(FRAME.chunk, new Uint8Array(PIECE));
        Deno.exit(3);
      }
      if (action === "garbage") Deno.stdout.writeSync(new TextEncoder().encode("oops\n"));
      if (action === "deaf") {
        send(FRAME.chunk, new Uint8Array(PIECE));
        for (;;);
      }
      // "silent" does nothing at all, and "slow" takes its time to be cancelled.
    } else if ("credit" in command) credit += command.credit;
    else if ("idle" in command) send(FRAME.progress, json({ rows: command.idle }));
    else {
      total = 0;
      if (slow) {
        send(FRAME.stopping, new Uint8Array());
        await new Promise((resolve) => setTimeout(resolve, 600));
      }
      send(FRAME.cancelled, json({ rows: sent }));
    }
    pump();
  }
}
