/** The command line of Spillway. */

import { parseArgs } from "node:util";
import manifest from "./deno.json" with { type: "json" };
import { type CommandContext, CommandError, EXIT } from "./commands/command.ts";
import { FORMATS, loadFormats } from "./exporters/mod.ts";
import { WORKER_ARGUMENT, WRITES_ARGUMENT } from "./runs/worker_command.ts";

const USAGE = `Spillway turns rows into files: streamed, in constant memory.

Usage:
  spillway serve [--config FILE]
      serve the exports over HTTP
  spillway check [--connect] [--config FILE]
      check the configuration and say every mistake in it
  spillway run EXPORT --format FORMAT --output FILE|- [--param NAME=VALUE]... [--config FILE]
      run one export to a file, or to standard output; --receipt writes its receipt too
  spillway convert FILE FILE|- [--format FORMAT] [--param NAME=VALUE]...
      convert a file (CSV, TSV, NDJSON, JSON, XLSX; packed or not) to another format
  spillway verify FILE RECEIPT [--keys FILE]
      compare a file with its receipt, and that with its signature; asks no server
  spillway key new [--tenant NAME] [--exports 'audit-*,invoices'] [--formats csv,xlsx]
      make a key; it is printed once, with the lines of the configuration that hold its hash
  spillway key receipt
      make a key that receipts are signed with; it is printed once
  spillway link EXPORT --format FORMAT [--param NAME=VALUE]... [--expires 15m] [--config FILE]
      sign a link to a file, with the secret of the configuration

Options:
  --connect           open every source too, and prepare every query; none is run
  --config FILE       the configuration; else $SPILLWAY_CONFIG, else ./spillway.yaml, else the demo
  --format FORMAT     ${Object.keys(FORMATS).join(", ")}
  --output FILE       the file to write; - is standard output
  --param NAME=VALUE  a param of the export, how a file is read (sheet=2), or an option such as
                      _dialect=excel
  --receipt           write FILE.receipt beside the file: signed, where there is a key
  --keys FILE         the keys that are trusted, as a server has them at /.well-known/jwks.json
  --tenant NAME       whose data: of a key, a link, or a run
  --subject NAME      who it is for
  --scopes A,B        what they may do besides
  --exports A,B-*     the exports of a key; else all
  --formats A,B       the formats of a key; else all
  --max-rows N        the most rows of an export with a key
  --max-bytes SIZE    the most bytes of a file with a key, such as 512MiB
  --max-duration TIME the longest run with a key, such as 15m
  --expires WHEN      when a key ends, such as 2027-01-01; how long a link is valid, such as 15m
  -h, --help          this text
  -V, --version       the version
`;

/** The options of a file, as the formats say them. */
async function optionsUsage(): Promise<string> {
  const { describeOptions } = await import("./requests/options.ts");
  const formats = Object.values(await loadFormats());
  const lines = describeOptions(formats).map(({ name, formats: keys, description, example }) => {
    const where = keys.length === formats.length ? "all" : keys.join(", ");
    return `  ${`${name}=${example}`.padEnd(18)}  ${where}: ${description}\n`;
  });
  return `Options of a file, as --param or in its URL, by the formats that have them:\n${
    lines.join("")
  }`;
}

/** Parses the command line and does what it says. */
async function main(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  if (values.help) return console.log(`${USAGE}\n${await optionsUsage()}`);
  if (values.version) return console.log(`spillway ${manifest.version}`);
  const context: CommandContext = {
    environment: Deno.env.toObject(),
    ...(values.config === undefined ? {} : { configFile: values.config }),
  };
  const [command, ...operands] = positionals;
  const expects = (count: number, what = count === 0 ? "no operand" : "one export") => {
    if (operands.length === count) return;
    throw usageError(`${command} takes ${what}`);
  };
  // Each is loaded for itself: a worker that is a compiled binary needs none of them.
  switch (command) {
    case "serve": {
      expects(0);
      const { serve } = await import("./commands/serve.ts");
      return await serve(context);
    }
    case "check": {
      expects(0);
      const { check } = await import("./commands/check.ts");
      return await check(context, { connect: values.connect ?? false });
    }
    case "run": {
      expects(1);
      const { format, output, param: params = [], receipt, tenant, subject, scopes } = values;
      if (format === undefined) throw usageError("run needs --format");
      if (output === undefined) throw usageError("run needs --output");
      const { run } = await import("./commands/run.ts");
      return await run(context, {
        ...{ export: operands[0]!, format, output, params, receipt },
        ...{ tenant, subject, scopes },
      });
    }
    case "convert": {
      if (operands.length !== 2) throw usageError("convert takes two files");
      const { format, param: params = [] } = values;
      const [input, output] = operands as [string, string];
      const { convert } = await import("./commands/convert.ts");
      return await convert(context, { input, output, format, params });
    }
    case "verify": {
      expects(2, "a file and its receipt");
      const [file, receipt] = operands as [string, string];
      const { verify } = await import("./commands/verify.ts");
      return await verify({ file, receipt, keys: values.keys });
    }
    case "key": {
      if (operands.join(" ") === "receipt") {
        const { receiptKey } = await import("./commands/key.ts");
        return await receiptKey();
      }
      if (operands.join(" ") !== "new") throw usageError("key takes new or receipt");
      const { tenant, subject, exports, formats, scopes, expires } = values;
      const { key } = await import("./commands/key.ts");
      return key({
        ...{ tenant, subject, exports, formats, scopes, expires },
        maxRows: values["max-rows"],
        maxBytes: values["max-bytes"],
        maxDuration: values["max-duration"],
      });
    }
    case "link": {
      expects(1);
      const { format, param: params = [], tenant, subject, scopes, expires } = values;
      if (format === undefined) throw usageError("link needs --format");
      const { link } = await import("./commands/link.ts");
      const who = { tenant, subject, scopes, expires };
      return await link(context, { export: operands[0]!, format, params, ...who });
    }
    case WORKER_ARGUMENT: {
      // Not for people: a compiled binary starts itself so, with all the permissions that it was made
      // with. What no source needs is given back; to keep some hosts or folders alone is not possible.
      const writes = operands[0] === WRITES_ARGUMENT;
      for (const name of ["write", "run", "sys", "ffi"] as const) {
        if (name !== "write" || !writes) await Deno.permissions.revoke({ name });
      }
      const { serveCommands } = await import("./runs/worker/mod.ts");
      return await serveCommands(operands.slice(Number(writes)));
    }
    case undefined:
      throw usageError("there is no command");
    default:
      throw usageError(`${JSON.stringify(command)} is no command`);
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: "string" },
        connect: { type: "boolean" },
        format: { type: "string" },
        output: { type: "string" },
        param: { type: "string", multiple: true },
        receipt: { type: "boolean" },
        keys: { type: "string" },
        tenant: { type: "string" },
        subject: { type: "string" },
        scopes: { type: "string" },
        exports: { type: "string" },
        formats: { type: "string" },
        "max-rows": { type: "string" },
        "max-bytes": { type: "string" },
        "max-duration": { type: "string" },
        expires: { type: "string" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "V" },
      },
    });
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error));
  }
}

function usageError(message: string): CommandError {
  return new CommandError(`${message}; --help tells more`, EXIT.usage);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
    Deno.exit(0);
  } catch (error) {
    if (!(error instanceof CommandError)) {
      console.error("spillway:", error);
      Deno.exit(EXIT.failure);
    }
    if (error.message !== "") console.error(`spillway: ${error.message}`);
    Deno.exit(error.status);
  }
}
