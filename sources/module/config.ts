/** The settings of a module. */

/** The settings of a module. */
export interface ModuleConfig {
  /** The file; its default export is a {@linkcode ModuleSource}. */
  readonly path: string;
  /** Files and folders that it may read, those that it imports among them. @default none */
  readonly read?: readonly string[] | undefined;
  /** Hosts that it may connect to. @default none */
  readonly net?: readonly string[] | undefined;
  /** The most that a row's text and bytes may have, in UTF-16 units and bytes. @default 64 Mi */
  readonly max_row: number;
}
