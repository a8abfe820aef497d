/** A whole server, wired: spool, engine, routes, sockets and numbers. */

import { getLogger } from "@logtape/logtape";
import type { AccessDependencies } from "../access/mod.ts";
import { redactText } from "../access/redact_text.ts";
import { createThrottle } from "../access/throttle.ts";
import type { Config } from "../catalog/config.ts";
import { loadFormats } from "../exporters/mod.ts";
import { isEssential } from "../routes/app.ts";
import type { Wait } from "../routes/authenticate.ts";
import { shareHeaders } from "../routes/cors.ts";
import { createRunEvents } from "../routes/run_events.ts";
import { type BackgroundLimits, createBackground } from "../runs/background.ts";
import type { RunObserver } from "../runs/observer.ts";
import type { Check } from "../runs/readiness.ts";
import type { Handler, RefusedRequest } from "./http/exchange.ts";
import { type HttpOptions, type HttpServer, serveHttp } from "./http/mod.ts";
import type { FileSystem } from "../storage/disk/file_system.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { createUploads } from "../storage/spool/uploads.ts";
import { messageOf } from "../table/message_of.ts";
import { openCertificate } from "./certificate.ts";
import { fittingConnections } from "./connections.ts";
import { createEngine, type Engine } from "./engine.ts";
import { createGeneration, type Generation, type GenerationDependencies } from "./generation.ts";
import { openConfiguredLedger } from "./ledger.ts";
import type { Log } from "./logs.ts";
import { createMetrics } from "./metrics.ts";
import { openTracing } from "./open_tracing.ts";
import { createReload, type Reload } from "./reload.ts";
import { logLink, logRefusal, logResent, type Refused } from "./request_log.ts";
import { runAgain } from "./run_again.ts";
import { openConfiguredSpool } from "./spool.ts";
import { createSchedules } from "./schedules.ts";
import { StartError } from "./start_error.ts";
import { createWebhooks } from "./webhooks.ts";

const logger = getLogger(["spillway"]);

/** A server that answers; disposing it closes its sockets, its workers and its spool. */
export interface Service extends AsyncDisposable {
  /** Its sockets. */
  readonly http: HttpServer;
  /** Those for health and metrics, where they have a port of their own. */
  readonly admin: HttpServer | undefined;
  /** What runs its exports. */
  readonly engine: Engine;
  /** What it answers with. */
  readonly config: Config;
  /**
   * Reads another configuration and answers with it what is asked from then on; what has begun, and every
   * connection, goes on. One that is bad is refused whole, and said in the log. Calls while one is
   * being read are one more reading, after it.
   */
  readonly reload: Reload["reload"];
  /** Resolves when its port is lost and cannot be opened again. */
  readonly lost: Promise<Error>;
  /** Resolves when everybody has what they asked for; from now on no new client is let in. */
  drain(): Promise<void>;
}

/** What a service needs besides its configuration. */
export interface ServiceOptions {
  /** The environment that workers see a little of. */
  readonly environment: Readonly<Record<string, string>>;
  /** What observes each run, besides the numbers. */
  readonly observers: readonly RunObserver[];
  /** The file system of its spool. @default the system's */
  readonly files?: FileSystem;
  /** The clock by which its whole files expire. @default the system's */
  readonly now?: () => Date;
  /** What access is checked with. @default the system's clock and network */
  readonly access?: AccessDependencies;
  /** Waits before the answer to a wrong credential. @default the system's clock */
  readonly wait?: Wait;
  /** Whose dropped lines are counted, and without whose audit log nothing is answered. @default none */
  readonly log?: Partial<Pick<Log, "dropped" | "audit">>;
}

/** Milliseconds that runs of the background have to end in when the server ends. */
const BACKGROUND_MS = 2_000;

/** Connections of the port for health and metrics: a few tools, on a network of one's own. */
const ADMIN_CONNECTIONS = 64;

/**
 * Starts a service.
 *
 * @throws {StartError} when its spool is not fit, or it cannot listen there
 */
export async function startService(config: Config, options: ServiceOptions): Promise<Service> {
  const metrics = createMetrics();
  const tracing = await openTracing();
  await using stack = new AsyncDisposableStack();
  // Before anything else is opened, so that all of it is counted.
  const connections = fittingConnections(config);
  const audit = options.log?.audit;
  const ledgered = stack.use(await openConfiguredLedger(config.runs, options.now));
  const { receipts, server: serverId } = ledgered;
  const spool = config.spool && stack.use(await openConfiguredSpool(config.spool, options.files));
  const engine: Engine = stack.use(
    await createEngine(config, {
      environment: options.environment,
      spool,
      files: options.files,
      now: options.now,
      ledgered,
      checks: [
        { name: "connections", state: () => http.state },
        ...(audit ? [{ name: "audit", state: () => audit.failing ? "failing" : "ready" }] : []),
      ] satisfies Check[],
    }),
  );
  const { admission, memory, pressure, pool, wholeFiles } = engine;
  const { server, limits } = config;
  const formats = await loadFormats();
  let current: Generation;
  const background = wholeFiles && createBackground({
    files: wholeFiles,
    receipts,
    server: serverId,
    ...backgroundLimits(config),
    prepare: (row) => ({
      ...runAgain(row, { catalog: current.config, formats }),
      startRun: current.startRun,
    }),
    onError: (error) => logError(error, "a run in the background"),
    now: options.now,
  });
  stack.defer(async () =>
    void await settlesWithin(background?.close() ?? Promise.resolve(), BACKGROUND_MS)
  );
  const auditFailing = () => audit?.failing ?? false;
  const stopping = new AbortController();
  const onRefusal = (refused: Refused) => {
    metrics.refused(refused.status);
    logRefusal(refused);
  };
  const shared: GenerationDependencies = {
    engine,
    observers: [
      receipts.observer,
      metrics,
      ...(tracing ? [tracing.observer] : []),
      ...options.observers,
    ],
    ...(spool ? { uploads: createUploads(spool, options.files) } : {}),
    access: {
      throttle: createThrottle(),
      keySets: new Map(),
      jwks: {
        onFailure: ({ message }) =>
          logger.error("Cannot check tokens with new keys: {error}", { error: message }),
      },
      ...options.access,
    },
    routes: {
      ...(options.wait ? { wait: options.wait } : {}),
      ...(options.access?.now ? { now: options.access.now } : {}),
      formats,
      wholeFiles,
      resumptions: engine.resumptions,
      runs: {
        receipts,
        files: wholeFiles,
        background,
        events: createRunEvents(receipts, stopping.signal),
      },
      readiness: engine.readiness,
      scrape: () =>
        metrics.scrape({
          admission,
          memory,
          pressure,
          pool,
          spool,
          connections: http.counts,
          ledger: receipts.counts,
          log: options.log,
          reload,
          certificate,
        }),
      trace: tracing?.start,
      auditFailing,
      onRefusal,
      onLink: logLink,
      onResent: logResent,
      onError: (error, { method, url }) => logError(error, `${method} ${new URL(url).pathname}`),
    },
  };
  let certificate = server.tls && await openCertificate(server.tls);
  current = createGeneration(config, shared);
  await background?.resume(engine.again);
  const webhooks = stack.use(createWebhooks({
    ledger: ledgered.ledger,
    config: () => current.config,
    onAttempt: ({ state }) => metrics.webhook(state),
    now: options.now,
  }));
  receipts.onEnded(webhooks.wake);
  webhooks.wake();
  const schedules = background && stack.use(createSchedules({
    ledger: ledgered.ledger,
    background,
    current: () => current,
    formats,
    auditFailing,
    now: options.now,
  }));
  schedules?.configure();
  const reload = createReload(() => current.config, async (next) => {
    const renewed = next.server.tls && await openCertificate(next.server.tls);
    current = createGeneration(next, shared);
    certificate = renewed;
    ledgered.configure(next.runs);
    background?.configure(backgroundLimits(next));
    http.limitAddresses(next.limits.perAddress);
    webhooks.wake();
    schedules?.configure();
  });
  const lost = Promise.withResolvers<Error>();
  const common = {
    ...server,
    traced: tracing !== undefined,
    isEssential,
    onRefusal: ({ title, detail, ...refused }: RefusedRequest) =>
      onRefusal({ ...refused, reason: `${title}: ${detail}` }),
    onError: logError,
    onLost: lost.resolve,
  };
  const http = listen(
    {
      ...common,
      tls: server.tls && (() => certificate!.context),
      origin: server.publicUrl,
      connections,
      perAddress: limits.perAddress,
      refusalHeaders: (origin) => shareHeaders(current.config.server.cors)(origin),
    },
    (request, client) => current.handle(request, client),
  );
  stack.defer(() => http.close());
  const admin = server.admin && listen(
    { ...common, ...server.admin, tls: undefined, connections: ADMIN_CONNECTIONS },
    (request, client) => current.handleAdmin(request, client),
  );
  if (admin) stack.defer(() => admin.close());
  const open = stack.move();
  return {
    http,
    admin,
    engine,
    get config() {
      return current.config;
    },
    reload: reload.reload,
    lost: lost.promise,
    // A run is over when the server has taken its last chunk, which a slow client has yet to get.
    drain: () => {
      stopping.abort();
      engine.resumptions?.close();
      return admission.drain().then(() => http.drain());
    },
    [Symbol.asyncDispose]: () => {
      stopping.abort();
      return open.disposeAsync();
    },
  };
}

function backgroundLimits({ runs }: Config): BackgroundLimits {
  const { background, maxQueued, retention } = runs;
  return { concurrent: background, maxQueued, keep: retention.files };
}

/** Listens, or says why not. */
function listen(options: HttpOptions, handler: Handler): HttpServer {
  try {
    return serveHttp(options, handler);
  } catch (error) {
    const reason = messageOf(error);
    const { hostname, port } = options;
    throw new StartError(`Cannot listen on ${hostname}:${port}: ${reason}`, "port");
  }
}

/** Logs a mistake of ours, and the method and the path that it was met at. */
function logError(error: unknown, request: string): void {
  const fields = { request: redactText(request), error: Deno.inspect(error) };
  logger.error("Cannot answer {request}: {error}", fields);
}
