/** `convert`: a file as another format, as `POST /convert` does it, without a server and its configuration. */

import { basename, dirname, extname, join, resolve } from "node:path";
import { AccessError } from "../access/access_error.ts";
import { loadConfig } from "../catalog/load.ts";
import type { Format } from "../exporters/format.ts";
import { loadFormats } from "../exporters/mod.ts";
import {
  convertRequest,
  findConversion,
  parseConvertOptions,
} from "../requests/convert_request.ts";
import { RequestError } from "../requests/request_error.ts";
import { toTask } from "../requests/tasks.ts";
import type { RunReport } from "../runs/observer.ts";
import { createEngine } from "../server/engine.ts";
import { loadDescriptors } from "../sources/mod.ts";
import { type CommandContext, CommandError, EXIT, STOP_SIGNALS } from "./command.ts";
import { toPairs } from "./pairs.ts";
import { principalOf } from "./principal.ts";
import { createProgress } from "./progress.ts";
import { explain, fileOutput, isWatched, standardOutput, toTerminal } from "./run.ts";
import { messageOf } from "../table/message_of.ts";

/** What to convert, and where to. */
export interface ConvertArguments {
  /** A file. */
  readonly input: string;
  /** A file, or `-` for standard output. */
  readonly output: string;
  /** The key of the format. @default the extension of the output */
  readonly format?: string | undefined;
  /** `name=value` each: how the file is read, and options with their leading `_`, as in a URL. */
  readonly params: readonly string[];
}

/** No exports, and times as long as a timer takes: who started the command ends it. */
const CONFIG =
  "{ sources: {}, exports: {}, limits: { first_row: 24d, source_idle: 24d, run: 24d } }";

/** Bytes beside the output for what is unpacked of the input and does not fit into memory. */
const SCRATCH_BYTES = 64 * 2 ** 30;

/** Converts a file; says on standard error what became of it, and on a terminal how far it is. */
export async function convert(context: CommandContext, args: ConvertArguments): Promise<void> {
  const formats = await loadFormats();
  const folder = args.output === "-" ? Deno.cwd() : dirname(resolve(args.output));
  const scratch = join(folder, `.${basename(args.input)}.${crypto.randomUUID().slice(0, 8)}`);
  const { task, request } = toRun(args, formats, scratch);
  await checkInput(args.input);

  const config = loadConfig(CONFIG, {
    env: () => undefined,
    folder,
    sources: await loadDescriptors(),
    formats,
  });
  const ended = Promise.withResolvers<RunReport>();
  const progress = isWatched(args.output) ? createProgress(toTerminal) : undefined;
  const { environment } = context;
  await using engine = await createEngine(config, { slots: 1, environment });
  const startRun = engine.configure(config, [
    { ended: ended.resolve },
    ...(progress ? [progress.observer] : []),
  ]);
  const interrupted = new AbortController();
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => {
      interrupted.abort(new CommandError("Interrupted", EXIT[signal]));
    });
  }
  await using output = args.output === "-" ? standardOutput() : await fileOutput(args.output);
  try {
    const { body } = await startRun(crypto.randomUUID(), task, {
      signal: interrupted.signal,
      request,
    });
    await body.pipeTo(output.writable, { signal: interrupted.signal });
    await output.commit();
  } catch (error) {
    throw explain(error, args.output);
  } finally {
    progress?.clear();
    // It is there only where it was needed.
    await Deno.remove(scratch).catch(() => {});
  }
  const { rows, bytes, duration, warnings } = await ended.promise;
  console.error(`${args.output}: ${rows} rows, ${bytes} bytes in ${Math.round(duration)} ms`);
  for (const { kind, column, count } of warnings) {
    console.error(`warning: ${kind}: ${count} in ${column ?? "the file"}`);
  }
}

/** The task that the arguments ask for. */
function toRun(
  { input, output, format: key, params }: ConvertArguments,
  formats: Readonly<Record<string, Format>>,
  scratch: string,
) {
  const wanted = key ?? extname(output).slice(1).toLowerCase();
  if (wanted === "") {
    throw new CommandError("convert needs --format, or a name with one", EXIT.usage);
  }
  const principal = principalOf({});
  try {
    const format = findConversion(wanted, formats, principal);
    const file = {
      path: resolve(input),
      scratch: { path: scratch, maxBytes: SCRATCH_BYTES },
      name: basename(input),
    };
    const options = parseConvertOptions(toPairs(params));
    const settings = { maxBytes: Infinity, maxCells: Number.MAX_SAFE_INTEGER };
    const made = convertRequest(format, file, options, { principal, formats, settings });
    const catalog = { sources: made.sources, access: { anonymous: true, keys: [] } };
    return { task: toTask(made.request, "identity", catalog), request: made.request };
  } catch (error) {
    if (!(error instanceof RequestError || error instanceof AccessError)) throw error;
    throw new CommandError(error.message, EXIT.usage);
  }
}

async function checkInput(path: string): Promise<void> {
  try {
    if ((await Deno.stat(path)).isFile) return;
  } catch (error) {
    const reason = messageOf(error);
    throw new CommandError(`Cannot read ${path}: ${reason}`, EXIT.failure);
  }
  throw new CommandError(`Cannot read ${path}: it is no file`, EXIT.failure);
}
