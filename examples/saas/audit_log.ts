/** Reads of Spillway's audit log what is of one tenant. */

import type { Tenant } from "./people.ts";

/** An export that ran, or that was refused. */
export interface AuditEntry {
  /** Of the run, which the browser got as `Export-Id`. */
  readonly id?: string;
  /** The moment, in UTC: `2026-11-23 09:12:44`. */
  readonly at: string;
  /** The e-mail address of who asked. */
  readonly who: string;
  /** The file: `invoices.xlsx`. */
  readonly file: string;
  /** `complete`, `cancelled`, `failed`, or `refused` with the reason of that. */
  readonly outcome: string;
  /** Why they asked, where they said it. */
  readonly reason?: string;
  /** How many rows the file has, where it was made. */
  readonly rows?: number;
  /** The columns that were hidden. */
  readonly masked: readonly string[];
  /** Whether the file ended at the most rows that an export may have. */
  readonly truncated: boolean;
}

/** What is used of a line; a run has a state, a refusal a path and a status. */
interface Line {
  readonly id?: string;
  readonly "@timestamp": string;
  readonly tenant?: string;
  readonly principal?: string;
  readonly state?: string;
  readonly export?: string;
  readonly format?: string;
  readonly path?: string;
  readonly reason?: string;
  readonly rows?: number;
  readonly masked?: readonly string[];
  readonly truncated?: unknown;
}

/** How many are shown. */
const MAX_ENTRIES = 50;

/**
 * The last entries of a tenant, newest first. A file is enough for a demo; an application would have its
 * log collector put the lines into a table.
 */
export async function readAuditLog(path: string, tenant: Tenant): Promise<AuditEntry[]> {
  const text = await Deno.readTextFile(path);
  // The last line may be half written.
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter(Boolean);
  return lines.map((line): Line => JSON.parse(line))
    .filter((line) => line.tenant === tenant.id)
    .slice(-MAX_ENTRIES).reverse().map(entryOf);
}

function entryOf(line: Line): AuditEntry {
  const { id, state, reason, rows, masked = [], truncated } = line;
  const common = {
    ...(id === undefined ? {} : { id }),
    at: line["@timestamp"].slice(0, 19).replace("T", " "),
    // link:a/ann@acme.example
    who: line.principal?.replace(/^link:[^/]*\/?/, "") ?? "",
    masked,
    truncated: truncated !== undefined,
  };
  if (state === undefined) {
    return {
      ...common,
      file: line.path?.replace(/^\/exports\//, "") ?? "",
      outcome: `refused: ${reason}`,
    };
  }
  return {
    ...common,
    file: `${line.export}.${line.format}`,
    outcome: state,
    ...(reason === undefined ? {} : { reason }),
    ...(rows === undefined ? {} : { rows }),
  };
}
