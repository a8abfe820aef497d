/** Loads what makes spans, where Deno sends them somewhere; else nothing of it is loaded. */

import type { Tracing } from "./tracing.ts";

/**
 * Deno has put itself into the registry of OpenTelemetry's API then. The environment would not tell: what it
 * says was read when a binary was made.
 */
export async function openTracing(): Promise<Tracing | undefined> {
  const registry = Reflect.get(globalThis, Symbol.for("opentelemetry.js.api.1"));
  if (registry?.trace === undefined) return undefined;
  const { createTracing } = await import("./tracing.ts");
  return createTracing();
}
