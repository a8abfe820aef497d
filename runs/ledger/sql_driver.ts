/** What a ledger needs of its database. */

/** A value that is bound to a statement. */
export type SqlValue = string | number | null;

/** A statement with `?` for each of its values. */
export interface Statement {
  /** The text. */
  readonly text: string;
  /** The values, in order. */
  readonly values: readonly SqlValue[];
}

/** A row that a statement gave, by the names of its columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** A database, which does one statement after the other. */
export interface SqlDriver extends AsyncDisposable {
  /**
   * Does a statement; its rows, once they are there after a crash of the process. Statements that are given
   * meanwhile are done in one transaction with it; one that fails does not take the others with it.
   */
  execute(statement: Statement): Promise<readonly SqlRow[]>;
}

/** Does statements in one transaction; the rows of each. */
export type ExecuteBatch = (
  batch: readonly Statement[],
) => Promise<readonly (readonly SqlRow[])[]>;

/** Statements that may wait; more are refused, so that a disk that does not answer takes no memory. */
export const MAX_WAITING = 10_000;

/** Statements in one transaction: a few milliseconds. */
const MAX_BATCH = 256;

interface Waiting {
  readonly statement: Statement;
  readonly resolve: (rows: readonly SqlRow[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes the function that does statements in batches: what comes while a batch is under way is the next one, so
 * that the slower the disk is the more of them share a commit.
 */
export function inBatches(executeBatch: ExecuteBatch): SqlDriver["execute"] {
  const waiting: Waiting[] = [];
  let busy = false;

  async function executeAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await executeBatch(batch.map(({ statement }) => statement));
      batch.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      if (batch.length === 1) return batch[0]!.reject(error);
      // The transaction is undone: each of them alone, as one may be why.
      for (const one of batch) await executeAll([one]);
    }
  }

  async function work(): Promise<void> {
    busy = true;
    // What is asked for in this turn of the event loop goes along.
    await new Promise((resolve) => setTimeout(resolve, 0));
    while (waiting.length > 0) await executeAll(waiting.splice(0, MAX_BATCH));
    busy = false;
  }

  return (statement) => {
    if (waiting.length >= MAX_WAITING) {
      return Promise.reject(new Error(`${waiting.length} statements wait already`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly SqlRow[]>();
    waiting.push({ statement, resolve, reject });
    if (!busy) void work();
    return promise;
  };
}
