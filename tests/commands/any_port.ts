/**
 * Preloaded into a process whose configuration names a port, as the demo's does: serves at any port
 * that is free instead, so that tests neither need that one nor fight over it.
 */

const serve = Deno.serve as (
  options: Deno.ServeTcpOptions,
  handler: Deno.ServeHandler,
) => Deno.HttpServer<Deno.NetAddr>;

Object.defineProperty(Deno, "serve", {
  value: (options: Deno.ServeTcpOptions, handler: Deno.ServeHandler) =>
    serve({ ...options, port: 0 }, handler),
});
