/** Options that several formats have: they share the schemas. */

import { z } from "zod";
import { mustBe } from "./format.ts";

/** Makes the schema of an option that is `true` or `false`. */
export function flag(): z.ZodType<boolean> {
  return z.enum(["true", "false"], mustBe("true or false")).transform((text) => text === "true");
}

/** Whether the first row holds the columns' titles. */
export const HEADER: z.ZodType<boolean> = flag().meta({
  description: "no header row",
  examples: ["false"],
});
