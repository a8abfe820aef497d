/** A thread that inflates one entry for another thread; it imports nothing of ours, which it might not read. */

import { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import type { InflateAnswer, InflateCommand } from "./inflate_helper.ts";

/** What a thread sees of itself; Deno's types know only the main one's. */
interface Thread {
  onmessage: (event: MessageEvent<InflateCommand>) => void;
  postMessage(message: InflateAnswer, transfer?: Transferable[]): void;
}

const thread = self as unknown as Thread;

const input = new Readable({ read: () => thread.postMessage("input"), highWaterMark: 1 });
let credit = 0;
let onCredit = () => {};

async function inflate(pieceBytes: number): Promise<void> {
  let crc = 0;
  try {
    for await (const inflated of input.pipe(createInflateRaw({ chunkSize: pieceBytes }))) {
      crc = crc32(inflated, crc);
      if (credit-- === 0) await new Promise<void>((resolve) => onCredit = resolve);
      // Copied: zlib's own buffer is larger.
      const bytes = new Uint8Array(inflated);
      thread.postMessage({ bytes, crc }, [bytes.buffer]);
    }
    thread.postMessage("end");
  } catch (error) {
    thread.postMessage({ error: String(error) });
  }
}

thread.onmessage = ({ data }) => {
  if ("input" in data) return void input.push(data.input);
  if ("end" in data) return void input.push(null);
  credit += data.credit;
  onCredit();
  if ("pieceBytes" in data) void inflate(data.pieceBytes);
};
thread.postMessage("ready");
