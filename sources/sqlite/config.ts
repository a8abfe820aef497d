/** The settings of an SQLite source. */

/** The settings of an SQLite source. */
export interface SqliteConfig {
  /** The database file; it must exist. */
  readonly path: string;
  /** The most bytes of a row. */
  readonly max_row: number;
}
