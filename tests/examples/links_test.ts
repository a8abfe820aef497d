/** The programs that sign links in other languages, each against the link of the design and odd texts. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createLinks, signLink } from "../../access/links.ts";
import { PYTHON, runProgram } from "../clients/programs.ts";

const FOLDER = new URL("../../examples/links/", import.meta.url).pathname;

/** A language, and how its program is run. */
interface Language {
  readonly name: string;
  /** Succeeds where the language is installed. */
  readonly probe: readonly string[];
  /** Makes what is run, where that is a step of its own; `folder` is for it. */
  readonly build?: (folder: string) => readonly string[];
  /** What is run; the arguments follow. */
  readonly run: (folder: string) => readonly string[];
}

const LANGUAGES: readonly Language[] = [
  {
    name: "Python",
    probe: [PYTHON, "--version"],
    run: () => [PYTHON, "-B", `${FOLDER}sign_link.py`],
  },
  { name: "Ruby", probe: ["ruby", "--version"], run: () => ["ruby", `${FOLDER}sign_link.rb`] },
  { name: "PHP", probe: ["php", "--version"], run: () => ["php", `${FOLDER}sign_link.php`] },
  { name: "Node.js", probe: ["node", "--version"], run: () => ["node", `${FOLDER}sign_link.mjs`] },
  {
    name: "Go",
    probe: ["go", "version"],
    build: (folder) => ["go", "build", "-o", `${folder}/sign_link`, `${FOLDER}sign_link.go`],
    run: (folder) => [`${folder}/sign_link`],
  },
  {
    name: "Java",
    probe: ["java", "--describe-module", "jdk.compiler"],
    // A JRE of Debian has the compiler, and no program that is called javac.
    build: (folder) => [
      ...["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", folder],
      `${FOLDER}SignLink.java`,
    ],
    run: (folder) => ["java", "-cp", folder, "SignLink"],
  },
  {
    name: "C# (Mono)",
    probe: ["mcs", "--version"],
    build: (folder) => ["mcs", `-out:${folder}/SignLink.exe`, `${FOLDER}SignLink.cs`],
    run: (folder) => ["mono", `${folder}/SignLink.exe`],
  },
  {
    name: "A POSIX shell with openssl",
    probe: ["openssl", "version"],
    run: () => ["sh", `${FOLDER}sign_link.sh`],
  },
];

function answers([path, ...args]: readonly string[]): boolean {
  try {
    return new Deno.Command(path!, { args, stdin: "null", stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const SECRET = "0123456789abcdef0123456789abcdef";

const EXPIRES = 4_102_444_800;

/** Names and values that encoders, sorters and shells take for something else. */
const ODD: readonly (readonly [name: string, value: string])[] = [
  ["space", "a b  c "],
  ["plus", "1+1"],
  ["percent", "100%"],
  ["escape", "%41%2B%zz"],
  ["pair", "a&b=c"],
  ["equals", "=="],
  ["empty", ""],
  ["", "no name"],
  ["marks", "-_.!~*'()"],
  ["quotes", "\"'`"],
  ["brackets", "<>[]{}"],
  ["slashes", "/\\?#:;@,"],
  ["dollar", "$HOME $(id) `id` ${x} $1"],
  ["caret", "^|"],
  ["tab", "a\tb"],
  ["line", "a\nb\r\nc\n"],
  ["umlaut", "Müller & Söhne"],
  ["accent", "e\u0301 \u00e9"],
  ["korean", "한국어"],
  ["arabic", "مرحبا"],
  ["emoji", "\u{1f600}\u{1f468}\u200d\u{1f469}\u200d\u{1f467}"],
  ["bom", "\ufeffx"],
  ["last", "\u{10fffd}\ufffd"],
  ["nbsp", "\u00a0\u2028"],
  ["dash", "-n"],
  ["--", "-e \\n"],
  ["number", "007"],
  ["007", "1e3"],
  ["list", "1,2,3"],
  // Sorted as bytes, after they are encoded: %41 comes before A, and = after !.
  ["twice", "b"],
  ["twice", "a"],
  ["twice", "a"],
  ["twice!", "1"],
  ["Twice", "2"],
  ["_columns", "a,b"],
  ["ümlaut", "x"],
  ["\u{1f600}", "y"],
  ["\ufffd", "z"],
];

for (const { name, probe, build, run } of LANGUAGES) {
  const missing = !answers(probe);
  Deno.test({
    name: `${name} signs the link that we sign${
      missing ? ` (ignored: ${probe[0]} is not installed)` : ""
    }`,
    ignore: missing,
    async fn() {
      const folder = await Deno.makeTempDir();
      // A locale in which arguments are UTF-8.
      const options = { cwd: folder, environment: { LC_ALL: "C.UTF-8" } };
      const call = async ([path, ...args]: readonly string[], more: readonly string[] = []) =>
        await runProgram(path!, [...args, ...more], options);
      try {
        if (build !== undefined) await call(build(folder));
        const vector = ["a", "/exports/audit-log.xlsx", `${EXPIRES}`];
        strictEqual(
          await call(run(folder), [SECRET, ...vector, "since", "2026-01-01", "_tenant", "42"]),
          "/exports/audit-log.xlsx?_exp=4102444800&_kid=a&_tenant=42&since=2026-01-01" +
            "&_sig=fn6h5CmdriEp87dR-gxk9B8rbBrbpEz9JPh5FyCNEPs\n",
        );

        const secret = `${SECRET} ключ \u{1f511}`;
        const link = { path: "/exports/a,b-2.csv", query: ODD, expires: EXPIRES };
        const given = [secret, "kid-2", link.path, `${EXPIRES}`, ...ODD.flat()];
        const signed = (await call(run(folder), given)).replace(/\r?\n$/, "");
        deepStrictEqual(signed.split("&"), signLink(link, "kid-2", secret).split("&"));
        const links = createLinks({ secrets: new Map([["kid-2", secret]]), maxAge: 60_000 });
        ok("principal" in links.verify("GET", signed, EXPIRES * 1000 - 1000), signed);

        // Without a param.
        strictEqual(
          await call(run(folder), [SECRET, "a", "/exports/a.csv", `${EXPIRES}`]),
          "/exports/a.csv?_exp=4102444800&_kid=a" +
            "&_sig=nire49qWkcUbpPFubBOPcR7PqbwPsNngoXOwS0l9H1Y\n",
        );
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test("each program in the folder is run by a test", async () => {
  const run = LANGUAGES.flatMap(({ build, run }) => [...build?.("x") ?? [], ...run("x")]);
  for await (const { name } of Deno.readDir(FOLDER)) {
    ok(run.includes(`${FOLDER}${name}`), name);
  }
});
