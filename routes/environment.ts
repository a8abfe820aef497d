/** What comes with each request, besides what it says itself. */

/** What routes know of a request's connection. */
export interface Client {
  /** The client's address. */
  readonly remoteAddress: string;
  /** The address of ours that it is connected to. */
  readonly localAddress: string;
}

/** What comes with a request, as Hono calls it; without a server (`app.request()`) there is no `env` at all. */
export interface Environment {
  /** Values for the routes. */
  readonly Bindings: { readonly client?: Client };
}
