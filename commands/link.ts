/** `link`: signs the URL of a download with the first secret of the configuration. */

import { findExports } from "../requests/find_exports.ts";
import { parseRequest } from "../requests/run_request.ts";
import { AccessError } from "../access/access_error.ts";
import { identityOf } from "../access/key_links.ts";
import { createLinks, LinkError } from "../access/links.ts";
import { loadFormats } from "../exporters/mod.ts";
import { RequestError } from "../requests/request_error.ts";
import { parseDuration } from "../table/units.ts";
import { type CommandContext, CommandError, EXIT } from "./command.ts";
import { readConfiguration } from "./configuration.ts";
import { toPairs } from "./pairs.ts";
import { type PrincipalArguments, principalOf } from "./principal.ts";

/** What a link is for. */
export interface LinkArguments extends PrincipalArguments {
  /** The export's name; several for one file, with commas between. */
  readonly export: string;
  /** The format's key. */
  readonly format: string;
  /** `name=value` each: params, and options with their leading `_`. */
  readonly params: readonly string[];
  /** How long it is valid, such as `15m`. @default an hour */
  readonly expires?: string | undefined;
}

/** How long a link is valid by default. */
const DEFAULT_EXPIRES = "1h";

/**
 * Prints a link.
 *
 * @throws {CommandError} where it would be refused
 */
export async function link(context: CommandContext, args: LinkArguments): Promise<void> {
  const { config } = await readConfiguration(context);
  const { expires = DEFAULT_EXPIRES } = args;
  const setting = config.access.links;
  if (!setting) throw new CommandError("There is no secret under access.links", EXIT.config);
  const duration = parseDuration(expires, { max: Infinity });
  if (duration === undefined) {
    throw new CommandError("--expires takes a duration such as 15m", EXIT.usage);
  }
  const formats = await loadFormats();
  const query = toPairs(args.params);
  const principal = principalOf(args);
  const now = Date.now();
  try {
    const file = findExports(args.export, args.format, { catalog: config, formats }, principal);
    parseRequest(file, query, { principal, formats });
    const url = createLinks(setting).sign({
      path: `/exports/${args.export}.${args.format}`,
      query,
      expires: Math.floor((now + duration) / 1000),
      ...identityOf(principal),
    }, now);
    console.log((config.server.publicUrl ?? "") + url);
  } catch (error) {
    const mistaken = [RequestError, AccessError, LinkError].some((kind) => error instanceof kind);
    if (!mistaken) throw error;
    throw new CommandError((error as Error).message, EXIT.usage);
  }
}
