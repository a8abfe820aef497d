/** Measures many downloads at once beside what a team would have otherwise. */

import { fileURLToPath } from "node:url";
import { AUDIT_COLUMNS } from "../examples/demo_data.ts";
import { AT_ONCE_COLUMNS, downloadAtOnce } from "./many.ts";
import { table } from "./report.ts";
import {
  createWorkplace,
  download,
  NAMES,
  readOrigin,
  type Server,
  startServer,
  type Workplace,
} from "./server.ts";
import { TITLES } from "./workload.ts";

/** Downloads at once, and the rows of each: openpyxl writes some 5,000 a second. */
const AT_ONCE = [[1, 40_000], [8, 20_000], [32, 10_000]] as const;

/** Rows of a download before those that count. */
const WARM_UP_ROWS = 10_000;

/** Rows as Spillway's export gives them too. */
const QUERY = `select ${NAMES.join(", ")} from audit limit`;

/** A server, and the path of its export without its format. */
interface Peer {
  readonly name: string;
  readonly formats: readonly string[];
  readonly path: string;
  start(workplace: Workplace): Promise<Server>;
}

const PEERS: readonly Peer[] = [
  {
    name: "**Spillway**",
    formats: ["csv", "xlsx"],
    path: "/exports/rows",
    start: (workplace) => startServer(workplace),
  },
  {
    name: "Django with gunicorn, openpyxl",
    formats: ["csv", "xlsx"],
    path: "/audit",
    // As many workers as gunicorn's documentation advises: two for each core, and one.
    start: ({ database }) =>
      startPeer("/usr/bin/python3", [
        ...["-m", "gunicorn", "--bind=127.0.0.1:0", "--workers=5", "--timeout=600"],
        ...[`--chdir=${PEERS_FOLDER}`, "django_app:application"],
      ], {
        DATABASE: database,
        QUERY: `${QUERY} %s`,
        TITLES: TITLES.join(","),
        DATETIMES: indicesOf("datetime"),
        DECIMALS: indicesOf("decimal"),
      }),
  },
  {
    name: "ExcelJS behind Hono",
    formats: ["xlsx"],
    path: "/audit",
    start: ({ database }) =>
      startPeer(Deno.execPath(), [
        ...[
          "run",
          "--no-prompt",
          "--allow-net=127.0.0.1",
          "--allow-read",
          "--allow-env",
          "--allow-sys",
        ],
        ...[`${PEERS_FOLDER}exceljs_server.ts`, database, `${QUERY} ?`],
      ]),
  },
];

const PEERS_FOLDER = fileURLToPath(new URL("peers/", import.meta.url));

/** Measures SQLite to CSV and XLSX. */
export async function manyPeers(): Promise<string> {
  await using workplace = await createWorkplace();
  const lines: string[][] = [];
  for (const format of ["csv", "xlsx"]) {
    for (const [atOnce, rows] of AT_ONCE) {
      for (const { name, path, start } of PEERS.filter((peer) => peer.formats.includes(format))) {
        await using server = await start(workplace);
        const url = `${server.origin}${path}.${format}?rows=`;
        await download(`${url}${WARM_UP_ROWS}`);
        const cells = await downloadAtOnce(server, { url: `${url}${rows}`, atOnce, rows });
        lines.push([name, format.toUpperCase(), ...cells]);
      }
    }
  }
  return table(["server", "format", ...AT_ONCE_COLUMNS], lines);
}

function indicesOf(type: string): string {
  return AUDIT_COLUMNS.flatMap((column, index) => column.type === type ? [index] : []).join(",");
}

/** Starts a program, and waits until it says at which address it listens. */
async function startPeer(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const child = new Deno.Command(program, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return {
    origin: await readOrigin(child.stderr),
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}
