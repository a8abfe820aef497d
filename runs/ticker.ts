/** One timer for all that is looked at now and then: one for each run takes 4 us. */

import type { Clock } from "../storage/clock.ts";

/** Calls back every so often, until what it returns is called. */
export type Ticker = (callback: () => void) => () => void;

/** Makes a ticker; its timer runs while there are callbacks. */
export function createTicker(milliseconds: number, clock: Clock): Ticker {
  const callbacks = new Set<() => void>();
  let stop = () => {};
  function start(): void {
    stop = clock.after(milliseconds, () => {
      callbacks.forEach((callback) => callback());
      if (callbacks.size > 0) start();
    });
  }
  return (callback) => {
    if (callbacks.size === 0) start();
    callbacks.add(callback);
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0) stop();
    };
  };
}
