/** How many connections fit into the descriptors that this process may have. */

import { getLogger } from "@logtape/logtape";
import type { Config } from "../catalog/config.ts";
import { SPARE_CONNECTIONS } from "./http/connection_limits.ts";
import { countFreeDescriptors } from "./http/descriptors.ts";

const logger = getLogger(["spillway"]);

/** Descriptors of a worker: both ends of two pipes while it starts, two of them and its handle later. */
const PER_WORKER = 4;

/** Descriptors of a run that waits on the disk: each segment of its file is open twice. */
const PER_SPILLED_RUN = 2;

/** Descriptors for all else: databases of ours, finished files, listeners and what tries them. */
const OTHERS = 32;

/** Connections at least, however few descriptors there are. */
const MIN_CONNECTIONS = 8;

/** The configured number of connections, or as many as fit, with a warning. */
export function fittingConnections({ server, limits, spool }: Config): number {
  const workers = Math.max(limits.concurrent, navigator.hardwareConcurrency);
  const reserved = PER_WORKER * workers + SPARE_CONNECTIONS + OTHERS;
  const perConnection = 1 + (spool ? PER_SPILLED_RUN : 0);
  const free = countFreeDescriptors(reserved + perConnection * server.connections);
  const fitting = Math.floor(((free ?? Infinity) - reserved) / perConnection);
  if (fitting >= server.connections) return server.connections;
  const connections = Math.max(fitting, Math.min(server.connections, MIN_CONNECTIONS));
  logger.warn(
    `This process may open ${free} more files: there can be ${connections} connections, not ` +
      `server.connections (${server.connections}); raise its limit (ulimit -n, LimitNOFILE)`,
    { connections, wanted_connections: server.connections, free_descriptors: free },
  );
  return connections;
}
