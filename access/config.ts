/** The schema of `access` in `spillway.yaml`; its messages are nouns that say what is expected. */

import { z } from "zod";
import { parsed } from "../table/parsed.ts";
import { isTrustedUrl } from "../table/trusted_url.ts";
import { parseDuration, parseSize } from "../table/units.ts";
import { JWT_ALGORITHMS, type JwtSetting } from "./jwt_setting.ts";
import type { KeySetting } from "./keys.ts";
import type { LinkSetting } from "./links.ts";
import { readName } from "./principal.ts";

/** Who may use the server. */
export interface AccessConfig {
  /** Whether everyone who reaches the server may export everything. @default false */
  readonly anonymous: boolean;
  /** The keys. @default none */
  readonly keys: readonly KeySetting[];
  /** Whose tokens are taken; absent: none. */
  readonly jwt?: JwtSetting;
  /** What links are signed with; absent: there are none. */
  readonly links?: LinkSetting;
  /** What `mask: hash` is keyed with; absent: no column has that mask. */
  readonly maskSecret?: string;
}

/**
 * Whether no caller can be let in: the section is not there, or empty. A server may be open to everyone all
 * the same where only its own machine reaches it.
 */
export function isEmpty({ anonymous, keys, jwt, links }: AccessConfig): boolean {
  return !anonymous && keys.length === 0 && jwt === undefined && links === undefined;
}

/**
 * Whether the value at a path within `access` may be a secret, or one that stands in the wrong place: no
 * message may show it.
 */
export function isSecretPath(path: readonly (string | number)[]): boolean {
  const [section, second, third] = path;
  return section === "mask_secret" || section === "links" && second === "secrets" ||
    section === "keys" && (third === "id" || third === "sha256");
}

/** No timer waits for one of these: a longer time than the rest of the configuration takes is legal. */
const MAX_DURATION_MS = 366 * 86_400_000;

const duration = parsed(
  (text) => parseDuration(text, { min: 1000, max: MAX_DURATION_MS }),
  "a duration such as 15m, 24h or 30d, of at least 1s and at most 366d",
);

// Nothing at all is no limit of a file.
const size = parsed((text) => parseSize(text, { min: 1 }), "a size such as 512MiB or 20GiB");

function matching(pattern: RegExp, error: string) {
  return z.string({ error }).regex(pattern, { error });
}

function name(error: string) {
  return z.string({ error }).refine((text) => readName(text) !== undefined, { error });
}

function list<T>(item: z.ZodType<T>, error: string) {
  return z.array(item, { error }).min(1, { error });
}

const KEY_ID = "an id of 6 to 8 small letters and digits, as `spillway key new` makes it";

const KEY_HASH = "the SHA-256 of a key, in 64 hexadecimal digits";

const EXPORT = "the name of an export, or a pattern such as audit-*";

const COUNT = "a whole number of at least 1";

const EXPIRY = "a date such as 2027-01-01, or a date and time such as 2027-01-01T12:00:00Z";

/** A date, or a date and time with an offset (RFC 3339); a date begins in UTC. */
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/;

const moment = parsed((text) => {
  const [, day] = MOMENT.exec(text) ?? [];
  const time = day === undefined ? NaN : Date.parse(text);
  // V8 takes 30 February for 2 March.
  const isDay = day !== undefined && new Date(Date.parse(day)).toJSON()?.startsWith(day);
  return isDay && !Number.isNaN(time) ? time : undefined;
}, EXPIRY);

/** Leaves out what was not given, as the types of this program tell it from `undefined`. */
function present<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}

const key = z.strictObject({
  id: matching(/^[a-z0-9]{6,8}$/, KEY_ID),
  sha256: matching(/^[0-9a-f]{64}$/i, KEY_HASH),
  tenant: name('a tenant, in quotes such as "42"').optional(),
  subject: name("the name of a person or program").optional(),
  exports: list(matching(/^[a-z0-9*][a-z0-9_*-]*$/, EXPORT), "a list of exports").default(["*"]),
  formats: list(matching(/^[a-z0-9]+$/, "the key of a format"), "a list of formats").optional(),
  max_rows: z.int({ error: COUNT }).min(1, { error: COUNT }).optional(),
  max_bytes: size.optional(),
  max_duration: duration.optional(),
  scopes: list(matching(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, "a scope"), "a list of scopes")
    .default([]),
  expires: moment.optional(),
}).transform(({ max_rows, max_bytes, max_duration, ...setting }): KeySetting => {
  const caps = { maxRows: max_rows, maxBytes: max_bytes, maxDuration: max_duration };
  return present({ ...setting, caps: present(caps) }) as KeySetting;
});

const keys = z.array(key, { error: "a list of keys" }).superRefine((all, context) => {
  all.forEach(({ id }, index) => {
    if (all.findIndex((other) => other.id === id) === index) return;
    context.addIssue({ code: "custom", path: [index, "id"], message: "an id of its own" });
  });
});

const ISSUER = "the issuer, as the claim iss of its tokens says it";

const JWKS = "an https:// url without user, password and #; http:// is for loopback";

const claim = z.string({ error: "the name of a claim" }).min(1, { error: "the name of a claim" });

const ALGORITHMS = `a list of ${JWT_ALGORITHMS.join(", ")}`;

const jwt = z.strictObject({
  issuer: z.string({ error: ISSUER }).min(1, { error: ISSUER }),
  audience: z.string({ error: "the audience of tokens" }).min(1, {
    error: "the audience of tokens",
  }),
  jwks: z.string({ error: JWKS }).refine((url) => isTrustedUrl(url), { error: JWKS }),
  algorithms: list(
    z.enum(JWT_ALGORITHMS, { error: `one of ${JWT_ALGORITHMS.join(", ")}` }),
    ALGORITHMS,
  ).default(["RS256", "ES256", "EdDSA"]),
  tenant: claim.optional(),
  subject: claim.default("sub"),
  scopes: claim.default("scope"),
  exports: claim.optional(),
}).transform((setting): JwtSetting => present(setting) as JwtSetting);

/** HMAC-SHA-256 wants a secret as long as its hash (RFC 2104, 3). */
const SECRET = "a secret of at least 32 bytes, such as openssl rand -base64 32 prints";

/** A letter comes first: an object's keys that are numbers would not stay in their order. */
const SECRET_NAME = "the name of a secret is a letter, then letters, digits, - and _";

const secret = z.string({ error: SECRET })
  .refine((text) => new TextEncoder().encode(text).length >= 32, { error: SECRET });

const links = z.strictObject({
  secrets: z.record(
    matching(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, SECRET_NAME),
    secret,
    { error: "a mapping of names to secrets" },
  ).refine((secrets) => Object.keys(secrets).length > 0, { error: "at least one secret" })
    .transform((secrets) => new Map(Object.entries(secrets))),
  max_age: duration.default(86_400_000),
}).transform(({ secrets, max_age }): LinkSetting => ({ secrets, maxAge: max_age }));

/** The schema of `access`. */
export const accessConfig: z.ZodType<AccessConfig> = z.strictObject({
  anonymous: z.boolean({ error: "true or false" }).default(false),
  keys: keys.default([]),
  jwt: jwt.optional(),
  links: links.optional(),
  mask_secret: secret.optional(),
}).transform(({ mask_secret, ...config }): AccessConfig =>
  present({ ...config, maskSecret: mask_secret }) as AccessConfig
);
