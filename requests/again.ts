/** Makes a request anew of what a receipt has of it, for a run that begins again. */

import type { Principal } from "../access/principal.ts";
import type { Receipt } from "../runs/receipt.ts";
import { findExports, type Offer } from "./find_exports.ts";
import { parseRequest, type RunRequest } from "./run_request.ts";

/**
 * Parses the request of a receipt again, as its caller made it.
 *
 * @throws {RequestError} where what it asks for is not there any more
 * @throws {AccessError} where it is not for that caller any more
 */
export function requestAgain(
  { request, reason }: Pick<Receipt, "request" | "reason">,
  caller: Principal,
  offer: Offer,
): RunRequest {
  const { exports, format, params, options } = request;
  const file = findExports(exports.join(","), format, offer, caller);
  const given = [
    ...Object.entries(params).flatMap(([name, texts]) =>
      [texts].flat().map((text) => [name, text] as const)
    ),
    ...Object.entries(options).map(([name, text]) => [`_${name}`, text] as const),
    ...(reason === undefined ? [] : [["_reason", reason] as const]),
  ];
  return parseRequest(file, given, { principal: caller, formats: offer.formats });
}
