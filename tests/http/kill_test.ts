/**
 * A server that is killed at any moment of mixed work, and what the next one makes of what it left: every run in
 * a legal final state or running again, no file without a receipt, no receipt without its file.
 *
 * `SPILLWAY_SOAK=1` kills it 200 times. `SPILLWAY_SEED` repeats the moments of another time.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { NEXT_STATES, type RunState } from "../../runs/receipt.ts";
import { childrenOf, configured, isAlive, type Serving, startServe } from "../commands/fixture.ts";
import { until } from "../waiting.ts";

const KILLS = Deno.env.get("SPILLWAY_SOAK") ? 200 : 10;
const SEED = Number(Deno.env.get("SPILLWAY_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);

/** Milliseconds of work at most before a server is killed. */
const MAX_WORK_MS = 1_500;

// deno-lint-ignore no-explicit-any
type Json = any;

/** Numbers from 0 to 1 that the seed tells (Mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** What was told to clients, for as long as the test runs. */
interface Promised {
  /** Runs that were taken on, by their idempotency keys. */
  readonly accepted: Map<string, { readonly id: string; readonly body: string }>;
  /** The ends of runs that were told. */
  readonly ended: Map<string, string>;
}

/** Asks for all kinds of runs until the server is gone. */
async function work(
  { origin }: Serving,
  next: () => number,
  { accepted, ended }: Promised,
): Promise<void> {
  const pick = (count: number) => Math.floor(next() * count);
  const rows = () => 1 + pick(20_000);
  const post = async () => {
    const key = crypto.randomUUID();
    const body = JSON.stringify({ export: "rows", format: "csv", params: { rows: rows() } });
    const response = await fetch(`${origin}/runs`, {
      method: "POST",
      body,
      headers: { "Idempotency-Key": key },
    });
    const { id } = await response.json();
    if (response.status === 202) accepted.set(key, { id, body });
    return id;
  };
  const actions = [
    async () => {
      await (await fetch(`${origin}/exports/rows.csv?rows=${rows()}`)).bytes();
    },
    async () => {
      await (await fetch(`${origin}/exports/rows.xlsx?rows=1000000`)).body?.cancel();
    },
    async () => {
      // It breaks, and is gone on with.
      const path = `${origin}/exports/rows.csv?rows=${50_000 + pick(200_000)}`;
      const identity = { "Accept-Encoding": "identity" };
      const { headers, body } = await fetch(path, { headers: identity });
      const reader = body!.getReader();
      await reader.read();
      await reader.cancel();
      const rest = { ...identity, "If-Range": headers.get("ETag")!, "Range": "bytes=100000-" };
      await (await fetch(path, { headers: rest })).body?.cancel();
    },
    async () => {
      await (await fetch(`${origin}/exports/rows.csv?rows=${1 + pick(3)}&_delivery=whole`)).bytes();
    },
    async () => {
      await (await fetch(`${origin}/exports/breaks.csv?at=${rows()}&_delivery=whole`)).bytes();
    },
    post,
    post,
    async () => {
      const id = await post();
      await (await fetch(`${origin}/runs/${id}`, { method: "DELETE" })).body?.cancel();
    },
    async () => {
      const { runs } = await (await fetch(`${origin}/runs?limit=20`)).json();
      for (const { id, state } of runs as Json[]) {
        if (["failed", "cancelled", "expired"].includes(state)) ended.set(id, state);
        if (state === "complete") ended.set(id, "complete");
      }
    },
  ];
  for (;;) {
    try {
      await actions[pick(actions.length)]!();
    } catch {
      // A download that broke, or the server is gone.
      const gone = await fetch(`${origin}/healthz`).then((response) => response.body?.cancel())
        .then(
          () => false,
          () => true,
        );
      if (gone) return;
    }
  }
}

/** All runs, the newest first. */
async function allRuns({ origin }: Serving): Promise<Json[]> {
  const found: Json[] = [];
  for (let cursor = "";;) {
    const { runs, next } = await (await fetch(`${origin}/runs?limit=500${cursor}`)).json();
    found.push(...runs);
    if (next === undefined) return found;
    cursor = `&cursor=${next}`;
  }
}

/** Has the ledger write every step down, from now on. */
function watchSteps(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`
    create table if not exists step (run text, attempt integer, was text, state text);
    create trigger if not exists step_added after insert on spillway_run begin
      insert into step values (new.id, new.attempt, null, new.state);
    end;
    create trigger if not exists step_taken after update of state on spillway_run begin
      insert into step values (new.id, new.attempt, old.state, new.state);
    end`);
  database.close();
}

/** Checks every step of every run that there was. */
function checkSteps(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const steps = database.prepare("select * from step order by rowid").all() as Json[];
  database.close();
  const states = new Map<string, { state: RunState; attempt: number }>();
  for (const { run, attempt, was, state } of steps) {
    const known = states.get(run);
    assert.equal(was ?? undefined, known?.state, `run ${run} was ${known?.state}`);
    if (known) {
      assert.ok(NEXT_STATES[known.state].includes(state), `${run}: ${known.state} to ${state}`);
      const again = state === "queued" ? 1 : 0;
      assert.equal(attempt, known.attempt + again, `the attempts of run ${run}`);
    } else {
      assert.ok(["queued", "running"].includes(state), `run ${run} begins as ${state}`);
      assert.equal(attempt, 1);
    }
    states.set(run, { state, attempt });
  }
  return steps.length;
}

async function scrape({ origin }: Serving, name: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return Number(new RegExp(`^spillway_${name} (.*)$`, "m").exec(text)![1]);
}

/** Checks what a server has of all servers before it, once it has done what they left. */
async function check(server: Serving, folder: string, promised: Promised): Promise<void> {
  let runs: Json[] = [];
  await until(async () => {
    runs = await allRuns(server);
    return runs.every(({ state }) => !["queued", "running", "publishing"].includes(state));
  });
  const byId = new Map(runs.map((run) => [run.id, run]));

  for (const [key, { id, body }] of promised.accepted) {
    assert.ok(byId.has(id), `run ${id} was accepted, and is not there`);
    const response = await fetch(`${server.origin}/runs`, {
      method: "POST",
      body,
      headers: { "Idempotency-Key": key },
    });
    assert.equal((await response.json()).id, id);
  }
  for (const [id, state] of promised.ended) {
    const now = byId.get(id)?.state;
    // The file of a run may have gone since, for a newer one.
    assert.ok(
      now === state || state === "complete" && now === "expired",
      `${id}: ${state}, ${now}`,
    );
  }

  const kept = runs.filter(({ state, file }) => state === "complete" && file);
  const sum = (all: number[]) => all.reduce((total, one) => total + one, 0);
  let files: string[] = [];
  let quota: Json;
  // What was kept of a download goes behind the end of its run, or at the end of its window.
  await until(async () => {
    files = [...Deno.readDirSync(`${folder}/spool/spillway-files`)].map(({ name }) => name);
    if (files.some((name) => name.startsWith("rest-"))) return false;
    const sizes = files.map((name) => Deno.statSync(`${folder}/spool/spillway-files/${name}`).size);
    const blocks = sizes.map((size) => Math.ceil(size / 4096) * 4096);
    quota = {
      held: [await scrape(server, "spool_bytes"), await scrape(server, "spool_reserved_bytes")],
      files: [sum(sizes), sum(blocks)],
    };
    return JSON.stringify(quota.held) === JSON.stringify(quota.files);
  }).catch((cause) => {
    throw new Error(`The quota is not that of the files: ${JSON.stringify(quota)}`, { cause });
  });
  assert.deepEqual(
    files.map((name) => name.replace(/\.\d+$/, "")).sort(),
    kept.map(({ id }) => id).sort(),
  );
  for (const { file, sha256, bytes, rows, params } of kept) {
    const response = await fetch(server.origin + file.url);
    assert.equal(response.status, 200);
    const body = await response.bytes();
    assert.equal(createHash("sha256").update(body).digest("hex"), sha256);
    assert.deepEqual([body.length, rows], [bytes, Number(params.rows)]);
  }
  assert.equal(await scrape(server, "runs_in_flight"), 0);
}

Deno.test(`a server that is killed ${KILLS} times leaves every run where it belongs`, async () => {
  await using folder = await configured();
  const spool = "{ dir: spool, max_bytes: 2GiB, min_free: 1MiB, allow_memory: true, keep: 1d, " +
    "resume_window: 300ms }";
  await Deno.mkdir(`${folder.path}/spool`);
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `spool: ${spool}\nruns: { ledger: sqlite:ledger.db, background: 2 }\n`,
    { append: true },
  );
  const next = random(SEED);
  const promised: Promised = { accepted: new Map(), ended: new Map() };
  const ledger = `${folder.path}/ledger.db`;
  const options = { cwd: folder.path, flags: [`--allow-write=${folder.path}`] };
  try {
    {
      await using _server = await startServe([], options);
    }
    watchSteps(ledger);
    for (let kill = 0; kill < KILLS; kill++) {
      await using server = await startServe([], options);
      // A soak looks now and then, as files are many by then.
      if (kill % Math.ceil(KILLS / 20) === 0) await check(server, folder.path, promised);
      const children = await childrenOf(server.pid);
      const working = Promise.all([1, 2, 3, 4].map(() => work(server, next, promised)));
      await new Promise((resolve) => setTimeout(resolve, next() * MAX_WORK_MS));
      server.signal("SIGKILL");
      await working;
      // Its workers end with it.
      await until(() => !children.some(isAlive));
    }
    await using server = await startServe([], options);
    await check(server, folder.path, promised);
    server.signal("SIGTERM");
    await server.ended();
    assert.ok(checkSteps(ledger) > KILLS);
    assert.ok(promised.accepted.size > 0);
  } catch (error) {
    throw new Error(`SPILLWAY_SEED=${SEED} repeats this`, { cause: error });
  }
});
