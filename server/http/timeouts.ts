/** Decides which connections have had their time. */

/** How long a client may take, in milliseconds. */
export interface Timeouts {
  /** For the head of each request, from its first byte on, or from the connection's begin. @default 15000 */
  readonly headTimeout: number;
  /** Between two pieces of a request's body. @default 30000 */
  readonly bodyTimeout: number;
  /** Without a byte or a request in flight. @default 75000 */
  readonly idleTimeout: number;
  /** Taking nothing of what is there for it. @default 120000 */
  readonly stallTimeout: number;
}

/** Defaults of {@linkcode Timeouts}. */
export const TIMEOUTS: Timeouts = {
  headTimeout: 15_000,
  bodyTimeout: 30_000,
  idleTimeout: 75_000,
  stallTimeout: 120_000,
};

/** What a connection is doing; times are of `performance.now()`. */
export interface Activity {
  /** Requests that came and are not answered. */
  readonly inFlight: number;
  /** When the head began that is being waited for. */
  readonly headSince: number | undefined;
  /** When more of a body was asked for. */
  readonly bodySince: number | undefined;
  /** When the write that is pending last got on. */
  readonly writingSince: number | undefined;
  /** When a byte was last sent, or an answer ended: what a client trickles in does not count. */
  readonly activeAt: number;
}

/** Why a connection is closed. */
export type Overdue = "headless" | "bodyless" | "stalled" | "idle";

/** The timeout that a connection has passed. */
export function overdue(
  { inFlight, headSince, bodySince, writingSince, activeAt }: Activity,
  { headTimeout, bodyTimeout, idleTimeout, stallTimeout }: Timeouts,
  now: number,
): Overdue | undefined {
  if (writingSince !== undefined) return now - writingSince > stallTimeout ? "stalled" : undefined;
  if (inFlight > 0) {
    return bodySince !== undefined && now - bodySince > bodyTimeout ? "bodyless" : undefined;
  }
  if (headSince !== undefined) return now - headSince > headTimeout ? "headless" : undefined;
  return now - activeAt > idleTimeout ? "idle" : undefined;
}
