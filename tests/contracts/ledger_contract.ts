/** What every ledger does: one suite over each of them. */

import assert from "node:assert/strict";
import { CursorError, type Ledger, type LedgerRow } from "../../runs/ledger/ledger.ts";
import { NEXT_STATES, RUN_STATES, type RunState } from "../../runs/receipt.ts";

/** A ledger to test. */
export interface LedgerFixture {
  /** Declares a test. @default Deno.test */
  readonly test?: (name: string, body: () => Promise<void>) => void;
  /** Opens an empty one, for the server of that id. */
  open(server: string): Promise<Ledger>;
  /** Opens the one that was opened last again, for a server of another id; absent: it ends with its process. */
  reopen?(server: string): Promise<Ledger>;
}

/** A row of a run that was just asked for. */
export function row(id: string, members: Partial<LedgerRow> = {}): LedgerRow {
  return {
    id,
    state: "queued",
    attempt: 1,
    server: "one",
    request: {
      exports: ["audit-log"],
      format: "csv",
      params: { since: "2026-01-01", ids: ["1", "2"] },
      options: { delivery: "whole" },
      delivery: "background",
    },
    principal: "key:k7f3q2",
    tenant: "42",
    rows: 0,
    bytes: 0,
    warnings: [],
    masks: [{ export: "audit-log", column: "email", mask: "partial" }],
    truncated: [],
    queuedAt: "2026-01-01T12:00:00.000Z",
    ...members,
  };
}

const OWNER = { principal: "key:k7f3q2", tenant: "42", limit: 10 };

const NEXT_DAY = new Date("2026-01-02T00:00:00Z");

/** Declares the tests of a ledger. */
export function testLedger(name: string, fixture: LedgerFixture): void {
  const { test = (title, body) => Deno.test(title, body) } = fixture;
  const it = (title: string, body: (ledger: Ledger) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      await using ledger = await fixture.open("one");
      await body(ledger);
    });

  it("gives back a row as it was written", async (ledger) => {
    const whole = row("a", {
      credential: "k7f3q2",
      reason: 'why "not"? 엑셀 \u{1F600}',
      sha256: "00",
      warnings: [{ kind: "text-cut", column: "note", count: 3 }],
      idempotency: { scope: "key:k7f3q2", key: "once", fingerprint: "f" },
      file: { filename: "a.csv", mediaType: "text/csv" },
      schedule: { name: "nightly", slot: "2026-01-01T06:00:00.000Z" },
      notify: { url: "https://app.example.com/hook?a=b", state: "pending", attempts: [] },
    });
    assert.equal(await ledger.insert(whole), undefined);
    assert.deepEqual(await ledger.get("a"), whole);
    assert.equal(await ledger.get("b"), undefined);
  });

  it("takes each legal step, and what comes with it stays", async (ledger) => {
    await ledger.insert(row("a"));
    assert.equal(
      await ledger.transition("a", { from: "queued", attempt: 1, to: "running" }, {
        startedAt: "2026-01-01T12:00:01.000Z",
      }),
      true,
    );
    await ledger.transition("a", { from: "running", attempt: 1, to: "publishing" }, { rows: 7 });
    await ledger.transition("a", { from: "publishing", attempt: 1, to: "complete" }, {
      endedAt: "2026-01-01T12:00:02.000Z",
      bytes: 99,
      sha256: "ab",
      file: {
        filename: "a.csv",
        mediaType: "text/csv",
        expiresAt: "2026-01-02T12:00:02.000Z",
      },
    });
    assert.deepEqual(
      await ledger.get("a"),
      row("a", {
        state: "complete",
        startedAt: "2026-01-01T12:00:01.000Z",
        endedAt: "2026-01-01T12:00:02.000Z",
        rows: 7,
        bytes: 99,
        sha256: "ab",
        file: {
          filename: "a.csv",
          mediaType: "text/csv",
          expiresAt: "2026-01-02T12:00:02.000Z",
        },
      }),
    );
  });

  it("takes a step only from the state that the run is in", async (ledger) => {
    await ledger.insert(row("a"));
    const run = { from: "queued", attempt: 1, to: "running" } as const;
    const steps = await Promise.all([1, 2, 3].map(() => ledger.transition("a", run)));
    assert.deepEqual(steps, [true, false, false]);
    assert.equal(await ledger.transition("b", run), false);
    await ledger.transition("a", { from: "running", attempt: 1, to: "cancelled" });
    assert.equal(
      await ledger.transition("a", { from: "running", attempt: 1, to: "complete" }, { rows: 1 }),
      false,
    );
    const { state, rows } = (await ledger.get("a"))!;
    assert.deepEqual({ state, rows }, { state: "cancelled", rows: 0 });
  });

  it("takes a step only of a run that is in the hands of its server, or complete", async (ledger) => {
    await ledger.insert(row("a", { server: "two", state: "running" }));
    const end = { from: "running", attempt: 1, to: "complete" } as const;
    assert.equal(await ledger.transition("a", end), false);
    assert.deepEqual(
      await Promise.all([
        ledger.claim("a", "three"),
        ledger.claim("a", "two"),
        ledger.claim("a", "two"),
      ]),
      [false, true, false],
    );
    assert.equal(await ledger.transition("a", end), true);
    await ledger.insert(row("b", { server: "two", state: "complete" }));
    assert.equal(await ledger.claim("b", "two"), false);
    const expire = { from: "complete", attempt: 1, to: "expired" } as const;
    assert.equal(await ledger.transition("b", expire), true);
  });

  it("lets no attempt that is over end the next one", async (ledger) => {
    await ledger.insert(row("a", { state: "running" }));
    await ledger.transition("a", { from: "running", attempt: 1, to: "queued" }, { attempt: 2 });
    await ledger.transition("a", { from: "queued", attempt: 2, to: "running" });
    assert.equal(
      await ledger.transition("a", { from: "running", attempt: 1, to: "complete" }),
      false,
    );
    assert.equal(
      await ledger.transition("a", { from: "running", attempt: 2, to: "complete" }),
      true,
    );
  });

  it("refuses every step that no run may take", async (ledger) => {
    await ledger.insert(row("a"));
    for (const from of RUN_STATES) {
      for (const to of RUN_STATES) {
        if ((NEXT_STATES[from] as readonly RunState[]).includes(to)) continue;
        await assert.rejects(() => ledger.transition("a", { from, attempt: 1, to }), RangeError);
      }
    }
  });

  it("keeps one run for an idempotency key of a scope", async (ledger) => {
    const idempotency = { scope: "a", key: "once", fingerprint: "f" };
    assert.equal(await ledger.insert(row("a", { idempotency })), undefined);
    assert.deepEqual(await ledger.insert(row("b", { idempotency })), row("a", { idempotency }));
    assert.equal(await ledger.get("b"), undefined);
    const others = [
      row("c", { idempotency: { ...idempotency, scope: "b" } }),
      row("d", { idempotency: { ...idempotency, key: "twice" } }),
      row("e"),
      row("f"),
    ];
    for (const other of others) assert.equal(await ledger.insert(other), undefined);
    // As after a crash between the commit and its answer.
    assert.equal(await ledger.insert(row("a", { idempotency })), undefined);
  });

  it("lists the runs of a principal and a tenant, the newest first, page by page", async (ledger) => {
    const at = (second: number) => `2026-01-01T12:00:0${second}.000Z`;
    for (const [id, second] of [["a", 1], ["b", 3], ["c", 2], ["d", 3], ["e", 3]] as const) {
      await ledger.insert(row(id, { queuedAt: at(second) }));
    }
    await ledger.insert(row("x", { principal: "key:other" }));
    await ledger.insert(row("y", { tenant: "43" }));
    const { tenant: _, ...nobodys } = row("z");
    await ledger.insert(nobodys);
    const ids = async (filter: Partial<Parameters<Ledger["list"]>[0]> = {}) => {
      const { rows, next } = await ledger.list({ ...OWNER, ...filter });
      return [rows.map(({ id }) => id).join(""), next] as const;
    };
    assert.deepEqual(await ids(), ["edbca", undefined]);
    const [first, cursor] = await ids({ limit: 2 });
    const [second, last] = await ids({ limit: 2, cursor });
    assert.deepEqual([first, second], ["ed", "bc"]);
    assert.deepEqual(await ids({ limit: 2, cursor: last }), ["a", undefined]);
    assert.deepEqual(await ids({ tenant: undefined }), ["z", undefined]);
    assert.deepEqual(await ids({ since: new Date(at(2)) }), ["edbc", undefined]);
    await assert.rejects(() => ids({ cursor: "elsewhere" }), CursorError);
  });

  it("filters by state and by export", async (ledger) => {
    const { request } = row("a");
    await ledger.insert(row("a"));
    await ledger.insert(row("b", { state: "running" }));
    await ledger.insert(row("c", { request: { ...request, exports: ["people", "audit-log"] } }));
    await ledger.insert(row("d", { request: { ...request, exports: ["audit_log"] } }));
    const ids = async (filter: Partial<Parameters<Ledger["list"]>[0]>) =>
      (await ledger.list({ ...OWNER, ...filter })).rows.map(({ id }) => id).join("");
    assert.equal(await ids({ state: "running" }), "b");
    assert.equal(await ids({ export: "audit-log" }), "cba");
    assert.equal(await ids({ export: "people" }), "c");
    assert.equal(await ids({ export: "audit" }), "");
  });

  it("purges runs that ended before, but for those whose file is kept", async (ledger) => {
    const early = "2026-01-01T00:00:00.000Z";
    const file = { filename: "a.csv", mediaType: "text/csv", expiresAt: early };
    await ledger.insert(row("open", { state: "running" }));
    await ledger.insert(row("early", { state: "failed", endedAt: early }));
    await ledger.insert(row("late", { state: "failed", endedAt: "2026-01-03T00:00:00.000Z" }));
    await ledger.insert(row("kept", { state: "complete", endedAt: early, file }));
    assert.deepEqual((await ledger.kept()).map(({ id }) => id), ["kept"]);
    assert.equal(await ledger.purge(NEXT_DAY, NEXT_DAY), 1);
    assert.equal(await ledger.get("early"), undefined);
    await ledger.transition("kept", { from: "complete", attempt: 1, to: "expired" });
    assert.deepEqual(await ledger.kept(), []);
    assert.equal(await ledger.purge(NEXT_DAY, NEXT_DAY), 1);
    assert.deepEqual((await ledger.list(OWNER)).rows.map(({ id }) => id), ["open", "late"]);
  });

  it("has webhooks be sent of runs that have ended, each at its time and once at a time", async (ledger) => {
    const notify = (origin: string) =>
      ({ url: `${origin}/hook`, state: "pending", attempts: [] }) as const;
    const [app, other] = ["https://app.example.com", "http://127.0.0.1:9000"] as const;
    const ids = async (limit: number, origins: readonly string[] = [app, other], before = 0) =>
      (await ledger.notifications(limit, origins, new Date(before)))
        .map(({ row, at }) => [row.id, at]);
    await ledger.insert(row("none"));
    for (const [id, origin] of [["a", app], ["b", other], ["c", app]] as const) {
      await ledger.insert(row(id, { notify: notify(origin) }));
    }
    assert.deepEqual(await ids(10), []);
    const end = async (id: string, second: number) => {
      await ledger.transition(id, { from: "queued", attempt: 1, to: "cancelled" }, {
        endedAt: `2026-01-01T12:00:0${second}.000Z`,
      });
    };
    await end("none", 0);
    await end("b", 2);
    await end("a", 1);
    const START = Date.parse("2026-01-01T12:00:00.000Z");
    assert.deepEqual(await ids(10), [["a", START + 1_000], ["b", START + 2_000]]);
    assert.deepEqual(await ids(1), [["a", START + 1_000]]);
    assert.deepEqual(await ids(1, [other]), [["b", START + 2_000]]);
    assert.deepEqual(await ids(1, []), []);
    assert.deepEqual(await ids(9, [], START + 1_000), []);
    assert.deepEqual(await ids(9, [], START + 2_000), [["a", START + 1_000]]);
    assert.equal((await ids(9, [other], START + 2_000)).length, 2);
    // One of several that find it due has it.
    const times = { from: START + 1_000, to: START + 60_000 };
    assert.deepEqual(
      await Promise.all([ledger.reschedule("a", times), ledger.reschedule("a", times)]),
      [true, false],
    );
    assert.deepEqual(await ids(10), [["b", START + 2_000], ["a", START + 60_000]]);
    assert.deepEqual((await ledger.get("a"))!.notify, notify(app));
    const failed = {
      ...notify(app),
      state: "failed",
      attempts: [{ at: "2026-01-01T12:00:01.000Z", status: 500 }, { at: "x", error: "refused" }],
    } as const;
    assert.equal(
      await ledger.reschedule("a", { from: START + 60_000, to: undefined }, failed),
      true,
    );
    assert.deepEqual((await ledger.get("a"))!.notify, failed);
    assert.deepEqual(await ids(10), [["b", START + 2_000]]);
    // What is to be sent is not purged.
    assert.equal(await ledger.purge(NEXT_DAY, new Date(START + 2_000)), 2);
    assert.ok(await ledger.get("b"));
    // What is too old to be sent is.
    assert.equal(await ledger.purge(NEXT_DAY, new Date(START + 2_001)), 1);
    assert.equal(await ledger.get("b"), undefined);
  });

  it("knows which slot of a schedule was taken last", async (ledger) => {
    const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));
    const last = async (name: string, pattern: string, hour: number) =>
      (await ledger.scheduled(name, pattern, at(hour))).getUTCHours();
    assert.equal(await last("a", "daily", 5), 5);
    assert.equal(await last("a", "daily", 9), 5);
    await ledger.taken("a", at(8));
    await ledger.taken("a", at(7));
    assert.equal(await last("a", "daily", 9), 8);
    assert.equal(await last("b", "daily", 9), 9);
    assert.equal(await last("a", "hourly", 10), 10);
    assert.equal(await last("a", "hourly", 11), 10);
    await ledger.taken("none", at(8));
  });

  it("finds the last run of a schedule that was handed over, and keeps it for the next one", async (ledger) => {
    const at = (second: number) => `2026-01-01T12:00:0${second}.000Z`;
    const last = async () => (await ledger.lastOf("nightly"))?.id;
    const schedule = { name: "nightly", slot: at(0) };
    const cursors = [{ export: "audit-log", column: "id", from: "7", to: "12" }];
    for (const [id, second] of [["a", 1], ["b", 2], ["c", 3]] as const) {
      await ledger.insert(row(id, { schedule, queuedAt: at(second) }));
      await ledger.transition(id, { from: "queued", attempt: 1, to: "running" });
    }
    await ledger.insert(row("d", { schedule: { name: "other" }, state: "complete" }));
    await ledger.handOver("d", new Date(at(5)));
    assert.equal(await last(), undefined);
    // One that is not complete is not handed over.
    await ledger.handOver("a", new Date(at(5)));
    assert.equal(await last(), undefined);
    for (const id of ["a", "b", "c"]) {
      await ledger.transition(id, { from: "running", attempt: 1, to: "complete" }, {
        endedAt: at(4),
        cursors,
      });
    }
    await ledger.handOver("b", new Date(at(5)));
    await ledger.handOver("b", new Date(at(6)));
    assert.equal(await last(), "b");
    await ledger.handOver("a", new Date(at(7)));
    const { id, handedOverAt, cursors: kept } = (await ledger.lastOf("nightly"))!;
    assert.deepEqual({ id, handedOverAt, kept }, { id: "b", handedOverAt: at(5), kept: cursors });
    await ledger.transition("b", { from: "complete", attempt: 1, to: "expired" });
    await ledger.purge(NEXT_DAY, NEXT_DAY);
    const left = await Promise.all(["a", "b", "c"].map((id) => ledger.get(id)));
    assert.deepEqual(left.map((row) => row?.id), [undefined, "b", undefined]);
  });

  it("loses none of a thousand runs that are written at once", async (ledger) => {
    const ids = Array.from({ length: 1000 }, (_, index) => `run-${index}`);
    const endedAt = "2026-01-01T12:00:01.000Z";
    const steps = await Promise.all(ids.flatMap((id, index) => [
      ledger.insert(row(id, { state: "running" })).then(() => true),
      ledger.transition(id, { from: "running", attempt: 1, to: "complete" }, {
        rows: index,
        endedAt,
      }),
    ]));
    assert.ok(steps.every(Boolean));
    for (const index of [0, 1, 500, 999]) {
      const { state, rows } = (await ledger.get(`run-${index}`))!;
      assert.deepEqual({ state, rows }, { state: "complete", rows: index });
    }
    const { rows } = await ledger.list({ ...OWNER, state: "complete", limit: 2000 });
    assert.equal(rows.length, 1000);
  });

  const { reopen } = fixture;
  if (!reopen) return;
  test(`${name}: the next server finds what the one before left open`, async () => {
    {
      await using ledger = await fixture.open("one");
      await ledger.insert(
        row("late", { state: "publishing", queuedAt: "2026-01-01T12:00:02.000Z" }),
      );
      await ledger.insert(row("early", { state: "running" }));
      await ledger.insert(row("over", { state: "cancelled" }));
      assert.deepEqual(await ledger.abandoned(), []);
    }
    await using ledger = await reopen("two");
    await ledger.insert(row("own", { server: "two", state: "running" }));
    await ledger.beat();
    const ids = (await ledger.abandoned()).map(({ id }) => id);
    assert.deepEqual(ids, ["early", "late"]);
  });
}
