/** Runs the programs that people read our files with, where they are installed. */

import { BINARIES } from "../sources/postgres/server.ts";

/** The system's own Python, for which distributions package openpyxl. */
export const PYTHON = "/usr/bin/python3";

/** The psql of the newest PostgreSQL server that is installed, which the tests start one of. */
export const PSQL = `${BINARIES}/psql`;

/** Debian's browser. */
export const CHROMIUM = "/usr/bin/chromium";

/** Apache POI, and what it needs to stream a workbook, as Debian has them. */
export const POI_JARS: readonly string[] = [
  "poi",
  "poi-ooxml",
  "poi-ooxml-schemas",
  "commons-collections4",
  "commons-compress",
  "commons-math3",
  "xmlbeans",
].map((name) => `/usr/share/java/${name}.jar`);

/** How to find out that a program is there. */
const PROGRAMS = {
  python: [PYTHON, "-c", "import sys; assert sys.version_info >= (3, 11)"],
  openpyxl: [PYTHON, "-c", "import sys, openpyxl; assert sys.version_info >= (3, 11)"],
  xlsxwriter: [PYTHON, "-c", "import sys, xlsxwriter; assert sys.version_info >= (3, 11)"],
  prometheus: [PYTHON, "-c", "import prometheus_client.parser"],
  sqlite3: ["sqlite3", "--version"],
  psql: [PSQL, "--version"],
  soffice: ["soffice", "--version"],
  xmllint: ["xmllint", "--version"],
  jq: ["jq", "--version"],
  unzip: ["unzip", "-v"],
  // A program of one file is compiled when it is run.
  java: ["java", "--describe-module", "jdk.compiler"],
  poi: ["ls", ...POI_JARS],
  chromium: [CHROMIUM, "--version"],
} as const;

/** One of the programs. */
export type Program = keyof typeof PROGRAMS;

/** What is missing without one of them, in words. */
const MISSING: Readonly<Record<Program, string>> = {
  python: "Python 3.11 is not installed",
  openpyxl: "openpyxl for Python 3.11 is not installed",
  xlsxwriter: "XlsxWriter for Python 3.11 is not installed",
  prometheus: "Prometheus's client for Python is not installed",
  sqlite3: "sqlite3 is not installed",
  psql: "no PostgreSQL server is installed",
  soffice: "LibreOffice is not installed",
  xmllint: "xmllint is not installed",
  jq: "jq is not installed",
  unzip: "unzip is not installed",
  java: "Java 11 is not installed",
  poi: "Apache POI is not installed",
  chromium: "Chromium is not installed",
};

/** What has been looked for, by program. */
const found = new Map<Program, boolean>();

function has(program: Program): boolean {
  let there = found.get(program);
  if (there === undefined) found.set(program, there = answers(PROGRAMS[program]));
  return there;
}

function answers([path, ...args]: readonly string[]): boolean {
  try {
    return new Deno.Command(path!, { args, stdin: "null", stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * A test that needs programs: without one of them it is ignored, and its name says why.
 *
 * @param reason why it is ignored, be they there or not
 */
export function readerTest(
  name: string,
  programs: readonly Program[],
  body: () => Promise<void>,
  reason?: string,
): void {
  const reasons = programs.filter((program) => !has(program)).map((program) => MISSING[program]);
  if (reason !== undefined) reasons.push(reason);
  Deno.test({
    name: reasons.length === 0 ? name : `${name} (ignored: ${reasons.join(" and ")})`,
    ignore: reasons.length > 0,
    fn: body,
  });
}

/** Milliseconds after which a program is taken to hang; those that the tests run take some seconds. */
const TIME_LIMIT_MS = 600_000;

/** How to run a program. */
export interface ProgramOptions {
  /** What it reads on standard input. @default nothing */
  readonly input?: string;
  /** The folder that it runs in. */
  readonly cwd?: string;
  /** More variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The longest that it may take, in milliseconds. @default 600,000 */
  readonly timeLimit?: number;
}

/** A program that runs. */
interface Running extends Disposable {
  readonly child: Deno.ChildProcess;
  /** Ends it, and what it has started. */
  kill(): void;
}

function start(
  path: string,
  args: readonly string[],
  { input, cwd, environment = {}, timeLimit = TIME_LIMIT_MS }: ProgramOptions,
): Running {
  const child = new Deno.Command(path, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...environment },
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    // In a group of its own, which ends with it: soffice is a script that starts others.
    detached: true,
  }).spawn();
  const kill = () => Deno.kill(-child.pid, "SIGKILL");
  const limit = setTimeout(kill, timeLimit);
  return { child, kill, [Symbol.dispose]: () => clearTimeout(limit) };
}

function failure(
  path: string,
  args: readonly string[],
  { code, signal }: Deno.CommandStatus,
  said: string,
): Error {
  return new Error(`${path} ${args.join(" ")}: ${signal ?? `exit status ${code}`}\n${said}`);
}

/**
 * Runs a program to its end and gives what it wrote.
 *
 * @throws {Error} with what it says is wrong, when it fails or takes too long
 */
export async function runProgram(
  path: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  using program = start(path, args, options);
  const { child } = program;
  const { input } = options;
  const writing = input === undefined
    ? Promise.resolve()
    : new Response(input).body!.pipeTo(child.stdin);
  const [{ stdout, stderr, ...status }] = await Promise.all([
    child.output(),
    // A program that fails before it has read everything says so itself.
    writing.catch(() => {}),
  ]);
  const decoder = new TextDecoder();
  if (status.success) return decoder.decode(stdout);
  throw failure(path, args, status, decoder.decode(stderr) + decoder.decode(stdout));
}

/**
 * Runs a program and gives the lines that it writes, while it writes them; it is ended when no more
 * of them are wanted.
 *
 * @throws {Error} with what it says is wrong, when it fails or takes too long
 */
export async function* programLines(
  path: string,
  args: readonly string[],
  options: Omit<ProgramOptions, "input"> = {},
): AsyncGenerator<string> {
  using program = start(path, args, options);
  const { child } = program;
  const said = new Response(child.stderr).text();
  let read = false;
  try {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== "") yield rest;
    read = true;
  } finally {
    if (!read) program.kill();
    await Promise.all([child.status, said]);
  }
  const status = await child.status;
  if (!status.success) throw failure(path, args, status, await said);
}

/** Runs a script of this folder, which takes and gives JSON. */
export async function runScript(name: string, input: unknown): Promise<unknown> {
  const path = new URL(`./${name}`, import.meta.url).pathname;
  // -B: no __pycache__ in the tree.
  return JSON.parse(await runProgram(PYTHON, ["-B", path], { input: JSON.stringify(input) }));
}
