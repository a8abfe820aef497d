/** What a file says of itself beside its rows, in a format that has a place for it. */

/** What a document says of itself; what is absent is not said. */
export interface DocumentProperties {
  /** What it is called. */
  readonly title?: string;
  /** What it is about. */
  readonly subject?: string;
  /** Who made it. */
  readonly creator?: string;
  /** Whose it is. */
  readonly company?: string;
  /** Whether it says when it was made: the same rows are other bytes then. @default false */
  readonly created?: boolean;
}

/** A line that tells something about a file. */
export interface AboutEntry {
  /** What it is about. */
  readonly label: string;
  /** What there is to say; absent where the label is a heading of the lines that follow. */
  readonly value?: string;
}

/** What a request makes a file say of itself, whatever the format's own options are. */
export interface DocumentOptions {
  /** What the file says of itself beside its rows. @default nothing */
  readonly properties?: DocumentProperties;
  /** Lines of a first sheet that tells what the others hold. @default no such sheet */
  readonly about?: readonly AboutEntry[];
  /**
   * When the file was asked for, RFC 3339 in UTC, for where one of these two shows it; an exporter has
   * no clock. @default no time
   */
  readonly time?: string;
}
