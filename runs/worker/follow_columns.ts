/** Looks for the highest values of columns as their rows pass, so that a later run can go on from there. */

import { type RowStream, type SourceColumn, SourceError } from "../../sources/source.ts";
import { parseDateTime, parseDays } from "../../table/datetime.ts";
import { mapStream } from "../../table/map_stream.ts";
import type { Batch, Cell, TextBatch, TextRows } from "../../table/table.ts";
import type { FollowedType } from "../protocol.ts";
import { compareDecimals } from "./compare_decimals.ts";

/** Rows whose columns are followed. */
export interface Followed {
  /** The same rows. */
  readonly stream: RowStream;
  /** The highest values of the rows that have passed, as text; nothing of a column that had none. */
  readonly highest: () => Readonly<Record<string, string>>;
}

/** An order of the cells of a column. */
interface Order<Key> {
  /** What a cell is compared by; nothing where it is no number or time. */
  keyOf(cell: NonNullable<Cell>): Key | undefined;
  /** Whether one is more than the other. */
  exceeds(one: Key, other: Key): boolean;
}

const NUMBERS: Order<number | bigint | string> = {
  keyOf(cell) {
    if (typeof cell === "number") return Number.isFinite(cell) ? cell : undefined;
    if (typeof cell === "bigint") return cell;
    return typeof cell === "string" && /^-?\d+(?:\.\d+)?$/.test(cell) ? cell : undefined;
  },
  exceeds: (one, other) =>
    typeof one === "string" || typeof other === "string"
      ? compareDecimals(String(one), String(other)) > 0
      : one > other,
};

/** A moment: seconds, and the digits of their fraction without zeros at the end. */
interface Moment {
  readonly seconds: number;
  readonly fraction: string;
}

const TIMES: Order<Moment> = {
  keyOf(cell) {
    if (typeof cell !== "string") return undefined;
    const day = parseDays(cell);
    if (day !== undefined) return { seconds: day * 86_400, fraction: "" };
    const time = parseDateTime(cell);
    if (!time) return undefined;
    const seconds = time.days * 86_400 + time.seconds - (time.offset ?? 0) * 60;
    return { seconds, fraction: time.fraction.replace(/\.?0*$/, "") };
  },
  exceeds: (one, other) =>
    one.seconds > other.seconds || one.seconds === other.seconds && one.fraction > other.fraction,
};

/** Values that databases have beyond all others: no run can go on from one. */
const ENDLESS = /^[+-]?(?:infinity|nan)$/i;

/**
 * Follows columns of rows, which are read as cells or as text.
 *
 * @param columns what orders their values where the source does not say, by name
 * @throws {SourceError} where a column is not there, or is neither of numbers nor of times; a cell that is not
 * breaks the rows in the same way
 */
export function followColumns(
  stream: RowStream,
  columns: Readonly<Record<string, FollowedType>>,
): Followed {
  const followers = Object.entries(columns).map(([name, type]) => {
    const index = stream.columns.findIndex((column) => column.name === name);
    if (index < 0) {
      throw new SourceError(`Cannot follow column ${JSON.stringify(name)}: the query has none`);
    }
    return followerOf(stream.columns[index]!, index, type);
  });
  const follow = (batch: Batch) => {
    for (const { index, see } of followers) for (const row of batch) see(row[index] ?? null);
    return batch;
  };
  const { text } = stream;
  return {
    stream: {
      columns: stream.columns,
      batches: mapStream(lazyReader(stream.batches), follow),
      ...(text ? { text: followText(text, stream.columns.length, followers) } : {}),
      get mayBlock() {
        return stream.mayBlock ?? false;
      },
    },
    highest: () =>
      Object.fromEntries(followers.flatMap(({ name, highest }) => {
        const cell = highest();
        return cell === undefined ? [] : [[name, String(cell)]];
      })),
  };
}

/** One column that is followed. */
interface Follower {
  readonly name: string;
  readonly index: number;
  readonly see: (cell: Cell) => void;
  readonly highest: () => Cell | undefined;
}

function createFollower<Key>(name: string, index: number, order: Order<Key>): Follower {
  let highest: Cell | undefined;
  let highestKey: Key | undefined;
  return {
    name,
    index,
    see(cell) {
      if (cell === null) return;
      const key = order.keyOf(cell);
      if (key === undefined) {
        if (typeof cell === "number" || typeof cell === "string" && ENDLESS.test(cell)) return;
        throw new SourceError(
          `Cannot follow column ${
            JSON.stringify(name)
          }: it has a value that is no number and no time`,
        );
      }
      if (highestKey !== undefined && !order.exceeds(key, highestKey)) return;
      highest = cell;
      highestKey = key;
    },
    highest: () => highest,
  };
}

/** Follows a column, in the order of the type that the source has, else of that of the param. */
function followerOf(
  { name, type }: SourceColumn,
  index: number,
  fallback: FollowedType,
): Follower {
  switch (type === undefined || type === "string" ? fallback : type) {
    case "integer":
    case "number":
    case "decimal":
      return createFollower(name, index, NUMBERS);
    case "date":
    case "datetime":
      return createFollower(name, index, TIMES);
    default:
      throw new SourceError(
        `Cannot follow column ${JSON.stringify(name)}: it is neither of numbers nor of times`,
      );
  }
}

/** The same rows as text. */
function followText(text: TextRows, width: number, followers: readonly Follower[]): TextRows {
  const follow = (batch: TextBatch) => {
    const { bytes, bounds, length } = batch;
    for (const { index, see } of followers) {
      for (let row = 0; row < length; row++) {
        const at = 2 * (row * width + index);
        const start = bounds[at]!;
        if (start >= 0) see(text.readCell(index, bytes, start, bounds[at + 1]!, true));
      }
    }
    return batch;
  };
  return {
    forms: text.forms,
    readCell: text.readCell,
    batches: mapStream(lazyReader(text.batches), follow),
  };
}

/** A reader that takes hold of a stream when it is used: of rows and their text one is read. */
function lazyReader<T>(stream: ReadableStream<T>) {
  let reader: ReadableStreamDefaultReader<T> | undefined;
  const open = () => reader ??= stream.getReader();
  return {
    read: () => open().read(),
    cancel: (reason: unknown) => open().cancel(reason),
  };
}
