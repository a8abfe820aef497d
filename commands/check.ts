/** `check`: reads the configuration and says every issue in it; it opens nothing, unless it is told to. */

import { ConfigError, type ConfigIssue, formatConfigError } from "../catalog/issues.ts";
import { type CommandContext, CommandError, EXIT } from "./command.ts";
import { readConfiguration } from "./configuration.ts";
import { openCertificate } from "../server/certificate.ts";
import { expiredSchedules } from "../requests/scheduled_request.ts";
import { connectSources } from "../server/connect.ts";
import { openReceiptSigner } from "../server/receipt_signer.ts";
import { StartError } from "../server/start_error.ts";

/** How to check. */
export interface CheckOptions {
  /** Whether every source is opened, and every query prepared. */
  readonly connect: boolean;
}

/** Checks the configuration. */
export async function check(context: CommandContext, { connect }: CheckOptions): Promise<void> {
  const { config, file } = await readConfiguration(context);
  const count = (size: number, word: string) => `${size} ${word}${size === 1 ? "" : "s"}`;
  let connected = "";
  if (connect) {
    const found = await connectSources(config, context.environment);
    const { undescribed } = found;
    const { server: { tls }, runs } = config;
    const issues = [
      ...await issuesOf("server.tls", () => tls && openCertificate(tls)),
      ...await issuesOf("runs.signing_keys", () => openReceiptSigner(runs)),
      ...found.issues,
    ];
    if (issues.length > 0) {
      const error = new ConfigError(issues);
      const lines = formatConfigError(error, file).trimEnd();
      throw new CommandError(`${error.message}\n${lines}`, EXIT.config);
    }
    connected = "; every source and every query answers";
    if (undescribed.length > 0) {
      connected += `, and rows alone tell the columns of ${undescribed.join(", ")}`;
    }
  }
  for (const { path, message } of expiredSchedules(config, Date.now())) {
    console.error(`warning: ${path}: ${message}`);
  }
  console.log(
    `${file}: good, ${count(config.exports.size, "export")} ` +
      `from ${count(config.sources.size, "source")}${connected}`,
  );
}

/** What is wrong with the files that a part of the configuration names. */
async function issuesOf(path: string, open: () => unknown): Promise<readonly ConfigIssue[]> {
  try {
    await open();
    return [];
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return [{ path, message: error.message }];
  }
}
