/** A format as its author writes one: everything about it is in this file. */

import { z } from "zod";
import type { Exporter } from "../../exporters/exporter.ts";
import { defineFormat, mustBe } from "../../exporters/format.ts";
import { textStream } from "../../exporters/text_stream.ts";

/** How to write it. */
interface ToyOptions {
  readonly mark: string;
  readonly loud: boolean;
}

/** What the server knows of it. */
export const toyFormat = defineFormat({
  key: "toy",
  mediaType: "text/x-toy",
  compressible: true,
  settings: {
    toy_mark: z.string({ error: "a mark" }).length(1, { error: "a mark" }).default("*").meta({
      description: "what stands before each row",
    }),
  },
  options: {
    loud: z.enum(["yes", "no"], mustBe("yes or no")).transform((word) => word === "yes").meta({
      description: "in capital letters",
      examples: ["yes"],
    }),
  },
  toExporterOptions: ({ toy_mark }, { loud = false }) =>
    ({ mark: toy_mark, loud }) satisfies ToyOptions,
});

/** What a worker writes it with. */
export const toy: Exporter<ToyOptions> = {
  encode: (table, { mark, loud }, warnings) =>
    textStream(table, {
      head: "",
      row: (row) => {
        const text = `${mark} ${row.join(" ")}\n`;
        return loud ? text.toUpperCase() : text;
      },
      tail: "",
    }, warnings),
};
