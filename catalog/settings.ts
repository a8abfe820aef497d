/** Gives the keys of a section, which its file writes as `snake_case`, the names that code has for them. */

import type { z } from "zod";
import type { Shape } from "./reader.ts";

/** `max_bytes` as `maxBytes`. */
export type Camel<Key> = Key extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest> & string>}`
  : Key;

/** The keys of a shape whose values may be absent. */
export type OptionalKeys<S extends Shape> = {
  [Key in keyof S]: undefined extends z.output<S[Key]> ? Key : never;
}[keyof S];

/** What a section says, read by the schemas of its keys: the same values, by the names of code. */
export type Settings<S extends Shape> =
  & { readonly [Key in Exclude<keyof S, OptionalKeys<S>> as Camel<Key>]: z.output<S[Key]> }
  & { readonly [Key in OptionalKeys<S> as Camel<Key>]?: Exclude<z.output<S[Key]>, undefined> };

/** Renames what was read of a section, and passes over what is absent. */
export function toSettings<S extends Shape>(
  values: { readonly [Key in keyof S]: z.output<S[Key]> },
): Settings<S> {
  const named = Object.entries(values).filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key.replaceAll(/_(.)/g, (_, letter) => letter.toUpperCase()), value]);
  // Each key of the shape has its name and the output of its own schema.
  return Object.fromEntries(named) as Settings<S>;
}
