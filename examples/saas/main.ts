/**
 * Starts the demo: the application, and Spillway in a process beside it, both for this machine alone.
 *
 *   deno task demo:saas [--port 3000] [--exports-port 8000] [--data data/saas]
 */

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createApp } from "./app.tsx";
import { createData } from "./create_data.ts";

const HOSTNAME = "127.0.0.1";

/** How Spillway is started. */
interface SpillwayOptions {
  /** The folder of the database and of the audit log. */
  readonly data: string;
  readonly port: string;
  readonly linkSecret: string;
  readonly maskSecret: string;
}

/** Spillway, in a process of its own. */
interface Spillway {
  /** Where it serves. */
  readonly origin: string;
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
  /** Lets it finish the downloads in flight, for some seconds, and waits until it has ended. */
  stop(): Promise<void>;
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: "string", default: "3000" },
      "exports-port": { type: "string", default: "8000" },
      data: { type: "string", default: "data/saas" },
    },
  });
  const stopped = stopSignal();
  mkdirSync(values.data, { recursive: true });
  const data = Deno.realPathSync(values.data);
  if (!existsSync(`${data}/app.db`)) createData(`${data}/app.db`);
  const linkSecret = readSecret(`${data}/link_secret`);

  const spillway = await startSpillway({
    data,
    port: values["exports-port"],
    linkSecret,
    maskSecret: readSecret(`${data}/mask_secret`),
  });
  try {
    const app = createApp({
      exportsOrigin: spillway.origin,
      linkSecret,
      sessionSecret: readSecret(`${data}/session_secret`),
      auditLog: `${data}/audit.log`,
    });
    await using server = Deno.serve(
      { hostname: HOSTNAME, port: Number(values.port), onListen: () => {} },
      app.fetch,
    );
    console.log(`The application: http://${HOSTNAME}:${server.addr.port}/`);
    console.log(`Spillway:        ${spillway.origin}`);
    console.log("Ctrl-C stops both.");
    await Promise.race([
      stopped,
      spillway.ended.then(() => Promise.reject(new Error("Spillway has ended"))),
    ]);
  } finally {
    await spillway.stop();
  }
}

/** A secret that stays the same from start to start, so that links and sessions do. */
function readSecret(path: string): string {
  if (!existsSync(path)) writeFileSync(path, randomBytes(32).toString("base64"), { mode: 0o600 });
  return readFileSync(path, "utf8");
}

/** Starts Spillway and waits until it serves; what it logs is shown without its fields. */
async function startSpillway(
  { data, port, linkSecret, maskSecret }: SpillwayOptions,
): Promise<Spillway> {
  const folder = import.meta.dirname!;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", `--allow-net=${HOSTNAME}`, "--allow-read", "--allow-env"],
      ...[`--allow-write=${data}`, "--allow-sys=statfs,systemMemoryInfo"],
      ...[`--allow-run=${Deno.execPath()},nice`, `${folder}/../../main.ts`],
      ...["serve", "--config", `${folder}/spillway.yaml`],
    ],
    env: {
      SPILLWAY_PORT: port,
      SAAS_DATA: data,
      LINK_SECRET: linkSecret,
      MASK_SECRET: maskSecret,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    // Not in the process group of the terminal: Ctrl-C reaches it once, from here.
    detached: true,
  }).spawn();
  const served = Promise.withResolvers<string>();
  showLines(child.stderr, served.resolve);
  let isUp = true;
  const ended = child.status.then(() => void (isUp = false));
  const origin = await Promise.race([served.promise, ended]);
  if (origin === undefined) throw new Error("Spillway did not start");
  return {
    origin,
    ended,
    async stop() {
      if (isUp) child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Prints the messages of a log, and calls back with the address that one of them says. */
async function showLines(
  log: ReadableStream<BufferSource>,
  onServing: (origin: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of log.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      // A process that cannot start says so in words.
      const message = line.startsWith("{") ? `spillway: ${JSON.parse(line).message}` : line;
      console.error(message);
      const [, origin] = /^spillway: Spillway serves (\S+)/.exec(message) ?? [];
      if (origin !== undefined) onServing(origin);
    }
  }
}

/** Settles at the first signal that asks to stop. */
function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, resolve);
  }
  return promise;
}

try {
  await main(Deno.args);
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
// The listeners of signals would keep the process.
Deno.exit();
