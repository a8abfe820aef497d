/** `serve`: answers HTTP until it is told to stop, then lets the runs in flight finish. */

import { getLogger } from "@logtape/logtape";
import { exporters } from "../exporters/mod.ts";
import { createApp } from "../routes/app.ts";
import { logRun } from "../runs/run_log.ts";
import { type CommandContext, CommandError, EXIT, STOP_SIGNALS } from "./command.ts";
import { prepareDemo, readConfiguration } from "./configuration.ts";
import { createEngine } from "./engine.ts";
import { configureLogs } from "./logs.ts";

const logger = getLogger(["spillway"]);

/** Serves until SIGINT or SIGTERM; a second one does not wait for the runs. */
export async function serve(context: CommandContext): Promise<void> {
  const { config, demoDatabase } = await readConfiguration(context);
  if (demoDatabase !== undefined) await prepareDemo(demoDatabase);
  await configureLogs();
  // A promise that nobody awaited is a mistake of ours, and no reason to end everybody's downloads.
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    logger.error("Unhandled rejection: {error}", { error: Deno.inspect(event.reason) });
  });

  await using engine = createEngine(config, {
    slots: config.limits.concurrent,
    environment: context.environment,
    onEnd: logRun,
  });
  const { admission, startRun } = engine;
  const app = createApp({
    catalog: config,
    exporters,
    startRun,
    ready: () => admission.state,
    onError: (error, request) =>
      logger.error("Cannot answer {method} {path}: {error}", {
        method: request.method,
        path: new URL(request.url).pathname,
        error: Deno.inspect(error),
      }),
  });

  const { hostname, port, drainTimeout } = config.server;
  const close = new AbortController();
  let server: Deno.HttpServer;
  try {
    server = Deno.serve({
      hostname,
      port,
      signal: close.signal,
      onListen: ({ hostname, port }) => {
        const origin = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
        logger.info(`Spillway serves ${origin}`, { exports: config.exports.size });
        if (demoDatabase !== undefined) console.error(greeting(origin));
      },
    }, (request) => app.fetch(request));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot listen on ${hostname}:${port}: ${reason}`, EXIT.failure);
  }

  await stopSignal();
  logger.info(`Stopping: ${admission.taken} runs in flight have ${drainTimeout} ms to finish`);
  const late = Promise.race([
    stopSignal(),
    new Promise((resolve) => setTimeout(resolve, drainTimeout)),
  ]);
  const drained = await Promise.race([
    admission.drain().then(() => true),
    late.then(() => false),
  ]);
  // A run is over when the server has taken its last chunk, which a slow client has yet to get: only
  // shutdown() waits for that, and it would wait for ever for a client that stalls. Not both, as
  // abort() after shutdown() crashes Deno 2.9.6; what is left then ends with the process.
  if (drained) await Promise.race([server.shutdown(), late]);
  else close.abort();
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
