/** Says why a server cannot start. */

/** A server that cannot start; its message is for who started it. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** What is in the way: a directory or a file that the configuration names, or the port. */
  readonly at: "directory" | "file" | "port";

  constructor(message: string, at: "directory" | "file" | "port") {
    super(message);
    this.at = at;
  }
}
