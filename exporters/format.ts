/** What a format is to the server: its names and its options, apart from the code that writes it. */

import type { z } from "zod";

/**
 * Schemas by the names of options. What is said of an option in documents, lists and help is its schema's
 * metadata: a `description`, and `examples` of what is written for it.
 */
export type OptionSchemas = Readonly<Record<string, z.ZodType>>;

/** The values of {@linkcode OptionSchemas}. */
export type OptionValues<Schemas extends OptionSchemas> = {
  readonly [Name in keyof Schemas]: z.output<Schemas[Name]>;
};

/** What a format says of itself. */
export interface FormatDefinition<
  Settings extends OptionSchemas = OptionSchemas,
  Options extends OptionSchemas = OptionSchemas,
> {
  /** Its key in URLs and in the catalogue, and its file extension: `csv`. */
  readonly key: string;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** Whether HTTP compression makes it smaller; not so for a format that is a ZIP file. */
  readonly compressible: boolean;
  /** Whether a file of it may hold several tables. @default false */
  readonly holdsSeveral?: boolean;
  /** Whether a file of it says what it is: its exporter takes `DocumentOptions` too. @default false */
  readonly describesItself?: boolean;
  /**
   * What a run of it weighs beside one of CSV, in halves: the time of a core that it takes, above all.
   * @default 1
   */
  readonly weight?: number;
  /** What its exporter starts threads of: the process that runs it must be let read it. @default nothing */
  readonly threads?: readonly URL[];
  /**
   * What an export of the configuration may set for it, by key, each with a default; messages are nouns
   * (`a level from 0 to 9`). Formats that share a key share its schema. @default nothing
   */
  readonly settings?: Settings;
  /**
   * What a URL or a command may set for one file, by name without the leading `_`: from text. Messages are
   * sentences about it, as {@linkcode mustBe} makes them. @default nothing
   */
  readonly options?: Options;
  /** The options of its exporter: what the configuration says, and over it what this file's request says. */
  toExporterOptions?(
    settings: OptionValues<Settings>,
    options: Partial<OptionValues<Options>>,
  ): Readonly<Record<string, unknown>>;
}

/** A format whose schemas may be any, as those who know none of them use it. */
export type Format = Required<FormatDefinition>;

/** Makes a format: what it says, with the defaults of what it does not. */
export function defineFormat<
  const Settings extends OptionSchemas = Record<never, never>,
  const Options extends OptionSchemas = Record<never, never>,
>(definition: FormatDefinition<Settings, Options>): Format {
  return {
    holdsSeveral: false,
    describesItself: false,
    weight: 1,
    threads: [],
    settings: {},
    options: {},
    toExporterOptions: () => ({}),
    ...definition as FormatDefinition,
  };
}

/** The longest part of a bad value that a message repeats, in UTF-16 units. */
const QUOTED_UNITS = 80;

/** Quotes a value in a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > QUOTED_UNITS ? `${text.slice(0, QUOTED_UNITS)}…` : text);
}

/** The error of an option's schema: `must be true or false, not "maybe"`. */
export function mustBe(expected: string): { error(issue: { input?: unknown }): string } {
  return {
    error: ({ input }: { input?: unknown }) => `must be ${expected}, not ${quoted(`${input}`)}`,
  };
}
