/** Takes the values of params that are declared `from` the identity: from that alone, never from a caller. */

import type { Principal } from "./principal.ts";

/** Where the value of a param comes from. */
export type ParamOrigin =
  | { readonly kind: "tenant" }
  | { readonly kind: "principal" }
  | { readonly kind: "claim"; readonly name: string };

/** What a param says after `from`, for messages. */
export const ORIGIN_RULE = "tenant, principal or claim: with the name of a claim";

/** Why a param has no value. */
export interface IdentityIssue {
  /** The param. */
  readonly name: string;
  /** `sent`: the caller gave a value; `missing`: the identity has none. */
  readonly kind: "sent" | "missing";
  /** A sentence for the caller. */
  readonly detail: string;
}

/** The values of params that come from the identity. */
export interface IdentityParams {
  /**
   * One text for each param, or the items of a list; none is empty. They are values as they are: a comma
   * is not between items, and no default stands in for one.
   */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** What is wrong, one a param; while there is any, the values are not complete. */
  readonly issues: readonly IdentityIssue[];
}

/** Reads what a param says after `from`; nothing when it is no origin. */
export function parseOrigin(text: string): ParamOrigin | undefined {
  if (text === "tenant" || text === "principal") return { kind: text };
  const name = /^claim:(.+)$/.exec(text)?.[1];
  return name === undefined ? undefined : { kind: "claim", name };
}

/**
 * Takes the values of an export's params from who asks.
 *
 * @param origins those of the params that have one, by name
 * @param sent the names of all params that the caller gave
 */
export function identityParams(
  origins: ReadonlyMap<string, ParamOrigin>,
  sent: Iterable<string>,
  principal: Principal,
): IdentityParams {
  const given = new Set(sent);
  const values = new Map<string, readonly string[]>();
  const issues: IdentityIssue[] = [];
  for (const [name, origin] of origins) {
    const texts = readTexts(valueOf(origin, principal));
    if (given.has(name)) {
      const detail = "comes from who you are, and cannot be given";
      issues.push({ name, kind: "sent", detail });
    } else if (texts === undefined) {
      const detail = `your credential has no ${described(origin)}`;
      issues.push({ name, kind: "missing", detail });
    } else values.set(name, texts);
  }
  return { values, issues };
}

function valueOf(origin: ParamOrigin, { tenant, subject, claims }: Principal): unknown {
  switch (origin.kind) {
    case "tenant":
      return tenant;
    case "principal":
      return subject;
    case "claim":
      return Object.hasOwn(claims, origin.name) ? claims[origin.name] : undefined;
  }
}

function described(origin: ParamOrigin): string {
  if (origin.kind === "claim") return `usable claim ${JSON.stringify(origin.name)}`;
  return origin.kind === "tenant" ? "tenant" : "subject";
}

/** A value as the texts of a param; nothing where it is none, or one of its items is not. */
function readTexts(value: unknown): readonly string[] | undefined {
  const texts = (Array.isArray(value) ? value : [value]).map(readText);
  return texts.length > 0 && texts.every((text) => text !== undefined) ? texts : undefined;
}

/**
 * A value as the text of a param.
 *
 * An empty text would be an absent param, and its query perhaps without a limit; a number that a double
 * does not hold exactly may be another tenant's.
 */
function readText(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return value === "" || !value.isWellFormed() ? undefined : value;
    case "number":
      return isExact(value) ? String(value) : undefined;
    case "boolean":
      return String(value);
    default:
      return undefined;
  }
}

function isExact(number: number): boolean {
  return Number.isFinite(number) && (Number.isSafeInteger(number) || !Number.isInteger(number));
}
