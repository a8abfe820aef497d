/** Finds the parts of a package by their relationships, and reads the small ones of them. */

import { UploadError, type UploadFile } from "../reader.ts";
import { quoted } from "../../quoted.ts";
import { createXmlParser, type XmlHandler } from "./xml_parser.ts";
import { readContent } from "./zip_content.ts";
import { readDirectory, type ZipEntry } from "./zip_directory.ts";

/** Bytes of the XML of a part that is read whole; of a large workbook's styles there are some. */
const MAX_PART_BYTES = 64 * 1024 * 1024;

/** Bytes of a tag or a text in such a part. */
const MAX_ITEM_BYTES = 1024 * 1024;

/** What a part relates to (ECMA-376 part 2, 6.5). */
export interface Relationship {
  /** The end of its type's URI, which is one for both kinds of OOXML: `worksheet`. */
  readonly type: string;
  /** The name of the part that it leads to. */
  readonly target: string;
}

/** The parts of a package. */
export interface PackageParts {
  /** Whether there is a part, or another entry. */
  has(name: string): boolean;
  /**
   * The content of a part.
   *
   * @throws {UploadError} where it is not there
   */
  content(name: string): AsyncGenerator<Uint8Array>;
  /** Parses a part of some size. */
  parse(name: string, handler: XmlHandler): Promise<void>;
  /** What a part relates to, by id; the package itself has the name `""`. */
  relationships(name: string): Promise<ReadonlyMap<string, Relationship>>;
}

/**
 * Opens a package.
 *
 * @throws {UploadError} as `readDirectory` does
 */
export function openPackage(file: UploadFile): PackageParts {
  const directory = readDirectory(file);

  function entryOf(name: string): ZipEntry {
    const entry = directory.get(name.toLowerCase());
    if (!entry) throw new UploadError(`it has no part ${quoted(name)}`);
    return entry;
  }

  async function parse(name: string, handler: XmlHandler): Promise<void> {
    const entry = entryOf(name);
    if (entry.size > MAX_PART_BYTES) {
      throw new UploadError(`its part ${quoted(name)} has ${entry.size} bytes`);
    }
    const parser = createXmlParser(name, handler, MAX_ITEM_BYTES);
    for await (const bytes of readContent(file, entry)) parser.write(bytes);
    parser.end();
  }

  return {
    has: (name) => directory.has(name.toLowerCase()),
    content: (name) => readContent(file, entryOf(name)),
    parse,
    async relationships(name) {
      const found = new Map<string, Relationship>();
      const slash = name.lastIndexOf("/") + 1;
      const part = `${name.slice(0, slash)}_rels/${name.slice(slash)}.rels`;
      if (!directory.has(part.toLowerCase())) return found;
      await parse(part, {
        open(element, { Id, Type = "", Target, TargetMode }) {
          if (element !== "Relationship" || Id === undefined || Target === undefined) return;
          if (TargetMode === "External") return;
          found.set(Id, {
            type: Type.slice(Type.lastIndexOf("/") + 1),
            target: resolve(name, Target),
          });
        },
      });
      return found;
    },
  };
}

/** The name of the part that a target leads to from another, as a URL would (ECMA-376 part 2, 6.5.3.4). */
function resolve(from: string, target: string): string {
  const path = target.replaceAll("\\", "/").replace(/[?#].*$/s, "");
  const segments = path.startsWith("/") ? [] : from.split("/").slice(0, -1);
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(decoded(segment));
  }
  return segments.join("/");
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
