/** Answers without the spans that Deno makes of them. */

import { ServerResponse } from "node:http";

/**
 * Where Deno sends spans to a collector it makes one of each request of `node:http`, whose attributes have the
 * whole URL: values, and what a link is signed with. Nothing turns that off but for all spans (Deno 2.9.6).
 * It hangs on the answer, and is sent when that has finished: not where it is gone before.
 */
export class UntracedResponse extends ServerResponse {
  constructor(...args: ConstructorParameters<typeof ServerResponse>) {
    super(...args);
    // Deno listens too, but later.
    this.once("finish", () => {
      for (const symbol of Object.getOwnPropertySymbols(this)) {
        if (isSpan(Reflect.get(this, symbol))) Reflect.set(this, symbol, undefined);
      }
    });
  }
}

/** Whether it is a span, as OpenTelemetry has them. */
function isSpan(value: unknown): boolean {
  return typeof value === "object" && value !== null && "isRecording" in value;
}
