/** What comes with each request, besides what it says itself. */

import type { Principal } from "../access/principal.ts";

/** What routes know of a request's connection. */
export interface Client {
  /** The client's address. */
  readonly remoteAddress: string;
  /** The address of ours that it is connected to. */
  readonly localAddress: string;
  /** Has fields follow the body of the answer; absent where the client does not take them. */
  readonly sendTrailers?: (trailers: {
    readonly names: readonly string[];
    readonly read: () => Promise<Readonly<Record<string, string>>>;
  }) => void;
  /**
   * Gives away the memory of the chunks of the answer's body, which is freed as each is sent; no one else may
   * hold them.
   */
  readonly giveChunks?: () => void;
  /** The version of HTTP that it speaks, such as `1.1`. */
  readonly httpVersion?: string;
  /** Whether the connection is a trusted proxy's. @default false */
  readonly viaProxy?: boolean;
}

/** What comes with a request, as Hono calls it; without a server (`app.request()`) there is no `env` at all. */
export interface Environment {
  /** Values for the routes. */
  readonly Bindings: { readonly client?: Client };
  /**
   * Who makes the request, absent where no credential was asked for; and the trace that it belongs to, as the
   * header `traceparent` says it.
   */
  readonly Variables: { principal?: Principal; traceparent?: string };
}

/** Who makes a request, on a path that asks for a credential. */
export function principalOf(
  context: { get(key: "principal"): Principal | undefined },
): Principal {
  const principal = context.get("principal");
  if (!principal) throw new Error("Cannot answer: the request was not authenticated");
  return principal;
}
