/** A thread that deflates blocks for another one; it imports nothing of ours, which it might not read. */

import process from "node:process";
import { deflateRawSync } from "node:zlib";
import type { DeflatedBlock, PostedBlock } from "./deflate_helper.ts";

/** What a thread sees of itself; Deno's types know only the main one's. */
interface Thread {
  onmessage: (event: MessageEvent<PostedBlock>) => void;
  postMessage(message: DeflatedBlock | "ready", transfer?: Transferable[]): void;
}

const thread = self as unknown as Thread;

thread.onmessage = ({ data: { bytes, options } }) => {
  const started = performance.now();
  const before = process.threadCpuUsage();
  // Copied: zlib's own buffer is larger, or one that others share.
  const deflated = new Uint8Array(deflateRawSync(bytes, options));
  const { user, system } = process.threadCpuUsage(before);
  const elapsed = performance.now() - started;
  thread.postMessage(
    { deflated, bytes, elapsed, cpu: (user + system) / 1000 },
    [deflated.buffer, bytes.buffer],
  );
};
thread.postMessage("ready");
