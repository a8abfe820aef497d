/** Opens every source and prepares every query of a configuration, and says what is wrong with them. */

import type { Config, ExportDefinition, SourceSetting } from "../catalog/config.ts";
import { type ConfigIssue, formatPath } from "../catalog/issues.ts";
import { quote } from "../catalog/params.ts";
import { describeTask } from "../requests/tasks.ts";
import type { RunReport } from "../runs/observer.ts";
import type { RunTask, TaskColumns } from "../runs/protocol.ts";
import { RunTimeoutError } from "../runs/run_limits.ts";
import { TaskError } from "../runs/running_task.ts";
import { createEngine } from "./engine.ts";

/** What was found out. */
export interface Connected {
  /** What is wrong. */
  readonly issues: readonly ConfigIssue[];
  /** Exports whose columns only their rows tell. */
  readonly undescribed: readonly string[];
}

/** Sources that are connected to at once: each has a worker process of its own. */
const AT_ONCE = 4;

/**
 * Connects to all sources. Each one's queries are prepared in a worker that may do what a worker of the server
 * may do for that source, and nothing else; no query is run.
 *
 * @param environment what workers see a little of
 */
export async function connectSources(
  config: Config,
  environment: Readonly<Record<string, string>>,
): Promise<Connected> {
  const waiting = [...config.sources];
  const found = new Map<string, Connected>();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, source] = next;
      found.set(name, await connectSource(name, source, config, environment));
    }
  }));
  const all = [...config.sources.keys()].map((name) => found.get(name)!);
  return {
    issues: all.flatMap(({ issues }) => issues),
    undescribed: all.flatMap(({ undescribed }) => undescribed),
  };
}

async function connectSource(
  name: string,
  source: SourceSetting,
  config: Config,
  environment: Readonly<Record<string, string>>,
): Promise<Connected> {
  let ended = Promise.withResolvers<RunReport>();
  const alone = { ...config, sources: new Map([[name, source]]) };
  await using engine = await createEngine(alone, { slots: 1, environment });
  const startRun = engine.configure(alone, [{ ended: (report) => ended.resolve(report) }]);

  /** What a task learns; what is wrong, where it fails. */
  async function ask(task: RunTask): Promise<TaskColumns | string> {
    ended = Promise.withResolvers();
    try {
      const { body } = await startRun(crypto.randomUUID(), task);
      await body.pipeTo(new WritableStream());
      return (await ended.promise).columns?.[0] ?? null;
    } catch (error) {
      if (!(error instanceof TaskError || error instanceof RunTimeoutError)) throw error;
      // The slot is free for the next one.
      await ended.promise;
      return reasonOf(error);
    }
  }

  const opened = await ask(describeTask(source));
  // Every export of it would say the same.
  if (typeof opened === "string") {
    return { issues: [at(["sources", name], opened)], undescribed: [] };
  }
  const issues: ConfigIssue[] = [];
  const undescribed: string[] = [];
  for (const definition of config.exports.values()) {
    if (definition.source !== name) continue;
    const columns = await ask(describeTask(source, definition));
    if (columns === null) undescribed.push(definition.name);
    else issues.push(...issuesOf(definition, columns));
  }
  return { issues, undescribed };
}

function issuesOf(
  definition: ExportDefinition,
  columns: NonNullable<TaskColumns> | string,
): readonly ConfigIssue[] {
  const path = ["exports", definition.name];
  if (typeof columns === "string") {
    return [at(definition.query === "" ? path : [...path, "query"], columns)];
  }
  const names = columns.map(({ name }) => name);
  return Object.keys(definition.columns).filter((name) => !names.includes(name)).map((name) => {
    const alike = names.find((other) => other.toLowerCase() === name.toLowerCase());
    const there = alike === undefined
      ? `it gives ${names.map(quote).join(", ")}`
      : `it gives ${quote(alike)}, with other capital letters`;
    return at([...path, "columns", name], `the query gives no such column; ${there}`);
  });
}

function at(path: readonly string[], message: string): ConfigIssue {
  return { path: formatPath(path), message };
}

/** What an error says, without what the path of the issue says already. */
function reasonOf(error: TaskError | RunTimeoutError): string {
  const message = error.message.replace(
    /^Cannot (?:open source|run the query|read the query): /,
    "",
  );
  const own = error instanceof TaskError ? error.reason : undefined;
  // An issue is a line.
  return (own === undefined ? message : `${message} (${own})`).replaceAll(/\s+/g, " ");
}
