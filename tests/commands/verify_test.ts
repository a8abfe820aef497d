/** Receipts from the command line: written beside a file, signed, and verified without a server. */

import assert from "node:assert/strict";
import { until } from "../waiting.ts";
import { command, configured, type Folder, spillway, startServe } from "./fixture.ts";

const CSV = "id,note\r\n1,plain\r\n2,'=1+1\r\n";
const CSV_SHA256 = "09fe1a5bd4dbd34bbccde1def94e3f10c44c4c3b747fce025f4333f102b42d73";

/** A folder whose configuration signs receipts with a new key, which is in a file. */
async function signing(): Promise<Folder & { readonly keyId: string }> {
  const folder = await configured();
  const { code, stdout, stderr } = await spillway(["key", "receipt"], { cwd: folder.path });
  assert.equal(code, 0);
  await Deno.writeTextFile(`${folder.path}/receipts.jwk`, stdout);
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    'runs: { signing_keys: ["file:receipts.jwk"] }\n',
    { append: true },
  );
  return { ...folder, keyId: /Receipts name it ([\w-]{43})\./.exec(stderr)![1]! };
}

function runItems({ path }: Folder, ...args: readonly string[]) {
  return spillway(["run", "items", "--format", "csv", ...args], { cwd: path });
}

function verify({ path }: Folder, ...args: readonly string[]) {
  return spillway(["verify", ...args], { cwd: path });
}

Deno.test("a file, its receipt and the keys of a server verify each other, and no other file does", async () => {
  await using folder = await signing();
  const ran = await runItems(
    folder,
    ...["--output", "items.csv", "--receipt", "--tenant", "42", "--subject", "ann"],
  );
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(
    folder.names().filter((name) => name.startsWith("items")),
    ["items.csv", "items.csv.receipt"],
  );
  await using server = await startServe([], { cwd: folder.path });
  const keys = await (await fetch(`${server.origin}/.well-known/jwks.json`)).text();
  await Deno.writeTextFile(`${folder.path}/jwks.json`, keys);

  const good = await verify(folder, "items.csv", "items.csv.receipt", "--keys", "jwks.json");
  assert.deepEqual({ code: good.code, stderr: good.stderr }, { code: 0, stderr: "" });
  const { id: _, queued_at: __, started_at: ___, ended_at: ____, ...said } = JSON.parse(
    good.stdout,
  );
  assert.deepEqual(said, {
    state: "complete",
    attempt: 1,
    exports: ["items"],
    format: "csv",
    params: {},
    options: {},
    delivery: "direct",
    principal: "cli:ann",
    tenant: "42",
    rows: 2,
    bytes: CSV.length,
    sha256: CSV_SHA256,
    warnings: [{ kind: "formula-guarded", column: "note", count: 1 }],
    masks: [],
    truncated: [],
  });

  const trusting = await verify(folder, "items.csv", "items.csv.receipt");
  assert.equal(trusting.code, 0);
  assert.equal(
    trusting.stderr,
    `warning: signed with the key ${folder.keyId}, but --keys does not say whose keys are trusted\n`,
  );

  await Deno.writeTextFile(`${folder.path}/items.csv`, CSV.replace("plain", "plaim"));
  const changed = await verify(folder, "items.csv", "items.csv.receipt", "--keys", "jwks.json");
  assert.deepEqual({ code: changed.code, stdout: changed.stdout }, { code: 1, stdout: "" });
  assert.match(
    changed.stderr,
    new RegExp(
      `^spillway: The file has the SHA-256 [0-9a-f]{64}, and that of the receipt ${CSV_SHA256}\n$`,
    ),
  );
});

Deno.test("without a key a receipt is JSON, which is compared, and said to be unsigned", async () => {
  await using folder = await configured();
  const ran = await runItems(folder, "--output", "items.csv", "--receipt");
  assert.equal(ran.code, 0, ran.stderr);
  const { code, stdout, stderr } = await verify(folder, "items.csv", "items.csv.receipt");
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).principal, "cli");
  assert.equal(
    stderr,
    "warning: the receipt is not signed: anyone may have written or changed it\n",
  );
  await Deno.truncate(`${folder.path}/items.csv`, 9);
  const short = await verify(folder, "items.csv", "items.csv.receipt");
  assert.equal(short.code, 1);
  assert.match(
    short.stderr,
    /^spillway: The file has 9 bytes, and that of the receipt 27\nspillway: The file has the SHA-256 .*\n$/,
  );
});

Deno.test("what verify cannot read is named, with exit status 1", async () => {
  await using folder = await configured();
  await Deno.writeTextFile(`${folder.path}/items.csv`, CSV);
  await Deno.writeTextFile(`${folder.path}/keys.json`, '{"keys":5}');
  await Deno.writeFile(`${folder.path}/large`, new Uint8Array(2 ** 20 + 1));
  for (
    const [args, said] of [
      [["items.csv", "missing"], /^spillway: Cannot read missing: No such file/],
      [["missing", "items.csv"], /^spillway: Cannot read missing: No such file/],
      [["items.csv", "items.csv"], /^spillway: The receipt is neither a signed one .*\n$/],
      [
        ["items.csv", "large"],
        /^spillway: large has more than 1048576 bytes; verify takes FILE, then RECEIPT\n$/,
      ],
      [
        ["items.csv", "items.csv", "--keys", "keys.json"],
        /^spillway: There is no set of keys in keys\.json: .*\n$/,
      ],
    ] as const
  ) {
    const { code, stdout, stderr } = await verify(folder, ...args);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.match(stderr, said);
  }
  assert.equal((await verify(folder, "items.csv")).code, 64);
});

Deno.test("a receipt is for a file, and a key that cannot be read is said before a run", async () => {
  await using folder = await signing();
  const piped = await runItems(folder, "--output", "-", "--receipt");
  assert.deepEqual(piped, {
    code: 64,
    stdout: "",
    stderr: "spillway: --receipt takes an --output that is a file\n",
  });
  await Deno.writeTextFile(`${folder.path}/receipts.jwk`, "{}");
  const unreadable = await runItems(folder, "--output", "items.csv", "--receipt");
  assert.equal(unreadable.code, 78);
  assert.match(
    unreadable.stderr,
    /^spillway: There is no Ed25519 key in \S+receipts\.jwk, as PEM or as a JWK\n$/,
  );
  assert.deepEqual(folder.names(), ["app.db", "receipts.jwk", "spillway.yaml"]);
  const checked = await spillway(["check", "--connect"], { cwd: folder.path });
  assert.equal(checked.code, 78);
  assert.match(
    checked.stderr,
    /: runs\.signing_keys: There is no Ed25519 key in \S+receipts\.jwk, /,
  );
});

/** Gives a command a terminal; what it writes there is given on. */
const TERMINAL = [
  "python3",
  "-c",
  "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))",
];

Deno.test("a run shows how far it is on a terminal, and clears that line", async () => {
  await using folder = await configured();
  const pipe = `${folder.path}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  // It stops once it fills, until it is read.
  const cat = new Deno.Command("cat", { args: [pipe], stdout: "piped" }).spawn();
  const child = command(
    ["run", "rows", "--format", "csv", "--param", "rows=50000", "--output", "pipe"],
    { cwd: folder.path, within: TERMINAL },
  ).spawn();
  let shown = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) shown += text;
  })();
  await until(() => / rows, .* rows\/s/.test(shown));
  await Promise.all([
    cat.stdout.pipeTo(new WritableStream()),
    child.status,
    child.stderr.cancel(),
    cat.status,
    reading,
  ]);
  const lines = shown.split("\r\x1b[K");
  assert.match(lines[1]!, /^[\d,]+ rows, [\d,]+ bytes, [\d,]+ rows\/s$/);
  assert.match(lines.at(-1)!, /^rows\.csv: 50000 rows, \d+ bytes in \d+ ms\r\n$/);
});
