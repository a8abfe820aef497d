/** What a worker may do: from source what its flags say, in a compiled binary what it does not give back. */

import assert from "node:assert/strict";
import { FRAME, type FramePiece } from "../../runs/protocol.ts";
import { commandLine, createFrameReader } from "../../runs/protocol.ts";
import { workerCommand } from "../../runs/worker_command.ts";

/** A module whose one row tells what it may do; `granted` comes of asking, the others of trying. */
const MODULE = `
const attempt = async (act) => {
  try {
    await act();
    return "done";
  } catch (error) {
    return error.name;
  }
};
export default {
  columns: { what: "string", outcome: "string" },
  async *rows() {
    const folder = new URL(".", import.meta.url);
    const attempts = {
      read: () => Deno.readTextFile(new URL("secret.txt", folder)),
      write: () => Deno.writeTextFile(new URL("written.txt", folder), "x"),
      run: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).output(),
      sys: () => Deno.hostname(),
      net: () => Deno.connect({ hostname: "127.0.0.1", port: Number("PORT") }),
      secret: () => { if (Deno.env.get("SECRET") === undefined) throw new Error(); },
    };
    for (const [what, act] of Object.entries(attempts)) {
      yield { what, outcome: await attempt(act) };
    }
  },
};
`;

/** The frames that end a task. */
const LAST: readonly FramePiece["type"][] = [FRAME.end, FRAME.failure, FRAME.cancelled];

/** Runs the module in a worker, and gives the file. */
async function outcomes(
  start: (module: string, port: number) => Deno.Command,
): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-leave-" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })();
  try {
    const path = `${folder}/module.js`;
    await Deno.writeTextFile(path, MODULE.replace("PORT", String(port)));
    await Deno.writeTextFile(`${folder}/secret.txt`, "hunter2");
    const child = start(path, port).spawn();
    const writer = child.stdin.getWriter();
    const table = {
      source: { type: "module", config: { path } },
      query: { text: "", params: {} },
      title: "T",
      columns: {},
    };
    const task = {
      export: "t",
      tables: [table],
      format: "ndjson",
      options: {},
      coding: "identity",
    } as const;
    await writer.write(
      new TextEncoder().encode(
        commandLine({ start: task, task: 1, run: "r", credit: 1e6, exclusive: true }),
      ),
    );
    const readFrames = createFrameReader();
    let text = "";
    let last: FramePiece["type"] | undefined;
    const decoder = new TextDecoder();
    for await (const data of child.stdout) {
      for (const piece of readFrames(data)) {
        last = piece.type;
        if (piece.type === FRAME.chunk) text += decoder.decode(piece.data, { stream: true });
        else if (LAST.includes(piece.type)) await writer.close();
      }
    }
    await child.status;
    assert.equal(last, FRAME.end);
    const rows = text.trim().split("\n").map((line) => JSON.parse(line));
    return Object.fromEntries(rows.map(({ what, outcome }) => [what, outcome]));
  } finally {
    listener.close();
    await accepting;
    await Deno.remove(folder, { recursive: true });
  }
}

const environment = { ...Deno.env.toObject(), SECRET: "hunter2" };

Deno.test("a worker has permissions for what its sources name, and for nothing else", async () => {
  const none = { write: "NotCapable", run: "NotCapable", sys: "NotCapable", secret: "Error" };
  assert.deepEqual(
    await outcomes((module) => workerCommand({ read: [module], environment })),
    { ...none, read: "NotCapable", net: "NotCapable" },
  );
  assert.deepEqual(
    await outcomes((module, port) =>
      workerCommand({
        read: [module.replace(/[^/]*$/, "")],
        net: [`127.0.0.1:${port}`],
        environment,
      })
    ),
    { ...none, read: "done", net: "done" },
  );
});

Deno.test("a worker of a compiled binary gives back what no source needs", async () => {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const passed = ["DENO_DIR", "HOME", "PATH", "XDG_CACHE_HOME"].filter((name) =>
    Deno.env.has(name)
  );
  const given = (...more: string[]) =>
    outcomes(() =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", "--cached-only", "--allow-all", main, "worker"]
          .concat(more),
        clearEnv: true,
        env: Object.fromEntries(passed.map((name) => [name, Deno.env.get(name)!])),
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      })
    );
  const rest = { run: "NotCapable", sys: "NotCapable", secret: "Error", read: "done", net: "done" };
  assert.deepEqual(await given(), { write: "NotCapable", ...rest });
  // One that reads a packed upload writes what is unpacked: anywhere, as no folder alone can be kept.
  assert.deepEqual(await given("writes"), { write: "done", ...rest });
});
