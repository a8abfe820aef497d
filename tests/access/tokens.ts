/** An issuer of tokens for tests: its keys, its tokens, and what answers for its key set. */

import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { createJwks, type JwksOptions } from "../../access/jwks.ts";
import { createJwtVerifier, type JwtVerifier } from "../../access/jwt.ts";
import type { JwtSetting } from "../../access/jwt_setting.ts";

/** The time that tests have, in seconds. */
export const NOW = Date.UTC(2026, 0, 1) / 1000;

/** Whose tokens are taken. */
export const SETTING: JwtSetting = {
  issuer: "https://id.example.com/",
  audience: "spillway",
  jwks: "https://id.example.com/jwks.json",
  algorithms: ["RS256", "ES256", "EdDSA"],
  tenant: "org_id",
  subject: "sub",
  scopes: "scope",
};

/** The claims of a token that is taken. */
export const CLAIMS = {
  iss: SETTING.issuer,
  aud: SETTING.audience,
  sub: "user-7",
  exp: NOW + 600,
  org_id: "42",
  scope: "pii read",
};

/** A pair of keys, and what the issuer shows of it. */
export interface IssuerKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

/** Makes a pair of keys; its algorithm is named in the key set only where `alg` stands in `more`. */
export async function issuerKey(alg: string, kid: string, more: JWK = {}): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...await exportJWK(publicKey), kid, use: "sig", ...more };
  return { privateKey, publicKey, jwk } as IssuerKey;
}

export const RSA = await issuerKey("RS256", "rsa", { alg: "RS256" });
export const EC = await issuerKey("ES256", "ec");
export const ED = await issuerKey("EdDSA", "ed", { alg: "EdDSA" });

/** The public key in the text that some libraries take as the secret of HS256. */
export const RSA_PEM = await exportSPKI(RSA.publicKey);

/** Signs a token with a key of the issuer, or with one that is not. */
export function signToken(
  key: Pick<IssuerKey, "privateKey"> | Uint8Array,
  header: { readonly alg: string } & Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>> = CLAIMS,
): Promise<string> {
  const secret = key instanceof Uint8Array ? key : key.privateKey;
  return new SignJWT({ ...claims }).setProtectedHeader({ ...header }).sign(secret);
}

/** A token of any header, claims and signature. */
export function forge(header: unknown, claims: unknown, signature = ""): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** What answers for the key set, and what it was asked. */
export interface Issuer {
  /** The keys that it shows. */
  keys: readonly JWK[];
  /** What it does instead of showing them. */
  answer: ((init: RequestInit) => Response | Promise<Response>) | undefined;
  /** The URLs that it was asked for, in order. */
  readonly asked: string[];
  readonly fetch: NonNullable<JwksOptions["fetch"]>;
}

/** An issuer that shows these keys. */
export function createIssuer(keys: readonly JWK[] = [RSA.jwk, EC.jwk, ED.jwk]): Issuer {
  const issuer: Issuer = {
    keys,
    answer: undefined,
    asked: [],
    fetch(url, init) {
      issuer.asked.push(url);
      return Promise.resolve(issuer.answer?.(init) ?? Response.json({ keys: issuer.keys }));
    },
  };
  return issuer;
}

/** Verifies the tokens of an issuer. */
export function verifierOf(
  issuer: Issuer,
  setting: Partial<JwtSetting> = {},
  now = () => NOW * 1000,
  options: JwksOptions = {},
): JwtVerifier {
  const jwks = createJwks(SETTING.jwks, { fetch: issuer.fetch, now, ...options });
  return createJwtVerifier({ ...SETTING, ...setting }, jwks, now);
}
