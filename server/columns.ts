/** Remembers which columns exports have, and asks the sources of those whose columns are not known yet. */

import type { Config, ExportDefinition } from "../catalog/config.ts";
import { describeTask } from "../requests/tasks.ts";
import type { RunObserver } from "../runs/observer.ts";
import type { StartRun } from "../runs/run.ts";
import type { SourceColumn } from "../sources/source.ts";
import { settlesWithin } from "../storage/settles_within.ts";

/** Milliseconds that a page about an export waits for what its source says. */
const WAIT_MS = 2000;

/** Milliseconds before a source that did not say it is asked again. */
const AGAIN_MS = 60_000;

/** The columns of exports, as their sources give them; learnt from runs that have ended. */
export interface KnownColumns extends Required<Pick<RunObserver, "ended">> {
  /** All columns of an export; nothing where its source has not said them, or not yet. */
  of(definition: ExportDefinition): Promise<readonly SourceColumn[] | undefined>;
}

/** What is needed to ask. */
export interface ColumnsDependencies {
  /** Runs the task that asks. */
  readonly startRun: StartRun;
  /** The sources of exports. */
  readonly sources: Config["sources"];
  /** The exports. */
  readonly exports: Config["exports"];
}

/** Makes what learns the columns of exports, and knows none at first. */
export function createColumns(
  { startRun, sources, exports }: ColumnsDependencies,
): KnownColumns {
  const known = new Map<string, readonly SourceColumn[]>();
  /** The last question about each export. */
  const asked = new Map<string, { readonly at: number; readonly answer: Promise<void> }>();
  /** Those who wait for the end of a run, by its id. */
  const waiting = new Map<string, () => void>();

  async function ask(definition: ExportDefinition): Promise<void> {
    const id = crypto.randomUUID();
    const ended = new Promise<void>((resolve) => waiting.set(id, resolve));
    try {
      const task = describeTask(sources.get(definition.source)!, definition);
      const { body } = await startRun(id, task);
      await body.pipeTo(new WritableStream());
      await ended;
    } catch {
      // No slot, or a source that failed: its end is told where runs are.
    }
    waiting.delete(id);
  }

  function lastAnswer(definition: ExportDefinition): Promise<void> {
    const now = performance.now();
    const last = asked.get(definition.name);
    if (last && now - last.at < AGAIN_MS) return last.answer;
    const answer = ask(definition);
    asked.set(definition.name, { at: now, answer });
    return answer;
  }

  return {
    ended({ id, columns = [] }, { task: { export: names, describe } }) {
      for (const [index, name] of names.split(",").entries()) {
        const described = columns[index];
        // The rows of one tenant may have columns that are no business of another: only the source tells.
        if (described && (describe || !isPersonal(exports.get(name)))) known.set(name, described);
      }
      waiting.get(id)?.();
    },
    async of(definition) {
      if (!known.has(definition.name)) {
        await settlesWithin(lastAnswer(definition), WAIT_MS);
      }
      return known.get(definition.name);
    },
  };
}

/** Whether an export has other rows for another principal. */
function isPersonal(definition: ExportDefinition | undefined): boolean {
  return [...definition?.params.values() ?? []].some(({ from }) => from !== undefined);
}
