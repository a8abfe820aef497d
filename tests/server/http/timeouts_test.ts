import assert from "node:assert/strict";
import { type Activity, overdue } from "../../../server/http/timeouts.ts";

const TIMEOUTS = { headTimeout: 10, bodyTimeout: 20, idleTimeout: 100, stallTimeout: 200 };

const IDLE: Activity = {
  inFlight: 0,
  headSince: undefined,
  bodySince: undefined,
  writingSince: undefined,
  activeAt: 0,
};

/** The time at which it is overdue first, and why. */
function first(activity: Partial<Activity>): string | undefined {
  for (let now = 0; now < 1000; now++) {
    const reason = overdue({ ...IDLE, ...activity }, TIMEOUTS, now);
    if (reason) return `${reason} at ${now}`;
  }
}

Deno.test("a connection has as long as what it does is given, from when that began", () => {
  assert.equal(first({}), "idle at 101");
  assert.equal(first({ activeAt: 50 }), "idle at 151");
  assert.equal(first({ headSince: 5 }), "headless at 16");
  assert.equal(first({ headSince: 5, activeAt: 50 }), "headless at 16");
  assert.equal(first({ inFlight: 1 }), undefined, "an answer takes as long as it takes");
  assert.equal(first({ inFlight: 1, headSince: 5 }), undefined);
  assert.equal(first({ inFlight: 1, bodySince: 5 }), "bodyless at 26");
  assert.equal(first({ inFlight: 1, writingSince: 7 }), "stalled at 208");
  assert.equal(first({ inFlight: 1, writingSince: 7, bodySince: 5 }), "stalled at 208");
  assert.equal(first({ writingSince: 7, headSince: 5 }), "stalled at 208");
});
