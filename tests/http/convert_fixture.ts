/** A server that converts uploads, for a key that may and one that may not, and what its spool holds. */

import { newKey } from "../../access/keys.ts";
import { loadConfig } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";
import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import { type Service, startService } from "../../server/service.ts";
import { loadDescriptors } from "../../sources/mod.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

const KEYS = { converter: newKey(), exporter: newKey() };

/** A header with the credential of a key that may convert. */
export const CONVERTER = { Authorization: `Bearer ${KEYS.converter.key}` };

/** The same of one that may not. */
export const EXPORTER = { Authorization: `Bearer ${KEYS.exporter.key}` };

/** A server that converts. */
export interface ConvertServer extends AsyncDisposable {
  readonly service: Service;
  readonly origin: string;
  readonly port: number;
  /** Its runs and what became of them, in the order in which they ended. */
  readonly reports: readonly (ObservedRun & RunReport)[];
  /** The names of the files in its spool, those of the spool itself aside. */
  spooled(): readonly string[];
}

/** Starts one; `convert` is that section of its configuration. */
export async function startConverter(convert = "{}"): Promise<ConvertServer> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-convert-" });
  const server = await startConverterIn(folder, { convert });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Starts one in the folder of one that has ended, or has not begun; the folder stays. */
export async function startConverterIn(
  folder: string,
  { convert = "{}", runs = "{}" }: { readonly convert?: string; readonly runs?: string },
): Promise<ConvertServer> {
  await Deno.mkdir(`${folder}/spool`, { recursive: true });
  const key = (id: keyof typeof KEYS, more = "") =>
    `{ id: ${KEYS[id].id}, sha256: ${KEYS[id].sha256}${more} }`;
  const config = loadConfig(
    `
server: { port: 0 }
access:
  keys:
    - ${key("converter", ", scopes: [convert], tenant: one")}
    - ${key("exporter")}
spool: { dir: spool, min_free: 1MiB, resume_window: 10m }
convert: ${convert}
runs: ${runs}
sources: {}
exports: {}
`,
    { env: () => undefined, folder, sources, formats },
  );
  const reports: (ObservedRun & RunReport)[] = [];
  const service = await startService(config, {
    environment: Deno.env.toObject(),
    observers: [{ ended: (report, run) => void reports.push({ ...run, ...report }) }],
  });
  const { port } = service.http.addr;
  const filesIn = (path: string): string[] =>
    [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
      isDirectory ? filesIn(`${path}/${name}`) : name === "spillway.lock" ? [] : [name]
    );
  return {
    service,
    origin: `http://127.0.0.1:${port}`,
    port,
    reports,
    spooled: () => filesIn(`${folder}/spool`),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}
