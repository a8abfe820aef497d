/** `serve`: answers HTTP until it is told to stop, then lets the runs in flight finish. */

import { getLogger } from "@logtape/logtape";
import { isEmpty } from "../access/config.ts";
import type { Config } from "../catalog/config.ts";
import type { WebhooksSettings } from "../catalog/webhooks.ts";
import { createParamLog } from "../requests/param_log.ts";
import { expiredSchedules } from "../requests/scheduled_request.ts";
import { createRunLog } from "../runs/run_log.ts";
import { mayReach } from "../runs/webhooks/permission.ts";
import { type CommandContext, CommandError, EXIT, RELOAD_SIGNAL, STOP_SIGNALS } from "./command.ts";
import { prepareDemo, readConfiguration } from "./configuration.ts";
import { configureLogs, type Log } from "../server/logs.ts";
import { type Service, startService } from "../server/service.ts";
import { StartError } from "../server/start_error.ts";

const logger = getLogger(["spillway"]);

/**
 * Milliseconds to let go of workers, files and sockets; a worker that is stopped or a disk that does not
 * answer would take for ever. After a second signal there are fewer.
 */
const DISPOSAL_MS = 5000;
const HURRIED_DISPOSAL_MS = 500;

/**
 * Serves until SIGINT or SIGTERM; a second one does not wait for the runs, nor for what they hold. SIGHUP has
 * the configuration read again.
 *
 * @throws {CommandError} when it cannot listen, or not any more
 */
export async function serve(context: CommandContext): Promise<void> {
  const { environment } = context;
  const started = Promise.withResolvers<() => Promise<void>>();
  // What is changed while the server starts is not missed.
  if (RELOAD_SIGNAL) {
    Deno.addSignalListener(RELOAD_SIGNAL, () => void started.promise.then((reload) => reload()));
  }
  const { config, file, demoFolder } = await readConfiguration(context);
  if (demoFolder !== undefined) await prepareDemo(demoFolder);
  await using log = await configureLogs(config.audit).catch(explain);
  // A promise that is not awaited is a mistake of ours, and no reason to end everybody's downloads.
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    logger.error("Unhandled rejection: {error}", { error: Deno.inspect(event.reason) });
  });

  warnOf(config);
  const runLog = createRunLog(createParamLog(() => service.config.access.maskSecret));
  const service = await startService(config, { environment, observers: [runLog], log }).catch(
    explain,
  );
  // The same file, also where it is missing for a moment, and another one would be chosen.
  const again = demoFolder === undefined ? { environment, configFile: file } : context;
  started.resolve(async () => {
    await log.reopen();
    await service.reload(() => readAgain(again));
  });
  const { origin } = service.http;
  logger.info(`Spillway serves ${origin}`, { exports: config.exports.size });
  if (isEmpty(config.access)) {
    logger.info(
      "access is empty: this machine may export everything; set it before a proxy is there",
    );
  }
  if (service.admin) logger.info(`Health and metrics are at ${service.admin.origin}`);
  if (demoFolder !== undefined) log.write(greeting(origin));

  const lost = await Promise.race([stopSignal(), service.lost]);
  const hurry = stopSignal();
  if (!lost) {
    const { drainTimeout } = service.config.server;
    const { taken } = service.engine.admission;
    logger.info(`Stopping: ${taken} runs in flight have ${drainTimeout} ms to finish`);
    await Promise.race([service.drain(), delay(drainTimeout), hurry]);
  }
  await letGo(service, log, hurry);
  if (lost) throw new CommandError(lost.message, EXIT.failure);
}

/** The configuration as it is now, as good as one that a server starts with. */
async function readAgain(context: CommandContext): Promise<Config> {
  const { config } = await readConfiguration(context);
  warnOf(config);
  return config;
}

/** Says what of a configuration an operator may not have meant, and what could not work. */
function warnOf(config: Config): void {
  const { anonymous, jwt } = config.access;
  if (anonymous) {
    logger.warn(
      "access.anonymous is true: everybody who reaches this server may export everything",
    );
  }
  for (const { path, message } of expiredSchedules(config, Date.now())) {
    logger.warn(`${path}: ${message}`);
  }
  if (jwt) checkIssuer(jwt.jwks);
  if (config.runs.webhooks) checkReceivers(config.runs.webhooks);
}

/** Refuses a configuration whose tokens could not be checked. */
function checkIssuer(jwks: string): void {
  const { host } = new URL(jwks);
  const { state } = Deno.permissions.querySync({ name: "net", host });
  if (state === "granted") return;
  const message =
    `Cannot check tokens: access.jwt.jwks is at ${host}, which this process may not ` +
    `connect to; start it with --allow-net=${host} as well`;
  throw new CommandError(message, EXIT.config);
}

/** Refuses a configuration whose webhooks could not be sent, as far as that is known without addresses. */
function checkReceivers({ allow, allowPrivate }: WebhooksSettings): void {
  const refused = [...allow, ...allowPrivate].filter((origin) => !mayReach(new URL(origin)));
  if (refused.length === 0) return;
  const message =
    `Cannot send webhooks to ${refused.join(", ")}: this process may not connect there; start it ` +
    "with --allow-net, or with --allow-net=NAME,ADDRESS of each as well";
  throw new CommandError(message, EXIT.config);
}

/** Throws what a server says that cannot start, with the exit status. */
function explain(error: unknown): never {
  if (!(error instanceof StartError)) throw error;
  throw new CommandError(error.message, error.at === "port" ? EXIT.failure : EXIT.config);
}

/** Disposes a service, or ends the process where that takes too long. */
async function letGo(service: Service, log: Log, hurry: Promise<void>): Promise<void> {
  const late = Promise.race([delay(DISPOSAL_MS), hurry.then(() => delay(HURRIED_DISPOSAL_MS))]);
  const disposal = service[Symbol.asyncDispose]().then(() => "done" as const);
  if (await Promise.race([disposal, late]) === "done") return;
  logger.error("Cannot let go of every worker and file in time; ending without");
  service.engine.pool.kill();
  await log[Symbol.asyncDispose]();
  Deno.exit(EXIT.failure);
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
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
