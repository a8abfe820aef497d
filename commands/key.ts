/** `key`: makes a key, and prints it once with what the configuration is to hold of it. */

import { accessConfig } from "../access/config.ts";
import { newKey } from "../access/keys.ts";
import { newSigningKey } from "../access/signing_key.ts";
import { keyId } from "../runs/signed_receipt.ts";
import { CommandError, EXIT } from "./command.ts";

/** What a key is for, as it is typed; lists with commas between. */
export interface KeyArguments {
  /** Whose data it may have. */
  readonly tenant?: string | undefined;
  /** Who has it. */
  readonly subject?: string | undefined;
  /** Names and patterns of exports. */
  readonly exports?: string | undefined;
  /** Keys of formats. */
  readonly formats?: string | undefined;
  /** What it may do besides. */
  readonly scopes?: string | undefined;
  /** Rows of one export. */
  readonly maxRows?: string | undefined;
  /** Bytes of one file, such as 512MiB. */
  readonly maxBytes?: string | undefined;
  /** How long one run may take, such as 15m. */
  readonly maxDuration?: string | undefined;
  /** A date, or a date and time. */
  readonly expires?: string | undefined;
}

/**
 * Makes a key: it goes to standard output, alone, and the YAML with its hash to standard error, so that the
 * first can be piped to where secrets are kept.
 *
 * @throws {CommandError} where the configuration would not take it
 */
export function key(args: KeyArguments): void {
  const { key, id, sha256 } = newKey();
  const setting = {
    id,
    sha256,
    ...present("tenant", args.tenant),
    ...present("subject", args.subject),
    ...present("exports", args.exports?.split(",")),
    ...present("formats", args.formats?.split(",")),
    ...present("max_rows", args.maxRows === undefined ? undefined : Number(args.maxRows)),
    ...present("max_bytes", args.maxBytes),
    ...present("max_duration", args.maxDuration),
    ...present("scopes", args.scopes?.split(",")),
    ...present("expires", args.expires),
  };
  const { error } = accessConfig.safeParse({ keys: [setting] });
  if (error) {
    const said = error.issues.map(({ path, message }) =>
      `--${String(path[2]).replaceAll("_", "-")} takes ${message}`
    );
    throw new CommandError(said.join("\n"), EXIT.usage);
  }
  const members = Object.entries(setting).map(([name, value]) => `${name}: ${toYaml(value)}`);
  console.log(key);
  console.error(
    `This key is shown once. Under access.keys of the configuration:\n\n` +
      `    - { ${members.join(", ")} }\n`,
  );
}

/**
 * Makes a key that receipts are signed with: its JWK goes to standard output, alone, and what the configuration says
 * of it to standard error.
 */
export async function receiptKey(): Promise<void> {
  const key = newSigningKey();
  console.log(JSON.stringify(key));
  console.error(
    `This key is shown once. Receipts name it ${await keyId(key)}. With it in a variable:\n\n` +
      `    runs: { signing_keys: ["\${RECEIPT_KEY}"] }\n`,
  );
}

/** A value in YAML's flow style, which JSON is. */
function toYaml(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(toYaml).join(", ")}]` : JSON.stringify(value);
}

function present<T>(name: string, value: T | undefined): Readonly<Record<string, T>> {
  return value === undefined ? {} : { [name]: value };
}
