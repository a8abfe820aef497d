/** What the log says of the params of a run: values where the configuration says so, else keyed hashes. */

import { createHmac, randomBytes } from "node:crypto";
import { cutText } from "../access/redact_text.ts";
import type { Param } from "../catalog/params.ts";
import type { ParamValue } from "../sources/source.ts";
import type { RunRequest } from "./run_request.ts";

/** The params of a run; of several exports in one file each by `export.param`. */
export interface LoggedParams {
  /** Values, as texts, of those with `log: true`; null for one that was not given. */
  readonly params?: Readonly<Record<string, string | null>>;
  /** Hashes of the others: equal values of a param have equal ones. */
  readonly param_hashes?: Readonly<Record<string, string>>;
}

/** Says it. */
export interface ParamLog {
  /** The fields of a run's line. */
  fields(request: RunRequest): LoggedParams;
  /** A text of a source, with the names of params in the place of values that the log does not have. */
  hide(text: string, request: RunRequest): string;
}

/** Hexadecimal digits of a hash, as those of masks have: 128 bits. */
const HASH_LENGTH = 32;

/** Characters of a value that is looked for in a text of a source: a shorter one is in many words. */
const MIN_HIDDEN_LENGTH = 3;

/**
 * Makes it.
 *
 * A plain hash of a date or of a customer's number is found by trying all of them, so that it is keyed.
 *
 * @param secret gives what hashes are keyed with; without one, those of another process are others
 */
export function createParamLog(secret: () => string | undefined): ParamLog {
  const own = randomBytes(32);

  function hash(name: string, value: ParamValue): string {
    // Keys of masks are of texts that begin otherwise.
    const text = `spillway-log-v1\n${name}\n${value}`;
    return createHmac("sha256", secret() ?? own).update(text).digest("hex").slice(0, HASH_LENGTH);
  }

  return {
    fields(request) {
      const params: [string, string | null][] = [];
      const hashes: [string, string][] = [];
      for (const { name, param, value } of valuesOf(request)) {
        if (value === null) params.push([name, null]);
        else if (isLogged(param)) params.push([name, cutText(String(value))]);
        else hashes.push([name, hash(param.name, value)]);
      }
      return {
        ...(params.length === 0 ? {} : { params: Object.fromEntries(params) }),
        ...(hashes.length === 0 ? {} : { param_hashes: Object.fromEntries(hashes) }),
      };
    },
    hide(text, request) {
      const hidden = valuesOf(request).filter(({ param }) => !isLogged(param)).flatMap(
        ({ param, value }) =>
          [value].flat().map((item) => ({ item: String(item ?? ""), name: `:${param.name}` })),
      ).filter(({ item }) => item.length >= MIN_HIDDEN_LENGTH);
      // A longer one first, as a shorter one may be a part of it.
      return hidden.toSorted((one, other) => other.item.length - one.item.length)
        .reduce((whole, { item, name }) => whole.replaceAll(item, () => name), text);
    },
  };
}

/** Whether the log has its value; never one that may be the environment's. */
function isLogged({ log = false, secretDefault = false }: Param): boolean {
  return log && !secretDefault;
}

function valuesOf({ exports, params }: RunRequest) {
  return exports.flatMap((definition, index) =>
    [...definition.params.values()].map((param) => ({
      name: exports.length === 1 ? param.name : `${definition.name}.${param.name}`,
      param,
      value: params[index]![param.name] ?? null,
    }))
  );
}
