/** Reads `NAME=VALUE` as the command line has it. */

import { CommandError, EXIT } from "./command.ts";

/**
 * The names and values.
 *
 * @throws {CommandError} for one without a name
 */
export function toPairs(params: readonly string[]): readonly (readonly [string, string])[] {
  return params.map((param) => {
    const equals = param.indexOf("=");
    if (equals < 1) {
      throw new CommandError(`--param takes NAME=VALUE, not ${JSON.stringify(param)}`, EXIT.usage);
    }
    return [param.slice(0, equals), param.slice(equals + 1)];
  });
}
