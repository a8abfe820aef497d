/** `run`: runs one export to a file or to standard output, as the server would. */

import { AccessError } from "../access/access_error.ts";
import { listing } from "../catalog/params.ts";
import { loadFormats } from "../exporters/mod.ts";
import { findExports } from "../requests/find_exports.ts";
import { RequestError } from "../requests/request_error.ts";
import { parseRequest, type RunRequest } from "../requests/run_request.ts";
import { toTask } from "../requests/tasks.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { RunReport } from "../runs/observer.ts";
import { RunLimitError, RunTimeoutError } from "../runs/run_limits.ts";
import { TaskError } from "../runs/running_task.ts";
import { type CommandContext, CommandError, EXIT, STOP_SIGNALS } from "./command.ts";
import { type Configuration, prepareDemo, readConfiguration } from "./configuration.ts";
import { createEngine } from "../server/engine.ts";
import { toPairs } from "./pairs.ts";
import { type PrincipalArguments, principalOf } from "./principal.ts";
import { createProgress } from "./progress.ts";
import { createRunReceipt } from "./run_receipt.ts";

/** What to run, and where to. */
export interface RunArguments extends PrincipalArguments {
  /** The export's name; several for one file, with commas between. */
  readonly export: string;
  /** The format's key. */
  readonly format: string;
  /** A file, or `-` for standard output. */
  readonly output: string;
  /** `name=value` each: params, and options with their leading `_`, as in a URL. */
  readonly params: readonly string[];
  /** Whether the receipt is written beside the file. @default false */
  readonly receipt?: boolean | undefined;
}

/** What the name of a receipt ends with, after that of its file. */
const RECEIPT_SUFFIX = ".receipt";

/** Where the bytes go; the file exists under its name only once it is whole. */
export interface Output extends AsyncDisposable {
  /** What is written to. */
  readonly writable: WritableStream<Uint8Array>;
  /** Whether it is a file, and no pipe or device. */
  readonly isFile: boolean;
  /** Gives the file its name. */
  /** Gives the file its name. */
  commit(): Promise<void>;
}

/** Runs an export; says on standard error what became of it. */
export async function run(context: CommandContext, args: RunArguments): Promise<void> {
  const configuration = await readConfiguration(context);
  const { config, demoFolder } = configuration;
  const { task, request } = await toRun(configuration, args);
  if (demoFolder !== undefined) await prepareDemo(demoFolder);

  const ended = Promise.withResolvers<RunReport>();
  const { environment } = context;
  await using receipts = args.receipt ? createRunReceipt(config) : undefined;
  const progress = isWatched(args.output) ? createProgress(toTerminal) : undefined;
  await using engine = await createEngine(config, { slots: 1, environment });
  const startRun = engine.configure(config, [
    { ended: ended.resolve },
    ...[receipts, progress].flatMap((one) => one ? [one.observer] : []),
  ]);
  const interrupted = new AbortController();
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => {
      interrupted.abort(new CommandError("Interrupted", EXIT[signal]));
    });
  }
  await using output = args.output === "-" ? standardOutput() : await fileOutput(args.output);
  if (receipts && !output.isFile) {
    throw new CommandError("--receipt takes an --output that is a file", EXIT.usage);
  }
  const id = crypto.randomUUID();
  try {
    const { body } = await startRun(id, task, { signal: interrupted.signal, request });
    await body.pipeTo(output.writable, { signal: interrupted.signal });
    await ended.promise;
    await using receipt = receipts && await fileOutput(args.output + RECEIPT_SUFFIX);
    if (receipt) await new Response(await receipts.text(id)).body!.pipeTo(receipt.writable);
    await output.commit();
    await receipt?.commit();
  } catch (error) {
    throw explain(error, args.output);
  } finally {
    progress?.clear();
  }
  const { rows, bytes, duration, warnings, truncated = [] } = await ended.promise;
  console.error(
    `${args.export}.${args.format}: ${rows} rows, ${bytes} bytes in ${Math.round(duration)} ms`,
  );
  for (const name of truncated) console.error(`warning: ${name} ends at its max_rows`);
  for (const { kind, column, count } of warnings) {
    console.error(`warning: ${kind}: ${count} in ${column ?? "the file"}`);
  }
}

/** Whether progress is shown: where standard error is a terminal, and the file is not written to it. */
export function isWatched(output: string): boolean {
  return Deno.stderr.isTerminal() && !(output === "-" && Deno.stdout.isTerminal());
}

/** Writes to standard error. */
export function toTerminal(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

/** What stopped a run, for the user of the command; a mistake of ours stays what it is. */
export function explain(error: unknown, output: string): unknown {
  if (error instanceof TaskError) return explainTask(error);
  if (error instanceof RunTimeoutError || error instanceof RunLimitError) {
    return new CommandError(`The run failed: ${error.message}`, EXIT.failure);
  }
  // A reader such as `head` that has had enough is nothing to speak of.
  if (error instanceof Deno.errors.BrokenPipe) return new CommandError("", EXIT.SIGPIPE);
  if (error instanceof Error && /\bos error \d+/.test(error.message)) {
    return new CommandError(`Cannot write ${output}: ${error.message}`, EXIT.failure);
  }
  return error;
}

/** A stack is for a mistake of ours alone: a database that is down has nothing to show in one. */
function explainTask({ kind, message, params, reason, detail }: TaskError): CommandError {
  if (kind === "internal") {
    return new CommandError(`The run failed: ${message}\n${detail}`, EXIT.failure);
  }
  const said = reason === undefined ? message : `${message} (${reason})`;
  if (kind === "param") {
    return new CommandError(`The source does not take ${listing(params)}: ${said}`, EXIT.usage);
  }
  return new CommandError(`The run failed: ${said}`, kind === "column" ? EXIT.usage : EXIT.failure);
}

/** The task that the arguments ask for. */
async function toRun(
  configuration: Configuration,
  args: RunArguments,
): Promise<{ readonly task: RunTask; readonly request: RunRequest }> {
  const known = [...configuration.config.exports.keys()];
  for (const name of args.export.split(",")) {
    if (known.includes(name)) continue;
    const message = `There is no export ${JSON.stringify(name)}, but ${known.join(", ")}`;
    throw new CommandError(message, EXIT.usage);
  }
  const formats = await loadFormats();
  try {
    const { config: catalog } = configuration;
    const principal = principalOf(args);
    const file = findExports(args.export, args.format, { catalog, formats }, principal);
    const pairs = toPairs(args.params);
    const request = parseRequest(file, pairs, { principal, formats });
    return { task: toTask(request, "identity", catalog), request };
  } catch (error) {
    if (!(error instanceof RequestError || error instanceof AccessError)) throw error;
    throw new CommandError(error.message, EXIT.usage);
  }
}

/** Writes to standard output. */
export function standardOutput(): Output {
  return directOutput(Deno.stdout.writable);
}

/** Writes where nothing can be renamed to: a pipe, a device. */
function directOutput(writable: WritableStream<Uint8Array>): Output {
  return {
    writable: freeing(writable),
    isFile: false,
    commit: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Writes beside the file and renames at the end, so that half an export is never taken for one.
 * What is there and no file is written to: a rename would replace `/dev/null` with a file.
 */
export async function fileOutput(path: string): Promise<Output> {
  const there = await Deno.stat(path).catch(() => undefined);
  if (there && !there.isFile) {
    return directOutput((await open(path, { write: true })).writable);
  }
  // A link stays one, and what it points to is replaced.
  const target = there ? await Deno.realPath(path) : path;
  // A name of its own: two runs to one file at once must not write one part.
  const part = `${target}.${crypto.randomUUID().slice(0, 8)}.part`;
  const file = await open(part, { write: true, createNew: true });
  let committed = false;
  return {
    writable: freeing(file.writable),
    isFile: true,
    commit: async () => {
      await Deno.rename(part, target);
      committed = true;
    },
    [Symbol.asyncDispose]: async () => {
      // It is removed already, which is all that is to be done.
      if (!committed) await Deno.remove(part).catch(() => {});
    },
  };
}

/** Frees the memory of each chunk once it is written: a conversion takes 155 MB for 175 (500,000 rows to CSV). */
function freeing(writable: WritableStream<Uint8Array>): WritableStream<Uint8Array<ArrayBuffer>> {
  const writer = writable.getWriter();
  return new WritableStream({
    write: async (chunk) => {
      await writer.write(chunk);
      if (chunk.byteLength === chunk.buffer.byteLength) chunk.buffer.transfer(0);
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}

function open(path: string, options: Deno.OpenOptions): Promise<Deno.FsFile> {
  return Deno.open(path, options).catch((error) => Promise.reject(explain(error, path)));
}
