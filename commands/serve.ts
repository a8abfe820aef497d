/** `serve`: answers HTTP until it is told to stop, then lets the runs in flight finish. */

import { getLogger } from "@logtape/logtape";
import { logRun } from "../runs/run_log.ts";
import { type CommandContext, STOP_SIGNALS } from "./command.ts";
import { prepareDemo, readConfiguration } from "./configuration.ts";
import { configureLogs } from "./logs.ts";
import { startService } from "./service.ts";

const logger = getLogger(["spillway"]);

/** Serves until SIGINT or SIGTERM; a second one does not wait for the runs. */
export async function serve({ environment, ...context }: CommandContext): Promise<void> {
  const { config, demoFolder } = await readConfiguration({ environment, ...context });
  if (demoFolder !== undefined) await prepareDemo(demoFolder);
  await using log = await configureLogs();
  // A promise that nobody awaited is a mistake of ours, and no reason to end everybody's downloads.
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    logger.error("Unhandled rejection: {error}", { error: Deno.inspect(event.reason) });
  });

  await using service = await startService(config, { environment, onEnd: logRun, log });
  const origin = originOf(service.http.addr);
  logger.info(`Spillway serves ${origin}`, { exports: config.exports.size });
  if (demoFolder !== undefined) log.write(greeting(origin));

  await stopSignal();
  const { drainTimeout } = config.server;
  const { taken } = service.engine.admission;
  logger.info(`Stopping: ${taken} runs in flight have ${drainTimeout} ms to finish`);
  const late = new Promise((resolve) => setTimeout(resolve, drainTimeout));
  await Promise.race([service.drain(), late, stopSignal()]);
}

function originOf({ hostname, port }: Deno.NetAddr): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Resolves at the next signal that asks to stop. */
async function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = () => resolve();
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, listener);
  await promise;
  for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, listener);
}

/** What a newcomer may paste. */
function greeting(origin: string): string {
  return `
Try:
  curl -OJ '${origin}/exports/audit-log.xlsx'
  curl -OJ '${origin}/exports/audit-log.csv?since=2025-12-01&_dialect=excel'
  curl -s  '${origin}/exports/invoices.ndjson' | head -n 3
  curl -s  '${origin}/exports'
`;
}
