/** When webhooks are sent, again and no more, with a ledger and a clock of their own. */

import assert from "node:assert/strict";
import type { Ledger } from "../../../runs/ledger/ledger.ts";
import { createMemoryLedger } from "../../../runs/ledger/memory.ts";
import {
  createDeliveries,
  type DeliveriesOptions,
  type DeliveryEvent,
  type WebhookSettings,
} from "../../../runs/webhooks/deliveries.ts";
import {
  type SendOptions,
  type WebhookRequest,
  WebhookTimeoutError,
} from "../../../runs/webhooks/send.ts";
import { row } from "../../contracts/ledger_contract.ts";
import { FakeClock, settle } from "../../storage/spool/fake_spool.ts";
import { until } from "../../waiting.ts";

const APP = "https://app.example.com";

const SETTINGS: WebhookSettings = {
  secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  allow: [APP, "https://other.example.com"],
  allowPrivate: ["http://127.0.0.1:9000"],
  timeout: 15_000,
  maxAttempts: 8,
};

const DAY_MS = 86_400_000;

/** When a {@linkcode FakeClock} begins. */
const ZERO = 1_000;

const START = Date.parse("2026-01-01T12:00:00Z");

/** A request that waits for its answer. */
interface Sent extends WebhookRequest, SendOptions {
  /** Seconds since the start. */
  readonly at: number;
  answer(status: number): void;
  fail(message: string): void;
}

/** Deliveries over a ledger, whose requests a test answers. */
function start(ledger: Ledger, clock: FakeClock, options: Partial<DeliveriesOptions> = {}) {
  const sent: Sent[] = [];
  const events: DeliveryEvent[] = [];
  const errors: unknown[] = [];
  const deliveries = createDeliveries({
    ledger,
    settings: () => SETTINGS,
    toBody: ({ id, state }) => JSON.stringify({ id, state }),
    onAttempt: (event) => events.push(event),
    onError: (error) => errors.push(error),
    now: () => new Date(START + clock.now() - ZERO),
    clock,
    random: () => 0,
    send(request, { signal, ...options }) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      signal?.addEventListener("abort", () => reject(signal.reason));
      sent.push({
        ...request,
        ...options,
        at: (clock.now() - ZERO) / 1000,
        answer: resolve,
        fail: (message) => reject(new Error(message)),
      });
      return promise;
    },
    ...options,
  });
  return { deliveries, sent, events, errors };
}

/** The same, whose requests are answered by their index at once. */
function startAnswering(
  ledger: Ledger,
  clock: FakeClock,
  answer: (index: number) => number | Error,
  options: Partial<DeliveriesOptions> = {},
) {
  const at: number[] = [];
  const sent: (WebhookRequest & SendOptions)[] = [];
  const started = start(ledger, clock, {
    async send(request, options) {
      const outcome = answer(at.length);
      at.push((clock.now() - ZERO) / 1000);
      sent.push({ ...request, ...options });
      if (typeof outcome === "number") return await outcome;
      throw outcome;
    },
    ...options,
  });
  return { ...started, at, sent };
}

/** Writes a run down that is complete, and whose webhook is to be sent. */
async function endRun(ledger: Ledger, id: string, url = `${APP}/hook`): Promise<void> {
  await ledger.insert(row(id, { notify: { url, state: "pending", attempts: [] } }));
  await ledger.transition(id, { from: "queued", attempt: 1, to: "running" });
  await ledger.transition(id, { from: "running", attempt: 1, to: "complete" }, {
    endedAt: "2026-01-01T12:00:00.000Z",
  });
}

Deno.test("sends the receipt of a run that has ended, signed, and writes down that it was taken", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const { deliveries, sent } = start(ledger, clock);
  await using _ = deliveries;
  await ledger.insert(
    row("open", { notify: { url: `${APP}/hook`, state: "pending", attempts: [] } }),
  );
  await endRun(ledger, "run-1");
  deliveries.wake();
  await until(() => sent.length === 1);
  const { url, headers, body, timeout, allowPrivate } = sent[0]!;
  assert.deepEqual({ url: url.href, headers, body, timeout, allowPrivate }, {
    url: "https://app.example.com/hook",
    // By Python's hmac and base64.
    headers: {
      "webhook-id": "run-1",
      "webhook-timestamp": "1767268800",
      "webhook-signature": "v1,nUxPYLBPoEFCkW+bOa2waywJ0u1TsStIcOp7wZBvBrg=",
    },
    body: '{"id":"run-1","state":"complete"}',
    timeout: 15_000,
    allowPrivate: false,
  });
  sent[0]!.answer(204);
  await until(async () => (await ledger.get("run-1"))!.notify!.state === "delivered");
  assert.deepEqual((await ledger.get("run-1"))!.notify, {
    url: "https://app.example.com/hook",
    state: "delivered",
    attempts: [{ at: "2026-01-01T12:00:00.000Z", status: 204 }],
  });
  await clock.pass(86_400_000);
  assert.equal(sent.length, 1);
});

Deno.test("sends again what was not taken, later each time, and at last no more", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const answers = [
    500,
    new WebhookTimeoutError("no answer within 15000 ms"),
    302,
    404,
    500,
    429,
    503,
    500,
  ];
  const { deliveries, at, sent } = startAnswering(ledger, clock, (index) => answers[index]!);
  await using _ = deliveries;
  await endRun(ledger, "run-1");
  deliveries.wake();
  await clock.pass(7 * 86_400_000);
  const waits = at.slice(1).map((time, index) => time - at[index]!);
  assert.deepEqual(waits, [5, 25, 125, 625, 3125, 14_400, 14_400]);
  assert.deepEqual(sent.map(({ headers }) => headers["webhook-id"]), Array(8).fill("run-1"));
  assert.deepEqual(
    sent.slice(0, 3).map(({ headers }) => headers["webhook-timestamp"]),
    ["1767268800", "1767268805", "1767268830"],
  );
  const { state, attempts } = (await ledger.get("run-1"))!.notify!;
  assert.equal(state, "failed");
  assert.equal(attempts.length, 8);
  assert.deepEqual(attempts.slice(0, 3), [
    { at: "2026-01-01T12:00:00.000Z", status: 500 },
    { at: "2026-01-01T12:00:05.000Z", error: "no answer within 15000 ms" },
    { at: "2026-01-01T12:00:30.000Z", status: 302 },
  ]);
});

Deno.test("waits up to a fifth less, at random", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const draws = [0.5, 1, 0.25];
  const { deliveries, at } = startAnswering(ledger, clock, (index) => index < 3 ? 500 : 200, {
    random: () => draws.shift() ?? 0,
  });
  await using _ = deliveries;
  await endRun(ledger, "run-1");
  deliveries.wake();
  await clock.pass(3_600_000);
  assert.deepEqual(at, [0, 4.5, 24.5, 143.25]);
});

Deno.test("sends no more where the receiver is gone", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const { deliveries, at } = startAnswering(ledger, clock, () => 410);
  await using _ = deliveries;
  await endRun(ledger, "run-1");
  deliveries.wake();
  await clock.pass(86_400_000);
  const { state, attempts } = (await ledger.get("run-1"))!.notify!;
  assert.deepEqual([state, attempts.length, at.length], ["failed", 1, 1]);
});

Deno.test("sends nothing of a run that is old, and says so", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  await clock.pass(3 * DAY_MS + 1_000);
  // As many as there could be requests at once, and more: each is looked at all the same.
  for (let index = 0; index < 40; index++) await endRun(ledger, `run-${index}`);
  const { deliveries, at, events } = startAnswering(ledger, clock, () => 200);
  await using _ = deliveries;
  deliveries.wake();
  await until(() => events.length === 40);
  await clock.pass(DAY_MS);
  assert.deepEqual(at, []);
  assert.deepEqual((await ledger.get("run-39"))!.notify, {
    url: "https://app.example.com/hook",
    state: "failed",
    attempts: [{ at: "2026-01-04T12:00:01.000Z", error: "it was not taken within three days" }],
  });
});

Deno.test("sends at most for three days, however many attempts there may be", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const { deliveries, at } = startAnswering(ledger, clock, () => 500, {
    settings: () => ({ ...SETTINGS, maxAttempts: 100 }),
  });
  await using _ = deliveries;
  await endRun(ledger, "run-1");
  deliveries.wake();
  await clock.pass(7 * DAY_MS);
  const { state, attempts } = (await ledger.get("run-1"))!.notify!;
  assert.deepEqual([state, attempts.at(-1)!.status, attempts.length], ["failed", 500, at.length]);
  const [last = 0] = at.slice(-1);
  assert.ok(last > 2 * DAY_MS / 1000 && last <= 3 * DAY_MS / 1000, `${last}`);
});

Deno.test("leaves what is not allowed to another server that has the ledger, until it is old", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const old = startAnswering(ledger, clock, () => 200, {
    settings: () => ({ ...SETTINGS, allow: ["https://other.example.com"] }),
  });
  await using _old = old.deliveries;
  for (let index = 0; index < 20; index++) await endRun(ledger, `run-${index}`);
  await endRun(ledger, "other", "https://other.example.com/hook");
  old.deliveries.wake();
  await until(async () => (await ledger.get("other"))!.notify!.state === "delivered");
  await clock.pass(60_000);
  assert.deepEqual((await ledger.get("run-1"))!.notify, {
    url: "https://app.example.com/hook",
    state: "pending",
    attempts: [],
  });
  {
    const accepting = startAnswering(ledger, clock, (index) => index === 0 ? 500 : 200);
    await using _ = accepting.deliveries;
    accepting.deliveries.wake();
    await until(() => accepting.at.length === 20);
  }
  await clock.pass(3 * DAY_MS);
  const states = await Promise.all(
    Array.from(
      { length: 20 },
      async (_, index) => (await ledger.get(`run-${index}`))!.notify!.state,
    ),
  );
  assert.deepEqual(states.sort(), [...Array(19).fill("delivered"), "failed"]);
  assert.equal(old.at.length, 1);
});

Deno.test("sends to private addresses where that is allowed", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const { deliveries, sent } = startAnswering(ledger, clock, () => 200);
  await using _ = deliveries;
  await endRun(ledger, "run-1", "http://127.0.0.1:9000/hook");
  await endRun(ledger, "run-2");
  deliveries.wake();
  await clock.pass(1_000);
  assert.deepEqual(sent.map(({ allowPrivate }) => allowPrivate), [true, false]);
});

Deno.test("a receiver that does not answer holds up no other one", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const { deliveries, sent } = start(ledger, clock);
  await using _ = deliveries;
  for (let index = 0; index < 40; index++) await endRun(ledger, `slow-${index}`);
  for (let index = 0; index < 5; index++) {
    await endRun(ledger, `z-${index}`, "https://other.example.com/");
  }
  deliveries.wake();
  const hosts = () => sent.map(({ url }) => url.hostname.replace(".example.com", ""));
  await until(() => sent.length === 8);
  await clock.pass(1_000);
  assert.deepEqual(hosts(), [...Array(4).fill("app"), ...Array(4).fill("other")]);
  sent[7]!.answer(200);
  await until(() => sent.length === 9);
  assert.equal(hosts()[8], "other");
  for (const one of sent.slice(0, 4)) one.fail("no answer within 15000 ms");
  await until(() => sent.length === 13);
  await clock.pass(1_000);
  assert.deepEqual(hosts().slice(9), Array(4).fill("app"));
});

Deno.test("of two servers one sends; the other one, where that one ends without a word", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const one = start(ledger, clock);
  const two = start(ledger, clock);
  await endRun(ledger, "run-1");
  one.deliveries.wake();
  two.deliveries.wake();
  await until(() => one.sent.length + two.sent.length === 1);
  // It does not come back.
  await clock.pass(60_000);
  assert.equal(one.sent.length + two.sent.length, 1);
  await clock.pass(60_000);
  assert.equal(one.sent.length + two.sent.length, 2);
  await one.deliveries[Symbol.asyncDispose]();
  await two.deliveries[Symbol.asyncDispose]();
});

Deno.test("what was under way when the server ended is sent by the next one at once", async () => {
  const clock = new FakeClock();
  await using ledger = createMemoryLedger("one");
  const one = start(ledger, clock);
  await endRun(ledger, "run-1");
  one.deliveries.wake();
  await until(() => one.sent.length === 1);
  await one.deliveries[Symbol.asyncDispose]();
  assert.equal(one.events.length, 0);
  assert.deepEqual((await ledger.get("run-1"))!.notify!.attempts, []);
  const two = startAnswering(ledger, clock, () => 200);
  await using _ = two.deliveries;
  two.deliveries.wake();
  await settle();
  assert.equal((await ledger.get("run-1"))!.notify!.state, "delivered");
});

Deno.test("a ledger that can be read and not written is asked again after a while, and nothing is sent", async () => {
  const clock = new FakeClock();
  await using memory = createMemoryLedger("one");
  let asked = 0;
  const ledger: DeliveriesOptions["ledger"] = {
    ...memory,
    reschedule: (...times) =>
      ++asked <= 3 ? Promise.reject(new Error("disk full")) : memory.reschedule(...times),
  };
  const { deliveries, at, errors } = startAnswering(memory, clock, () => 200, { ledger });
  await using _ = deliveries;
  await endRun(memory, "run-1");
  deliveries.wake();
  await clock.pass(600_000);
  assert.equal(errors.length, 3);
  assert.deepEqual(at, [90]);
});

Deno.test("looks again where the ledger failed", async () => {
  const clock = new FakeClock();
  await using memory = createMemoryLedger("one");
  let failures = 1;
  const ledger: DeliveriesOptions["ledger"] = {
    ...memory,
    notifications: (...asked) =>
      failures-- > 0 ? Promise.reject(new Error("disk full")) : memory.notifications(...asked),
  };
  const { deliveries, at, errors } = startAnswering(memory, clock, () => 200, { ledger });
  await using _ = deliveries;
  await endRun(memory, "run-1");
  deliveries.wake();
  await clock.pass(60_000);
  assert.deepEqual(errors.map(String), ["Error: disk full"]);
  assert.deepEqual(at, [30]);
});
