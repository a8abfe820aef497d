/** What is measured in process: something that writes the workload's rows as bytes. */

/** Takes a chunk of a file, and forgets it. */
export type Sink = (chunk: Uint8Array) => void;

/** One way to write the rows that it was made for. */
export interface Encoder {
  readonly name: string;
  /** Writes all of them. */
  encode(sink: Sink): Promise<void>;
}
