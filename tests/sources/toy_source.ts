/** A source as its author writes one: everything about it is in this file. */

import { z } from "zod";
import type { SourceDescriptor } from "../../sources/descriptor.ts";
import { type SourceDriver, SourceError } from "../../sources/source.ts";

/** How to read it. */
interface ToyConfig {
  readonly folder: string;
  readonly greeting: string;
}

/** What the server knows of it. */
export const toy: SourceDescriptor<ToyConfig> = {
  config: z.strictObject({
    folder: z.string({ error: "the path of a folder" }),
    greeting: z.string({ error: "a greeting" }).default("Hello"),
  }),
  language: { query: "required", placeholders: (query) => query.match(/(?<=\$)\w+/g) ?? [] },
  snapshot: true,
  paths: ["folder"],
  permissions: () => ({ net: ["toys.internal:443"] }),
};

/** What a worker reads it with. */
export const toyDriver: SourceDriver<ToyConfig> = {
  open({ folder, greeting }, { text, params }) {
    if (text === "nothing") throw new SourceError("Cannot run the query: there is nothing");
    const name = text.replace(/\$(\w+)/, (_, param) => String(params[param]));
    return Promise.resolve({
      columns: [{ name: "greeting", type: "string" }, { name: "from", type: "string" }],
      batches: ReadableStream.from([[[`${greeting} ${name}`, folder]]]),
    });
  },
};
