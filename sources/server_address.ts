/** What the settings of sources say about the server to connect to, whichever kind it is of. */

/** A server on a network. */
export interface ServerAddress {
  /** Its name or address, without brackets. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
}

/** The host and port as `--allow-net` takes them. */
export function hostAndPort({ host, port }: ServerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
