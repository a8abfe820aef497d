/** Tells the server how much memory a worker has in use, so that it gets no more tasks than it can hold. */

import { getHeapStatistics } from "node:v8";
import type { FrameWriter } from "./frame_writer.ts";
import { FRAME, NO_TASK, type WorkerHealth } from "../protocol.ts";

/** Milliseconds between two words while there are tasks, and the last one after the last of them. */
const HEALTH_MS = 1000;

/** Sends a {@linkcode WorkerHealth} at once, every second while the worker is busy, and once more after that. */
export function sendHealth(frames: FrameWriter, busy: () => boolean): void {
  let wasBusy = true;
  const look = () => {
    const isBusy = busy();
    if (isBusy || wasBusy) {
      void frames.send(
        FRAME.health,
        NO_TASK,
        new TextEncoder().encode(JSON.stringify(health())),
      );
    }
    wasBusy = isBusy;
  };
  look();
  setInterval(look, HEALTH_MS);
}

function health(): WorkerHealth {
  const { used_heap_size: used, external_memory: external, heap_size_limit } = getHeapStatistics();
  return { heap: used + external, maxHeap: heap_size_limit, rss: Deno.memoryUsage().rss };
}
