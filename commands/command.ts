/** What every command is given, and how it says that it cannot go on. */

/**
 * Exit statuses, after sysexits.h where it has one, else what a shell gives a program that a signal
 * ended; SIGPIPE where standard output has no reader any more.
 */
export const EXIT = {
  failure: 1,
  usage: 64,
  config: 78,
  SIGINT: 130,
  SIGPIPE: 141,
  SIGTERM: 143,
} as const;

/** Signals that ask a process to stop. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The signal that asks a server to read its configuration again; Windows has none. */
export const RELOAD_SIGNAL: "SIGHUP" | undefined = Deno.build.os === "windows"
  ? undefined
  : "SIGHUP";

/** A command that cannot go on; its message, if there is one, is for its user. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** The exit status. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** What a command is given. */
export interface CommandContext {
  /** The value of `--config`. */
  readonly configFile?: string;
  /** The process's environment; `main.ts` alone reads it. */
  readonly environment: Readonly<Record<string, string>>;
}
