/** Measures a server that is asked for ten times what it can do: what it still does, and what others notice. */

import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { newKey } from "../access/keys.ts";
import { table } from "./report.ts";
import { configure, createWorkplace, sqliteExports, startServer } from "./server.ts";
import { quantile } from "./statistics.ts";

/** Exports at once. */
const CONCURRENT = 8;

/** The file: 3 MB of CSV. */
const PATH = "/exports/rows.csv?rows=16000";

/** Seconds before those that count, at capacity, and at ten times that. */
const WARM_UP_SECONDS = 10;
const PEAK_SECONDS = 20;
const OVERLOAD_SECONDS = 30;

/** How many times its capacity the server is asked for. */
const TIMES = 10;

/** Milliseconds between two turns in which what is due is asked for. */
const TURN_MS = 5;

/** Milliseconds between two exports of the other tenant. */
const PAUSE_MS = 250;

/** One answer, with milliseconds from the request on. */
interface Answer {
  readonly status: number;
  readonly firstByte: number;
  readonly total: number;
  readonly sha256: string;
}

/** What a load came to. */
interface Load {
  readonly seconds: number;
  /** Answers to the tenant that asks for too much. */
  readonly crowd: readonly Answer[];
  /** Answers to the tenant that asks for one export after the other. */
  readonly other: readonly Answer[];
}

type Ask = () => Promise<Answer>;

/** Measures SQLite to CSV: at capacity, where as many exports are asked for as may run, and at ten times that. */
export async function overload(): Promise<string> {
  await using workplace = await createWorkplace();
  const [crowd, other] = [newKey(), newKey()];
  await using configured = await configure(`
access:
  keys:
    - { id: ${crowd.id}, sha256: "${crowd.sha256}", tenant: crowd }
    - { id: ${other.id}, sha256: "${other.sha256}", tenant: other }
limits: { concurrent: ${CONCURRENT}, per_address: 4096 }
${sqliteExports(workplace.database)}`);
  await using server = await startServer(configured);
  const asCrowd = asker(`${server.origin}${PATH}`, crowd.key);
  const asOther = asker(`${server.origin}${PATH}`, other.key);
  const { sha256 } = await asCrowd();

  const times = (load: Load) => TIMES * countWhole(load) / load.seconds;
  // V8 has compiled what is measured, refusals too.
  const warm = await atCapacity(asCrowd, asOther, WARM_UP_SECONDS);
  await atRate(times(warm), asCrowd, asOther, WARM_UP_SECONDS);
  const peak = await atCapacity(asCrowd, asOther, PEAK_SECONDS);
  const overloaded = await atRate(times(peak), asCrowd, asOther, OVERLOAD_SECONDS);
  return report(peak, overloaded, sha256);
}

/** Asks for a file and hashes it as it comes. */
function asker(url: string, key: string): Ask {
  return async () => {
    const asked = performance.now();
    const response = await fetch(url, {
      headers: { "X-Api-Key": key, "Accept-Encoding": "identity" },
    });
    const hash = createHash("sha256");
    let firstByte = Infinity;
    for await (const chunk of response.body!) {
      firstByte = Math.min(firstByte, performance.now() - asked);
      hash.update(chunk);
    }
    const total = performance.now() - asked;
    return { status: response.status, firstByte, total, sha256: hash.digest("hex") };
  };
}

/** One client for each slot, which asks again once it has its file. */
async function atCapacity(asCrowd: Ask, asOther: Ask, seconds: number): Promise<Load> {
  return await during(seconds, asOther, async (isOver, crowd) => {
    await Promise.all(Array.from({ length: CONCURRENT }, async () => {
      while (!isOver()) crowd.push(await asCrowd());
    }));
  });
}

/** So many exports a second are asked for, whatever becomes of those before. */
async function atRate(rate: number, asCrowd: Ask, asOther: Ask, seconds: number): Promise<Load> {
  return await during(seconds, asOther, async (isOver, crowd) => {
    const started = performance.now();
    const asked: Promise<unknown>[] = [];
    while (!isOver()) {
      const due = rate * (performance.now() - started) / 1000;
      while (asked.length < due) asked.push(asCrowd().then((answer) => crowd.push(answer)));
      await setTimeout(TURN_MS);
    }
    await Promise.all(asked);
  });
}

/** Puts a load on the server for some seconds, beside the other tenant; what is answered later counts not. */
async function during(
  seconds: number,
  asOther: Ask,
  load: (isOver: () => boolean, crowd: Answer[]) => Promise<void>,
): Promise<Load> {
  const crowd: Answer[] = [];
  const other: Answer[] = [];
  const end = performance.now() + 1000 * seconds;
  const isOver = () => performance.now() >= end;
  let inTime = { crowd: 0, other: 0 };
  await Promise.all([
    load(isOver, crowd),
    (async () => {
      while (!isOver()) {
        other.push(await asOther());
        await setTimeout(PAUSE_MS);
      }
    })(),
    setTimeout(1000 * seconds).then(() => inTime = { crowd: crowd.length, other: other.length }),
  ]);
  return { seconds, crowd: crowd.slice(0, inTime.crowd), other: other.slice(0, inTime.other) };
}

const wholeOf = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200);

function countWhole({ crowd, other }: Load): number {
  return wholeOf(crowd).length + wholeOf(other).length;
}

function report(peak: Load, overloaded: Load, sha256: string): string {
  const milliseconds = (values: readonly number[]) =>
    values.length === 0
      ? ["-", "-"]
      : [quantile(values, 0.5).toFixed(0), quantile(values, 0.99).toFixed(0)];
  const throughput = (load: Load) => countWhole(load) / load.seconds;
  const line = (name: string, load: Load) => {
    const refused = load.crowd.filter(({ status }) => status !== 200);
    const whole = wholeOf([...load.crowd, ...load.other]);
    return [
      name,
      throughput(load).toFixed(1),
      (throughput(load) / throughput(peak)).toFixed(2),
      (refused.length / load.seconds).toFixed(0),
      ...milliseconds(refused.map(({ total }) => total)),
      ...milliseconds(load.other.map(({ firstByte }) => firstByte)),
      ...milliseconds(load.other.map(({ total }) => total)),
      String(load.other.length - wholeOf(load.other).length),
      String(whole.filter((answer) => answer.sha256 !== sha256).length),
    ];
  };
  return table([
    ...["load", "exports/s", "of capacity", "refused/s", "refusals p50, ms", "p99"],
    ...["other tenant's first byte p50, ms", "p99", "its file p50, ms", "p99", "its refusals"],
    "wrong hashes",
  ], [line("as many as may run", peak), line(`${TIMES} times that`, overloaded)]);
}
