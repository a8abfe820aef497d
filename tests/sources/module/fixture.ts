/** Makes modules for tests; what they serve and what they hold is kept beside them, in this process. */

import { module } from "../../../sources/module/descriptor.ts";
import { moduleDriver } from "../../../sources/module/driver.ts";
import type { ParamValue } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import type { SourceFixture } from "../../contracts/source_contract.ts";

/** What modules of fixtures and tests share. */
interface Shared {
  /** The rows of the tables. */
  readonly tables: Record<string, Row[]>;
  /** The generators that run. */
  open: number;
  /** Characters of text that were yielded. */
  sent: number;
}

const shared: Shared = { tables: {}, open: 0, sent: 0 };
Object.assign(globalThis, { moduleFixture: shared });

/** A folder of modules. */
export interface ModuleFolder extends Disposable {
  /** The folder. */
  readonly path: string;
  /** Writes a module, and gives the path of its file. */
  write(text: string): string;
}

/** Makes a folder that is removed with everything in it. */
export function createFolder(): ModuleFolder {
  const path = Deno.makeTempDirSync({ prefix: "spillway-module-" });
  let count = 0;
  return {
    path,
    write(text) {
      const file = `${path}/${++count}.ts`;
      Deno.writeTextFileSync(file, text);
      return file;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** The text of a module whose rows are counted while they are made. */
function generator(columns: Readonly<Record<string, string>>, body: string, params = "{}"): string {
  // Read as JSON, so that `__proto__` is a name like any other.
  return `const shared = globalThis.moduleFixture;
    export default {
      columns: JSON.parse(${JSON.stringify(JSON.stringify(columns))}),
      params: ${params},
      async *rows({ params, signal }) {
        shared.open++;
        try {
          ${body}
        } finally {
          shared.open--;
        }
      },
    };`;
}

const NUMBERS = (count: number) => `for (let n = 1; n <= ${count}; n++) yield { n };`;

/** Makes a module fixture; the text of its queries is the path of a module. */
export function createFixture(): Promise<SourceFixture> {
  const folder = createFolder();
  const prefix = folder.path;
  const numbers = (rest: string) => folder.write(generator({ n: "integer" }, rest));
  return Promise.resolve({
    open: ({ text, params }, options) =>
      moduleDriver.open(module.config.parse({ path: text }), { text: "", params }, options),
    describe: (query) =>
      moduleDriver.describe!(
        module.config.parse({ path: query?.text ?? folder.write(generator({ n: "integer" }, "")) }),
        query && { ...query, text: "" },
      ),
    table(name, columns, rows) {
      const key = `${prefix}/${name}`;
      shared.tables[key] = [...rows];
      const declared = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
      const names = JSON.stringify(columns.map(({ name }) => name));
      const body = `for (const row of shared.tables[${JSON.stringify(key)}]) {
        if (typeof row[0] === "string") shared.sent += row[0].length;
        yield Object.fromEntries(${names}.map((name, index) => [name, row[index]]));
      }`;
      return Promise.resolve(folder.write(generator(declared, body)));
    },
    insert(name, rows) {
      shared.tables[`${prefix}/${name}`]!.push(...rows);
      return Promise.resolve();
    },
    named(names) {
      const columns = names.map((name) => [name, "integer"]);
      const row = names.map((name, index) => [name, index + 1]);
      const body = `yield Object.fromEntries(${JSON.stringify(row)});`;
      return folder.write(generator(Object.fromEntries(columns), body));
    },
    numbers: (count) => numbers(NUMBERS(count)),
    failing: (good) => numbers(`${NUMBERS(good)} throw new Error("no more");`),
    stalling: (good) =>
      numbers(`${NUMBERS(good)}
        await new Promise((_, reject) => {
          const timer = setTimeout(reject, 600_000);
          signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)));
        });`),
    refused: folder.write("export default {"),
    echo(value) {
      const [column, param] = typesOf(value);
      const body = "yield { value: params.value };";
      return folder.write(generator({ value: column }, body, `{ value: "${param}" }`));
    },
    held: () => shared.open,
    sent: () => shared.sent,
    holdsNul: true,
    // The keys of an object are unique.
    namesRepeat: false,
    // What a generator reads, and when, is its own affair.
    snapshots: false,
    [Symbol.asyncDispose]: () => Promise.resolve(folder[Symbol.dispose]()),
  });
}

function typesOf(value: ParamValue): [column: string, param: string] {
  if (value === null) return ["string", "string?"];
  if (typeof value === "bigint") return ["integer", "integer"];
  if (typeof value === "number") return ["number", "number"];
  return ["string", "string"];
}
