/** Runs the programs that people read our files with, where they are installed. */

/** The system's own Python, for which distributions package openpyxl. */
export const PYTHON = "/usr/bin/python3";

/** How to find out that a program is there. */
const PROGRAMS = {
  python: [PYTHON, "-c", "import sys; assert sys.version_info >= (3, 11)"],
  openpyxl: [PYTHON, "-c", "import sys, openpyxl; assert sys.version_info >= (3, 11)"],
  sqlite3: ["sqlite3", "--version"],
  psql: ["psql", "--no-password", "--command=select 1"],
  soffice: ["soffice", "--version"],
  xmllint: ["xmllint", "--version"],
  jq: ["jq", "--version"],
  unzip: ["unzip", "-v"],
  java: ["java", "--version"],
} as const;

/** One of the programs. */
export type Program = keyof typeof PROGRAMS;

/** What is missing without one of them, in words. */
const MISSING: Readonly<Record<Program, string>> = {
  python: "Python 3.11 is not installed",
  openpyxl: "openpyxl for Python 3.11 is not installed",
  sqlite3: "sqlite3 is not installed",
  psql: "no PostgreSQL server answers psql",
  soffice: "LibreOffice is not installed",
  xmllint: "xmllint is not installed",
  jq: "jq is not installed",
  unzip: "unzip is not installed",
  java: "Java is not installed",
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

/** A test that needs programs: without one of them it is ignored, and its name says why. */
export function readerTest(
  name: string,
  programs: readonly Program[],
  body: () => Promise<void>,
): void {
  const missing = programs.filter((program) => !has(program));
  const reasons = missing.map((program) => MISSING[program]).join(" and ");
  Deno.test({
    name: missing.length === 0 ? name : `${name} (ignored: ${reasons})`,
    ignore: missing.length > 0,
    fn: body,
  });
}

/** The longest that a program may take, in milliseconds. */
const TIME_LIMIT_MS = 120_000;

/** How to run a program. */
export interface ProgramOptions {
  /** What it reads on standard input. @default nothing */
  readonly input?: string;
  /** The folder that it runs in. */
  readonly cwd?: string;
  /** More variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end and gives what it wrote.
 *
 * @throws {Error} with what it says is wrong, when it fails or takes too long
 */
export async function runProgram(
  path: string,
  args: readonly string[],
  { input, cwd, environment = {} }: ProgramOptions = {},
): Promise<string> {
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
  const limit = setTimeout(() => Deno.kill(-child.pid, "SIGKILL"), TIME_LIMIT_MS);
  try {
    const writing = input === undefined
      ? Promise.resolve()
      : new Response(input).body!.pipeTo(child.stdin);
    const [{ success, code, signal, stdout, stderr }] = await Promise.all([
      child.output(),
      // A program that fails before it has read everything says so itself.
      writing.catch(() => {}),
    ]);
    const decoder = new TextDecoder();
    if (success) return decoder.decode(stdout);
    const said = decoder.decode(stderr) + decoder.decode(stdout);
    throw new Error(`${path} ${args.join(" ")}: ${signal ?? `exit status ${code}`}\n${said}`);
  } finally {
    clearTimeout(limit);
  }
}

/** Runs a script of this folder, which takes and gives JSON. */
export async function runScript(name: string, input: unknown): Promise<unknown> {
  const path = new URL(`./${name}`, import.meta.url).pathname;
  // -B: no __pycache__ in the tree.
  return JSON.parse(await runProgram(PYTHON, ["-B", path], { input: JSON.stringify(input) }));
}
