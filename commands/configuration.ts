/** Finds, reads and checks the configuration of a command, making the demo's database if it needs it. */

import { dirname, join, resolve } from "node:path";
import type { Config } from "../catalog/config.ts";
import { loadConfig } from "../catalog/load.ts";
import { locateConfig } from "../catalog/locate.ts";
import { ConfigError, formatConfigError } from "../catalog/issues.ts";
import { createDemo } from "../examples/demo_data.ts";
import { loadFormats } from "../exporters/mod.ts";
import { checkSchedules } from "../requests/scheduled_request.ts";
import { loadDescriptors } from "../sources/mod.ts";
import { messageOf } from "../table/message_of.ts";
import { type CommandContext, CommandError, EXIT } from "./command.ts";

/** The variable that says where the demo keeps what it makes, and where it does when that is not set. */
const DEMO_FOLDER = { name: "SPILLWAY_DEMO_DATA", fallback: "data" } as const;

/** A configuration, and where it came from. */
export interface Configuration {
  /** What it says. */
  readonly config: Config;
  /** The file's name, for people. */
  readonly file: string;
  /** Where the built-in demo keeps what it makes; absent for any other configuration. */
  readonly demoFolder?: string;
}

/**
 * Reads the configuration.
 *
 * @throws {CommandError} with every issue, a line each, and status 78
 */
export async function readConfiguration(
  { configFile, environment }: CommandContext,
): Promise<Configuration> {
  const env = (name: string) => environment[name];
  const choice = locateConfig({ ...(configFile === undefined ? {} : { flag: configFile }), env });
  if (choice.kind === "file") {
    const config = await load(choice.path, choice.path, dirname(resolve(choice.path)), env);
    return { config, file: choice.path };
  }
  const demoFolder = resolve(environment[DEMO_FOLDER.name] ?? DEMO_FOLDER.fallback);
  const file = "examples/spillway.yaml";
  const withDemo = (name: string) => name === DEMO_FOLDER.name ? demoFolder : env(name);
  const config = await load(file, new URL(`../${file}`, import.meta.url), Deno.cwd(), withDemo);
  return { config, file, demoFolder };
}

async function load(
  file: string,
  path: string | URL,
  folder: string,
  env: (name: string) => string | undefined,
): Promise<Config> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const reason = messageOf(error);
    throw new CommandError(`Cannot read the configuration: ${reason}`, EXIT.config);
  }
  const [sources, formats] = await Promise.all([loadDescriptors(), loadFormats()]);
  try {
    const config = loadConfig(text, { env, folder, sources, formats });
    checkSchedules(config, formats);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const issues = formatConfigError(error, file).trimEnd();
    throw new CommandError(`${error.message}\n${issues}`, EXIT.config);
  }
}

/** Makes the demo's database, unless an earlier start has; says so on standard error. */
export async function prepareDemo(folder: string): Promise<void> {
  try {
    await Deno.mkdir(join(folder, "spool"), { recursive: true });
  } catch (error) {
    const reason = messageOf(error);
    throw new CommandError(`Cannot make the demo's folder ${folder}: ${reason}`, EXIT.failure);
  }
  const database = join(folder, "demo.db");
  if (await Deno.stat(database).then(() => true, () => false)) return;
  console.error(`Making the demo database ${database}`);
  if (!Deno.stderr.isTerminal()) return createDemo(database);
  const encoder = new TextEncoder();
  const say = (text: string) => void Deno.stderr.writeSync(encoder.encode(text));
  createDemo(database, {
    onProgress: (done, total) => say(`\r${Math.floor((done / total) * 100)} %`),
  });
  say("\r\x1b[K");
}
