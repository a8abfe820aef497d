import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createDiskStore } from "../../../storage/disk_store/mod.ts";
import { read, sha256 } from "../../contracts/store_contract.ts";
import { fileOf, KEYS } from "./child.ts";

const KILLS = 200;

/** Processes at a time, each with a directory of its own. */
const LANES = 4;

/** A process is killed after up to so many puts. */
const MAX_PUTS = 4;

/** Milliseconds that a put takes, before one was measured. */
const PUT_MS = 10;

/** Starts a process that puts files, kills it in one of its puts, and gives what it said. */
async function putAndKill(dir: string, start: number): Promise<string[]> {
  const script = new URL("child.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-all", script.href, dir, String(start)],
    stdout: "piped",
  }).spawn();
  // Counted as it says them, so that a slow disk makes as many as a fast one.
  const putsBefore = Math.floor(Math.random() * MAX_PUTS);
  let said = "";
  let killed = false;
  let ready: number | undefined;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    ready ??= performance.now();
    const puts = said.split("\n").length - 2;
    if (killed || puts < putsBefore) continue;
    killed = true;
    const putMs = puts === 0 ? PUT_MS : (performance.now() - ready) / puts;
    setTimeout(() => child.kill("SIGKILL"), Math.random() * putMs);
  }
  assert.equal((await child.status).signal, "SIGKILL", "it died of something else");
  return said.split("\n").slice(1, -1);
}

/** What was found wrong or left behind is an error; whether a put was interrupted. */
async function inspect(dir: string, acknowledged: ReadonlyMap<string, number>): Promise<boolean> {
  const left = [...Deno.readDirSync(dir)].map(({ name }) => name);
  const store = await createDiskStore({ dir });
  const { damaged, refused, objects } = store.recovery;
  assert.deepEqual({ damaged, refused }, { damaged: [], refused: [] });
  assert.equal([...Deno.readDirSync(dir)].length, objects, "a file without an object");
  for (const key of KEYS) {
    const object = await store.head(key);
    const least = acknowledged.get(key) ?? -1;
    const seed = Number(object?.metadata.seed ?? -1);
    assert(seed >= least, `${key} was put as ${least}, and is ${seed}`);
    if (!object) continue;
    const expected = fileOf(seed);
    const bytes = await read(store, key);
    assert(bytes && Buffer.compare(bytes, expected) === 0, `${key} has wrong bytes`);
    assert.equal(object.sha256, await sha256(expected));
  }
  return left.some((name) => name.endsWith(".part"));
}

Deno.test(`killed at ${KILLS} random moments, a store has whole files and no others`, async () => {
  const parent = await Deno.makeTempDir({ prefix: "disk-store-kill-" });
  let puts = 0;
  let interrupted = 0;
  let kills = 0;
  try {
    await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
      const dir = `${parent}/${lane}`;
      const acknowledged = new Map<string, number>();
      while (kills++ < KILLS) {
        const lines = await putAndKill(dir, kills * 1_000_000);
        puts += lines.length;
        for (const line of lines) {
          const [key, seed] = line.split(" ");
          acknowledged.set(key!, Number(seed));
        }
        if (await inspect(dir, acknowledged)) interrupted++;
      }
    }));
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
  // It does kill in the middle of its work: half of the moments are within a file that is written.
  assert(interrupted > KILLS / 10, `only ${interrupted} puts were interrupted`);
  assert(puts > KILLS / 4, `only ${puts} puts came through`);
});
