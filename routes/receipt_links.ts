/** A receipt as clients see it. */

import { type Receipt, receiptJson } from "../runs/receipt.ts";

/** A run as JSON shows it, with the addresses of what belongs to it. */
export function receiptWithLinks(row: Receipt): Readonly<Record<string, unknown>> {
  const { file, ...json } = receiptJson(row);
  const url = `/runs/${row.id}`;
  return {
    ...json,
    url,
    ...(row.file
      ? { file: { ...file as object, ...(row.state === "complete" ? { url: `${url}/file` } : {}) } }
      : {}),
  };
}
