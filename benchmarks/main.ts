/** Measures Spillway side by side with its peers, and prints or keeps the tables. */

import { convert } from "./convert.ts";
import { downloads } from "./downloads.ts";
import { encoders, levels } from "./encoders.ts";
import { firstByte } from "./first_byte.ts";
import { http } from "./http.ts";
import { many } from "./many.ts";
import { manyPeers } from "./many_peers.ts";
import { mariadb } from "./mariadb.ts";
import { memory } from "./memory.ts";
import { overload } from "./overload.ts";
import { postgres } from "./postgres.ts";
import { readers } from "./readers.ts";
import { measuredWith, replacePart } from "./report.ts";
import { small } from "./small.ts";
import { soak } from "./soak.ts";
import { sourcesMemory } from "./sources_memory.ts";
import { upstreams } from "./upstreams.ts";

/** The parts, each a function that measures and writes Markdown. */
const PARTS = {
  encoders,
  levels,
  readers,
  convert: () => convert(),
  http,
  postgres,
  mariadb,
  upstreams,
  memory,
  sources_memory: sourcesMemory,
  first_byte: firstByte,
  downloads,
  small,
  many,
  many_peers: manyPeers,
  overload,
  soak,
};

const USAGE = `deno task bench [${Object.keys(PARTS).join("|")}]... [--write]
  --write  put the tables into benchmarks/README.md too`;

const README = new URL("README.md", import.meta.url);

async function main(args: readonly string[]): Promise<void> {
  const names = args.filter((arg) => arg !== "--write");
  const unknown = names.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) {
    console.error(`There is no part ${JSON.stringify(unknown)}:\n${USAGE}`);
    Deno.exit(64);
  }
  for (const [name, part] of Object.entries(PARTS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.error(`Measuring ${name} …`);
    const content = `${await measuredWith(name)}\n${await part()}`;
    console.log(content);
    if (!args.includes("--write")) continue;
    // Read anew each time: a part takes minutes.
    await Deno.writeTextFile(README, replacePart(await Deno.readTextFile(README), name, content));
  }
}

if (import.meta.main) await main(Deno.args);
