/** The settings of an HTTP source, as `spillway.yaml` writes them. */

/** The formats that rows come in. */
export const ROW_FORMATS = ["ndjson", "json", "csv"] as const;

/** The settings of an HTTP source. */
export interface HttpConfig {
  /** Where rows are asked for; a query adds to its path and to its query string. */
  readonly url: string;
  /** How. @default "GET" */
  readonly method: "GET" | "POST";
  /** What rows come in. @default "ndjson" */
  readonly format: typeof ROW_FORMATS[number];
  /** Headers of every request, such as a shared secret; never shown. @default none */
  readonly headers: Readonly<Record<string, string>>;
  /** A file of certificates, in PEM, that the server's may come from besides the public ones. @default none */
  readonly ca?: string | undefined;
  /** Milliseconds until the response's headers are there, connecting included. @default 60000 */
  readonly timeout: number;
  /** Milliseconds without a byte that is waited for. @default 60000 */
  readonly idle_timeout: number;
  /** Whether rows and secrets may cross a network in clear text. @default false */
  readonly allow_http: boolean;
  /** The longest row, in UTF-16 units of its text. @default 64 Mi */
  readonly max_row: number;
  /** Every name that a row may have, in order. @default what the response says first */
  readonly columns?: readonly string[] | undefined;
  /** Whether rows are whole only if their number stands behind the last one. @default false */
  readonly require_count: boolean;
}
