/** Finds ports for servers that cannot say which one they got. */

/** The kernel gives those from 32768 on to whoever connects, at any time (`ip_local_port_range`). */
const FROM = 15_000;
const TO = 32_000;

/** A port that nobody listens on, out of those that the kernel gives to nobody by itself. */
export function freePort(): number {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
