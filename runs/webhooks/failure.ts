/** Says why a webhook had no answer, in words that tell a caller nothing of the network. */

import { PrivateAddressError, WebhookTimeoutError } from "./send.ts";

const NOT_PERMITTED = "this server may not connect to it";

/** Reasons, by what the codes of errors begin with. */
const REASONS: readonly (readonly [codes: RegExp, reason: string])[] = [
  [/^(?:ENOTFOUND|ENODATA|EAI_)/, "its name has no address"],
  [/^ECONNREFUSED$/, "the connection was refused"],
  // What Deno says of a name without a permission.
  [/^EPERM$/, NOT_PERMITTED],
  [
    /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL|^EPROTO$/,
    "its certificate is not trusted, or it speaks no TLS",
  ],
];

/** The reason, for the receipt of the run; the error itself is for the log. */
export function failureReason(error: unknown): string {
  if (error instanceof PrivateAddressError) return "its address is private";
  if (error instanceof Deno.errors.NotCapable) return NOT_PERMITTED;
  if (error instanceof WebhookTimeoutError) return error.message;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS.find(([codes]) => codes.test(code))?.[1] ?? "the connection broke";
}
