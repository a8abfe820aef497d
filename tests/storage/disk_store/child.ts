/** Puts files in a disk store for ever, and says of each that it is there: a process to be killed. */

import { createDiskStore } from "../../../storage/disk_store/mod.ts";
import { bodyOf, chunksOf, noise } from "../../contracts/store_contract.ts";

/** The keys that it puts files under, in turns: most puts replace a file. */
export const KEYS = ["key-0", "key-1", "key-2", "key-3"];

/** The file that is put as the nth: up to 200,000 bytes, unlike any other. */
export function fileOf(seed: number): Uint8Array<ArrayBuffer> {
  return noise((seed * 7919) % 200_000, seed);
}

if (import.meta.main) {
  const [dir, start] = Deno.args;
  const store = await createDiskStore({ dir: dir! });
  const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  say("ready");
  for (let seed = Number(start);; seed++) {
    const key = KEYS[seed % KEYS.length]!;
    await store.put(key, bodyOf(chunksOf(fileOf(seed), 32 * 1024)), {
      metadata: { mediaType: "text/plain", filename: "noise", seed: `${seed}` },
      expiresAt: new Date(8.64e15),
    });
    say(`${key} ${seed}`);
  }
}
