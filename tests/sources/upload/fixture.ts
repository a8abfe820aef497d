/** Files for the contract of sources, and the driver that reads them: a file is one query. */

import type { UploadConfig } from "../../../sources/upload/config.ts";
import { createUploadDriver } from "../../../sources/upload/driver.ts";
import { type OpenedFile, openFile } from "../../../sources/upload/files.ts";
import type { UploadFile } from "../../../sources/upload/reader.ts";
import type { ParamValue } from "../../../sources/source.ts";
import type { Cell, ColumnType, Row } from "../../../table/table.ts";
import type { FixtureColumn, SourceFixture } from "../../contracts/source_contract.ts";
import { declared, WRITERS } from "../http/fixture.ts";

/** How a file is read, with the defaults of the configuration. */
export function uploadConfig(path: string, changed: Partial<UploadConfig> = {}): UploadConfig {
  return { path, max_cells: 2e9, max_row: 64 * 2 ** 20, ...changed };
}

/** A text whose lines are the whole numbers from 1 on, made as it is read. */
function numbersFile(head: string, line: (digits: string) => string, count: number): UploadFile {
  /** Lines whose numbers have so many digits: where they start, and how long each is. */
  const sections: { first: number; count: number; start: number; bytes: number }[] = [];
  let start = head.length;
  for (let first = 1, digits = 1; first <= count; first *= 10, digits++) {
    const lines = Math.min(9 * first, count - first + 1);
    const bytes = line("1".repeat(digits)).length;
    sections.push({ first, count: lines, start, bytes });
    start += lines * bytes;
  }
  const encoder = new TextEncoder();
  return {
    size: start,
    readAt(offset, into) {
      let text = head.slice(offset, offset + into.length);
      for (const { first, count, start, bytes } of sections) {
        const at = offset + text.length;
        if (text.length >= into.length || at >= start + count * bytes) continue;
        const skipped = Math.floor((at - start) / bytes);
        const wanted = Math.ceil((into.length - text.length) / bytes) + 1;
        const lines = Array.from(
          { length: Math.min(wanted, count - skipped) },
          (_, index) => line(String(first + skipped + index)),
        );
        text += lines.join("").slice((at - start) % bytes);
      }
      return encoder.encodeInto(text.slice(0, into.length), into).written;
    },
  };
}

/** Makes a fixture whose files are of one format. */
export async function createFixture(format: "csv" | "ndjson"): Promise<SourceFixture> {
  const writer = WRITERS[format];
  const folder = await Deno.makeTempDir();
  const virtual = new Map<string, UploadFile>();
  const types = new Map<string, Record<string, ColumnType>>();
  let open = 0;
  let files = 0;
  const driver = createUploadDriver((path): OpenedFile => {
    const opened = virtual.get(path);
    const file = opened ? { ...opened, [Symbol.dispose]() {} } : openFile(path);
    open++;
    return {
      ...file,
      [Symbol.dispose]() {
        open--;
        file[Symbol.dispose]();
      },
    };
  });

  /** Writes a file; its path is the query. */
  function write(
    columns: readonly FixtureColumn[],
    rows: readonly Row[],
    { broken = "", name = `file${++files}` } = {},
  ): string {
    const path = `${folder}/${name}`;
    const head = columns.map(({ name, type }) => ({ name, type }));
    Deno.writeTextFileSync(path, writer.head(head) + rows.map(writer.row).join("") + broken);
    types.set(path, Object.fromEntries(columns.map(({ name, type }) => [name, type])));
    return path;
  }

  const numbers = (count: number, broken?: string) => {
    const rows = Array.from({ length: count }, (_, index) => [index + 1]);
    return write([{ name: "n", type: "integer" }], rows, broken === undefined ? {} : { broken });
  };
  const typeOf = (value: ParamValue): FixtureColumn["type"] =>
    typeof value === "number" && !Number.isInteger(value)
      ? "number"
      : typeof value === "string"
      ? "string"
      : "integer";
  // What follows is a field, or a value, that is none.
  const broken = format === "csv" ? '"x" y\r\n' : "[1\n";

  return {
    async open({ text, params }, options) {
      const [value] = Object.values(params);
      // A file has no param: it is written with the value in it.
      const path = text === "echo"
        ? write([{ name: "value", type: typeOf(value!) }], [[value as Cell]])
        : text;
      const config = uploadConfig(path, { format, header: true });
      const stream = await driver.open(config, { text: "", params: {} }, options);
      return format === "csv" ? declared(stream, types.get(path) ?? {}) : stream;
    },
    table: (name, columns, rows) => Promise.resolve(write(columns, rows, { name })),
    insert(name, rows) {
      Deno.writeTextFileSync(`${folder}/${name}`, rows.map(writer.row).join(""), { append: true });
      return Promise.resolve();
    },
    named: (names) =>
      write(
        names.map((name) => ({ name, type: "integer" })),
        [names.map((_, index) => index + 1)],
      ),
    numbers(count) {
      if (count <= 10_000) return numbers(count);
      const path = `numbers${count}`;
      const head = writer.head([{ name: "n", type: "integer" }]);
      virtual.set(path, numbersFile(head, (digits) => writer.row([Number(digits)]), count));
      types.set(path, { n: "integer" });
      return path;
    },
    failing: (good) => numbers(good, broken),
    refused: `${folder}/nowhere`,
    echo: "echo",
    held: () => open,
    holdsNul: format === "ndjson",
    // The first rows tell the types, so that they are read before the first of them is given.
    sampleRows: 1000,
    // Rows that are added to a file are its rows, as long as its end was not read.
    snapshots: false,
    async [Symbol.asyncDispose]() {
      await Deno.remove(folder, { recursive: true });
    },
  };
}
