/** `check`: reads the configuration and says every mistake in it; it opens nothing else. */

import type { CommandContext } from "./command.ts";
import { readConfiguration } from "./configuration.ts";

/** Checks the configuration. */
export async function check(context: CommandContext): Promise<void> {
  const { config, file } = await readConfiguration(context);
  const count = (size: number, word: string) => `${size} ${word}${size === 1 ? "" : "s"}`;
  console.log(
    `${file}: good, ${count(config.exports.size, "export")} ` +
      `from ${count(config.sources.size, "source")}`,
  );
}
