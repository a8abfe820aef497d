/** Readiness: whether another export would be taken, asked of everything that one needs. */

import { type Clock, systemClock } from "../storage/clock.ts";
import { settlesWithin } from "../storage/settles_within.ts";

/** How one thing is: `failing` is for what does not mend by itself, and the log says why. */
export type CheckState = "ready" | "starting" | "full" | "draining" | "failing";

/** One thing that exports need. */
export interface Check {
  /** What it is called. */
  readonly name: string;
  /** How it is now. */
  state(): CheckState | Promise<CheckState>;
}

/** How everything is. */
export interface Readiness {
  /** `ready` where everything is, else the state of the first thing that is not. */
  readonly status: CheckState;
  /** The state of each, by name. */
  readonly checks: Readonly<Record<string, CheckState>>;
}

/** Milliseconds that a thing has to say how it is: a disk that takes longer is none to rely on. */
const ANSWER_MS = 1_000;

/** Makes the question. One that is not answered is not put again: each would keep a thread of the runtime. */
export function createReadiness(
  checks: readonly Check[],
  clock: Clock = systemClock,
): () => Promise<Readiness> {
  const asked = new Map<Check, Promise<CheckState>>();

  function ask(check: Check): Promise<CheckState> {
    const pending = asked.get(check);
    if (pending) return pending;
    const answer = Promise.try(() => check.state())
      .catch((): CheckState => "failing")
      .finally(() => asked.delete(check));
    asked.set(check, answer);
    return answer;
  }

  async function answer(check: Check): Promise<readonly [name: string, state: CheckState]> {
    const asking = ask(check);
    return [check.name, await settlesWithin(asking, ANSWER_MS, clock) ? await asking : "failing"];
  }

  return async () => {
    const states = await Promise.all(checks.map(answer));
    const [, status = "ready"] = states.find(([, state]) => state !== "ready") ?? [];
    return { status, checks: Object.fromEntries(states) };
  };
}
