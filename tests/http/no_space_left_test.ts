/**
 * The failure that Spillway exists for, replayed: ten large exports at once on a machine whose `/tmp` is
 * a tmpfs of 64 MiB. `docs/no-space-left.md` tells the story.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemFiles } from "../../storage/disk/file_system.ts";
import { isMemory } from "../../storage/disk/mounts.ts";
import { type Serving, startServe } from "../commands/fixture.ts";
import { until } from "../waiting.ts";
import { scrape, startDownload } from "./downloads.ts";

const MIB = 1024 * 1024;

/** Bytes of `/tmp`. */
const TMP_BYTES = 64 * MIB;

/** Exports at once, of 30 MB each. */
const EXPORTS = 10;
const ROWS = 3000;

/**
 * Where there is a real disk on a machine whose `/tmp` is none: the Filesystem Hierarchy Standard has
 * it keep temporary files over a reboot (5.15).
 */
const DISK = "/var/tmp";

/** What a server is started from, where that is in the `/tmp` that the small one hides: a checkout, a cache. */
const NEEDED = [
  new URL("../../", import.meta.url).pathname,
  Deno.env.get("DENO_DIR") ?? "",
  dirname(Deno.execPath()),
].filter((path) => path.startsWith("/tmp/"));

/**
 * Becomes a command in a mount namespace of its own, whose `/tmp` goes with its last process. What is
 * needed of the other one is mounted again, and takes nothing of the small one.
 */
const WITH_SMALL_TMP = [
  ...["unshare", "--mount", "sh", "-ec"],
  `keep=$(mktemp -d ${DISK}/spillway-keep-XXXXXX)
  each() { at=0; for path in ${NEEDED.map((path) => `'${path}'`).join(" ")}; do
    at=$((at + 1)); "$1" "$path" "$keep/$at"; done; }
  save() { mkdir "$2"; mount --bind "$1" "$2"; }
  restore() { mkdir -p "$1"; mount --bind "$2" "$1"; umount "$2"; rmdir "$2"; }
  each save
  mount -t tmpfs -o size=${TMP_BYTES},mode=1777 none /tmp
  each restore
  rmdir "$keep"
  exec "$@"`,
  "sh",
];

/** Why the failure cannot be replayed here; undefined where it can. */
async function whyNot(): Promise<string | undefined> {
  const [program, ...args] = [...WITH_SMALL_TMP, "true"];
  const mounted = await new Deno.Command(program!, { args, stderr: "null" }).output()
    .then(({ success }) => success, () => false);
  if (!mounted) return "mounting a tmpfs takes root and unshare";
  const type = await systemFiles.room(DISK).then((room) => room.type, () => undefined);
  return type === undefined || isMemory(type) ? `${DISK} is no disk` : undefined;
}

const REASON = await whyNot();

function replay(name: string, work: () => Promise<void>): void {
  Deno.test({
    name: REASON === undefined ? name : `${name} (ignored: ${REASON})`,
    ignore: REASON !== undefined,
    fn: work,
  });
}

/** The SHA-256 of the file that every export should be. */
function expectedDigest(): string {
  const hash = createHash("sha256").update("id,padding\r\n");
  for (let id = 1; id <= ROWS; id++) hash.update(`${id},${String(id).padStart(9990, "0")}\r\n`);
  return hash.digest("hex");
}

/** Bytes that are taken of a process's `/tmp`. */
function tmpBytes(pid: number): number {
  const { blocks, bfree, bsize } = statfsSync(join("/proc", `${pid}`, "root/tmp"));
  return (blocks - bfree) * bsize;
}

/** Looks at a process's `/tmp` all the time while work is done: the most that was taken of it. */
async function watchTmp(pid: number, work: () => Promise<void>): Promise<number> {
  assert.equal(tmpBytes(pid), 0);
  let most = 0;
  const watching = setInterval(() => most = Math.max(most, tmpBytes(pid)), 2);
  try {
    await work();
  } finally {
    clearInterval(watching);
  }
  return most;
}

replay(
  "a server with temporary files dies of ENOSPC, and a moment later nothing is to be seen",
  async () => {
    const [program, ...args] = [
      ...WITH_SMALL_TMP,
      ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1"],
      ...["--allow-read", "--allow-write", "--allow-env"],
      new URL("./temporary_file_server.ts", import.meta.url).pathname,
    ];
    await using child = new Deno.Command(program!, {
      args,
      stdout: "piped",
      // The one that its caller might have set is not in the small /tmp.
      env: { TMPDIR: "/tmp" },
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const origin = (await reader.read()).value!.trim();
    const digest = expectedDigest();
    const failures: string[] = [];
    assert.equal(tmpBytes(child.pid), 0);
    await Promise.all(Array.from({ length: EXPORTS }, async () => {
      const response = await fetch(`${origin}/?rows=${ROWS}`);
      if (response.status !== 200) return failures.push(await response.text());
      const hash = createHash("sha256");
      for await (const chunk of response.body!) hash.update(chunk);
      assert.equal(hash.digest("hex"), digest);
    }));
    // Two of 30 MB would fit; but all begin at once, so that eight of them fail and often all ten.
    assert.ok(failures.length >= 5, `${failures.length} failed`);
    for (const failure of failures) {
      assert.equal(failure, "Error: No space left on device (os error 28)");
    }
    // Whoever comes to look now sees an empty disk.
    await until(() => tmpBytes(child.pid) === 0);
    child.kill("SIGKILL");
    await reader.cancel();
  },
);

replay(
  "Spillway answers all ten, streamed, stalled or made first, and leaves /tmp alone",
  async () => {
    const folder = await Deno.makeTempDir({ dir: DISK, prefix: "spillway-no-space-" });
    try {
      new DatabaseSync(`${folder}/app.db`).close();
      await Deno.mkdir(`${folder}/spool`);
      const path = `/exports/pages.csv?rows=${ROWS}`;
      const all = <Result>(work: () => Promise<Result>) =>
        Promise.all(Array.from({ length: EXPORTS }, work));
      const digest = expectedDigest();
      const digests = Array(EXPORTS).fill(digest);

      // However slow this machine makes its clients, none is taken for a slow one: no run waits for another.
      await servePages(folder, { spillAfter: "1h", concurrent: EXPORTS + 1 }, async (server) => {
        const streamed = await all(async () => (await startDownload(server, path)).finish());
        assert.deepEqual(streamed, digests);
        assert.equal((await scrape(server)).get("spool_bytes_peak"), 0, "and without any disk");
      });
      await servePages(folder, { spillAfter: "300ms", concurrent: EXPORTS }, async (server) => {
        // Ten clients that stop reading, all at once, until nothing runs any more.
        const downloads = await all(() => startDownload(server, path));
        await until(async () => (await scrape(server)).get("runs_in_flight") === 0);
        const stalled = await scrape(server);
        assert.ok(stalled.get("spool_bytes")! > TMP_BYTES, "more waits than /tmp could hold");
        assert.deepEqual(await Promise.all(downloads.map((one) => one.finish())), digests);

        const made = await all(async () => {
          const download = await startDownload(server, `${path}&_delivery=whole`);
          assert.equal(download.response.status, 200);
          assert.equal(download.response.headers.get("etag"), `"${digest}"`);
          return await download.finish();
        });
        assert.deepEqual(made, digests);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** Serves pages for as long as `work` takes; none of it is in `/tmp`, and nothing stays in the spool. */
async function servePages(
  folder: string,
  { spillAfter, concurrent }: { readonly spillAfter: string; readonly concurrent: number },
  work: (server: Serving) => Promise<void>,
): Promise<void> {
  await Deno.writeTextFile(
    `${folder}/spillway.yaml`,
    `
server: { port: 0 }
limits: { concurrent: ${concurrent}, exclusive: ${concurrent} }
spool: { dir: spool, max_bytes: 512MiB, min_free: 64MiB, spill_after: ${spillAfter} }
sources: { app: { type: sqlite, path: app.db } }
exports:
  pages:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id, printf('%09990d', id) as padding from n
    params: { rows: { type: integer } }
`,
  );
  await using server = await startServe([], {
    cwd: folder,
    within: WITH_SMALL_TMP,
    flags: [`--allow-write=${folder}/spool`],
    environment: { TMPDIR: "/tmp" },
  });
  const most = await watchTmp(server.pid, () => work(server));
  assert.equal(most, 0, "bytes of /tmp");
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
  const left = [...Deno.readDirSync(`${folder}/spool`)].map(({ name }) => name);
  assert.deepEqual(left.sort(), ["spillway-files", "spillway.lock"]);
}
