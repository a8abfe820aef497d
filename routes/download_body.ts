/** The body of a download, whose failure breaks the transport and is one line of the log. */

/**
 * The same bytes. `Deno.serve` prints the error of a body that fails, with its stack, between the lines of
 * the log, which has a line for the run or the disk already.
 */
export function downloadBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read().catch((cause) => {
        throw new BrokenDownload(cause);
      });
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Breaks the transport of a download; printed as a line of JSON, as the log's lines are. */
class BrokenDownload extends Error {
  constructor(cause: unknown) {
    super("The download was broken off", { cause });
  }

  [Symbol.for("Deno.customInspect")](): string {
    const cause = this.cause instanceof Error ? this.cause.message : String(this.cause);
    return JSON.stringify({ level: "ERROR", message: this.message, error: cause });
  }
}
