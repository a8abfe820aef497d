/** Signed links: section 5 of the design, to the byte, and every way to tamper with one. */

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { isLink, withoutLinkNames } from "../../access/link_names.ts";
import {
  canonicalQuery,
  type Pair,
  readPairs,
  signedText,
  splitTarget,
} from "../../access/link_text.ts";
import { createLinks, LinkError, type LinkRequest, signLink } from "../../access/links.ts";
import type { Principal } from "../../access/principal.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const OTHER = "fedcba9876543210fedcba9876543210";

/** The link of the design. */
const VECTOR = "/exports/audit-log.xlsx?_exp=4102444800&_kid=a&_tenant=42&since=2026-01-01" +
  "&_sig=fn6h5CmdriEp87dR-gxk9B8rbBrbpEz9JPh5FyCNEPs";

const EXPIRES = 4_102_444_800;

/** An hour before the link of the design ends. */
const NOW = (EXPIRES - 3600) * 1000;

const DAY = 86_400_000;

const LINKS = createLinks({ secrets: new Map([["a", SECRET]]), maxAge: DAY });

/** What becomes of a link: why it is refused, or for whom it is. */
function outcome(url: string, now = NOW, method = "GET", links = LINKS): string {
  const found = links.verify(method, url, now);
  return "reason" in found ? found.reason : found.principal.id;
}

/** A link that is signed with any query, be it right or not. */
function signed(query: readonly Pair[], path = "/exports/audit-log.csv", kid = "a"): string {
  const own: Pair[] = query.some(([name]) => name === "_exp") ? [] : [["_exp", `${EXPIRES}`]];
  const pairs: Pair[] = [["_kid", kid], ...own, ...query];
  const unsigned = signLink({ path, query: [], expires: 0 }, kid, SECRET).split("?")[0];
  const text = signedText(path, pairs);
  return `${unsigned}?${canonicalQuery(pairs)}&_sig=${hmac(text)}`;
}

function hmac(text: string, secret = SECRET): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

Deno.test("the link of the design is signed as the design says, and is taken", () => {
  const query: Pair[] = [["since", "2026-01-01"]];
  const link: LinkRequest = {
    path: "/exports/audit-log.xlsx",
    query,
    expires: EXPIRES,
    tenant: "42",
  };
  strictEqual(signLink(link, "a", SECRET), VECTOR);
  strictEqual(LINKS.sign(link, NOW), VECTOR);
  const { principal, key } = LINKS.verify("GET", VECTOR, NOW) as {
    principal: Principal;
    key?: string;
  };
  deepStrictEqual({ ...principal, claims: { ...principal.claims } }, {
    id: "link:a",
    via: "link",
    credential: "a",
    tenant: "42",
    scopes: [],
    exports: ["audit-log"],
    formats: ["xlsx"],
    caps: {},
    claims: {},
    expires: EXPIRES * 1000,
  });
  strictEqual(key, undefined);
});

Deno.test("the text that is signed has four lines", () => {
  strictEqual(
    signedText("/exports/a.csv", [["b", "x y"], ["_kid", "a"], ["a", "1+1=2&%"], [
      "a",
      "é\u{1f600}",
    ]]),
    "spillway-link-v1\nGET\n/exports/a.csv\n" +
      "_kid=a&a=%C3%A9%F0%9F%98%80&a=1%2B1%3D2%26%25&b=x%20y",
  );
  strictEqual(signedText("/", []), "spillway-link-v1\nGET\n/\n");
});

Deno.test("names and values are encoded as by encodeURIComponent, and sorted as bytes", () => {
  strictEqual(
    canonicalQuery([
      ["a", "~-_.!*'()"],
      ["a!", "1"],
      ["A", "2"],
      ["a", ""],
      ["", "empty"],
      ["a", "1"],
      ["a", "1"],
      ["a", '\t\n"#/:;<>?@[\\]^`{|}'],
      ["é", "z"],
      ["aa", "0"],
    ]),
    "%C3%A9=z&=empty&A=2&a!=1&a=&a=%09%0A%22%23%2F%3A%3B%3C%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D&" +
      "a=1&a=1&a=~-_.!*'()&aa=0",
  );
});

Deno.test("the order and the encoding of a query mean nothing, its names and values all", () => {
  const link = signLink(
    {
      path: "/exports/a.csv",
      query: [["q", "x y/z"], ["q", "é+"], ["r", ""]],
      expires: EXPIRES,
    },
    "a",
    SECRET,
  );
  const [, sig] = link.split("&_sig=");
  const same = [
    `_sig=${sig}&r=&q=%C3%A9%2B&q=x%20y%2Fz&_kid=a&_exp=4102444800`,
    `_exp=4102444800&_kid=a&q=x+y/z&q=%c3%a9%2b&r=&_sig=${sig}`,
    `%5Fexp=%34102444800&_kid=%61&q=x%20y/z&q=%C3%A9%2B&r=&_sig=${sig}`,
  ];
  for (const query of same) strictEqual(outcome(`/exports/a.csv?${query}`), "link:a", query);
  const other = [
    `_exp=4102444800&_kid=a&q=x%20y%2Fz&q=%C3%A9%20&r=&_sig=${sig}`,
    `_exp=4102444800&_kid=a&q=x%20y%2Fz&r=&_sig=${sig}`,
    `_exp=4102444800&_kid=a&q=x%20y%2Fz&q=x%20y%2Fz&q=%C3%A9%2B&r=&_sig=${sig}`,
    `_exp=4102444800&_kid=a&q=x%20y%2Fz&q=%C3%A9%2B&r=&R=&_sig=${sig}`,
    `_exp=4102444800&_kid=a&q=x%2520y%2Fz&q=%C3%A9%2B&r=&_sig=${sig}`,
    // e and a combining accent look like é.
    `_exp=4102444800&_kid=a&q=x%20y%2Fz&q=e%CC%81%2B&r=&_sig=${sig}`,
  ];
  for (const query of other) {
    strictEqual(outcome(`/exports/a.csv?${query}`), "link-signature", query);
  }
});

Deno.test("the path counts as it stands in the URL", () => {
  const [, query] = VECTOR.split("?");
  strictEqual(outcome(`https://exports.example.com${VECTOR}`), "link:a");
  strictEqual(outcome(`HTTP://127.0.0.1:8000${VECTOR}`), "link:a");
  const paths = [
    "/exports/audit-log.csv",
    "/exports/invoices.xlsx",
    "/exports/audit-log,invoices.xlsx",
    "/exports/audit-log,audit-log.xlsx",
  ];
  for (const path of paths) strictEqual(outcome(`${path}?${query}`), "link-signature", path);
  const others = [
    ...["/exports/audit%2Dlog.xlsx", "/exports//audit-log.xlsx", "/exports/./audit-log.xlsx"],
    ...["/exports/x/../audit-log.xlsx", "exports/audit-log.xlsx", "//exports/audit-log.xlsx"],
    ...["/exports/audit-log.xlsx/", "/exports/Audit-log.xlsx", "/exports/*.xlsx", "/exports/.xlsx"],
    ...["/exports/audit-log", "/exports", "/runs/1/file", "/", "", "/exports/audit-log.xlsx;a=1"],
    ...[
      "/exports/audit-log.xlsx%00",
      "/exports/audit-log.xlsx%3f",
      "/exports/audit-log\u{301}.xlsx",
    ],
  ];
  for (const path of others) strictEqual(outcome(`${path}?${query}`), "link-malformed", path);
});

Deno.test("a link for several exports is for each of them, with its commas encoded or not", () => {
  for (const path of ["/exports/a,b-2.xlsx", "/exports/a%2Cb-2.xlsx", "/exports/a%2cb-2.xlsx"]) {
    const link = LINKS.sign({ path, query: [], expires: EXPIRES }, NOW);
    const found = LINKS.verify("GET", link, NOW);
    deepStrictEqual("principal" in found && found.principal.exports, ["a", "b-2"]);
  }
});

Deno.test("a link ends at its second, and may not be valid for longer than allowed", () => {
  strictEqual(outcome(VECTOR, EXPIRES * 1000 - 1), "link:a");
  strictEqual(outcome(VECTOR, EXPIRES * 1000), "link-expired");
  strictEqual(outcome(VECTOR, EXPIRES * 1000 - DAY), "link:a");
  strictEqual(outcome(VECTOR, EXPIRES * 1000 - DAY - 1), "link-max-age");
  strictEqual(outcome(VECTOR, 0), "link-max-age");
});

Deno.test("an expiry is whole seconds, written in one way", () => {
  const wrong = [
    ...["", "0", "-1", "+4102444800", "04102444800", " 4102444800", "4102444800 ", "4102444800.0"],
    ...["4.1024448e9", "0xf4865700", "Infinity", "NaN", "2100-01-01", "4102444800000000", "٤"],
    "9".repeat(400),
  ];
  for (const text of wrong) {
    strictEqual(outcome(signed([["_exp", text]])), "link-malformed", text);
  }
});

Deno.test("a link is for GET and HEAD", () => {
  strictEqual(outcome(VECTOR, NOW, "HEAD"), "link:a");
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "get", ""]) {
    strictEqual(outcome(VECTOR, NOW, method), "link-method", method);
  }
});

Deno.test("the first secret signs, all of them verify, and others do not", () => {
  const rotating = createLinks({ secrets: new Map([["b", OTHER], ["a", SECRET]]), maxAge: DAY });
  const link: LinkRequest = { path: "/exports/a.csv", query: [], expires: EXPIRES };
  const fresh = rotating.sign(link, NOW);
  match(fresh, /&_kid=b&/);
  strictEqual(outcome(fresh, NOW, "GET", rotating), "link:b");
  strictEqual(outcome(VECTOR, NOW, "GET", rotating), "link:a");
  strictEqual(outcome(fresh), "link-secret-unknown");
  // The name of one secret over the signature of another.
  strictEqual(outcome(signLink(link, "b", SECRET), NOW, "GET", rotating), "link-signature");
  for (const kid of ["", "A", "a ", "constructor", "__proto__", "c"]) {
    strictEqual(outcome(signLink(link, kid, SECRET), NOW), "link-secret-unknown", kid);
  }
});

Deno.test("what a link has for itself stands in it once, and has a name for a value", () => {
  const [sig] = VECTOR.split("_sig=").slice(-1);
  const twice = ["_kid=a", "_exp=4102444800", "_tenant=43", "_tenant=42", `_sig=${sig}`, "_sig="];
  for (const pair of twice) {
    strictEqual(outcome(`${VECTOR}&${pair}`), "link-malformed", pair);
    strictEqual(outcome(VECTOR.replace("?", `?${pair}&`)), "link-malformed", pair);
  }
  // Even where whoever has the secret signed it.
  const malformed: Pair[][] = [
    [["_tenant", "42"], ["_tenant", "43"]],
    [["_kid", "a"]],
    [["_tenant", ""]],
    [["_tenant", "4\n2"]],
    [["_sub", ""]],
    [["_sub", "x".repeat(257)]],
    [["_scopes", "pii\u2028"]],
    [["_key", ""]],
  ];
  for (const query of malformed) {
    strictEqual(outcome(signed(query)), "link-malformed", JSON.stringify(query));
  }
  strictEqual(outcome(signed([["_sub", "user-7"]])), "link:a/user-7");
});

Deno.test("a part of a link that is missing is missed", () => {
  const [path, query] = VECTOR.split("?");
  const pairs = query!.split("&");
  for (const left of pairs) {
    const rest = pairs.filter((pair) => pair !== left).join("&");
    const reason = left.startsWith("_kid") ? "link-secret-unknown" : "link-signature";
    strictEqual(outcome(`${path}?${rest}`), reason, left);
  }
  strictEqual(outcome(path!), "link-secret-unknown");
  strictEqual(outcome(`${path}?`), "link-secret-unknown");
  // An end that was not signed, or not said, is not forever.
  const text = signedText("/exports/audit-log.csv", [["_kid", "a"]]);
  strictEqual(outcome(`/exports/audit-log.csv?_kid=a&_sig=${hmac(text)}`), "link-malformed");
});

Deno.test("tenant, subject and scopes are those of the link", () => {
  const link = LINKS.sign({
    path: "/exports/a.csv",
    query: [],
    expires: EXPIRES,
    tenant: "Müller & Söhne",
    subject: "user+7@example.com",
    scopes: ["pii", "read"],
    key: "k7f3q2",
  }, NOW);
  const found = LINKS.verify("GET", link, NOW);
  ok("principal" in found);
  const { tenant, subject, scopes } = found.principal;
  deepStrictEqual([tenant, subject, scopes, found.key], [
    "Müller & Söhne",
    "user+7@example.com",
    ["pii", "read"],
    "k7f3q2",
  ]);
});

/** Every URL that one letter makes another one of. */
function* changed(url: string, start: number): Generator<string> {
  const letters = "09azAZ_-=&%+?#/.~ ;\0é";
  for (let at = start; at <= url.length; at++) {
    const [before, after] = [url.slice(0, at), url.slice(at + 1)];
    if (at < url.length) {
      yield before + after;
      const other = url[at]!.toUpperCase() === url[at]
        ? url[at]!.toLowerCase()
        : url[at]!.toUpperCase();
      for (const letter of letters + other) if (letter !== url[at]) yield before + letter + after;
      if (at + 1 < url.length) yield before + url[at + 1]! + url[at]! + url.slice(at + 2);
    }
    for (const letter of letters) yield before + letter + url.slice(at);
  }
}

Deno.test("a link that is changed in any one letter is refused", () => {
  let tried = 0;
  for (const url of changed(VECTOR, 0)) {
    if (url === VECTOR) continue;
    tried++;
    ok(outcome(url).startsWith("link-"), url);
  }
  ok(tried > 5000, `${tried}`);
});

Deno.test("a link with escapes that is changed in one letter is refused, or means the same", () => {
  const link = LINKS.sign({
    path: "/exports/audit-log.csv",
    query: [["q", "a b&c=d"], ["q", "é\u{1f600}/"], ["r", ""], ["s", "%41+"]],
    expires: EXPIRES,
    tenant: "4/2",
  }, NOW);
  const meaning = (url: string) => {
    const { path, query } = splitTarget(url);
    return JSON.stringify([path, [...new URLSearchParams(query)].sort()]);
  };
  strictEqual(outcome(link), "link:a");
  let same = 0;
  for (const url of changed(link, 0)) {
    if (outcome(url).startsWith("link-")) continue;
    strictEqual(meaning(url), meaning(link), url);
    same++;
  }
  // A few: %2f for %2F.
  ok(same > 0 && same < 40, `${same}`);
});

Deno.test("any link is taken as it was signed, and not when its query is another", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  const name = text.filter((name) => !name.startsWith("_"));
  const pairs = fc.array(fc.tuple(name, text), { maxLength: 6 });
  fc.assert(fc.property(pairs, pairs, (query, other) => {
    const link = LINKS.sign({ path: "/exports/a.csv", query, expires: EXPIRES }, NOW);
    strictEqual(outcome(link), "link:a");
    // As a browser sends it, and as Deno gives it.
    strictEqual(outcome(new URL(link, "http://127.0.0.1").href), "link:a");
    const form = new URLSearchParams(splitTarget(link).query);
    strictEqual(outcome(`/exports/a.csv?${form}`), "link:a");
    deepStrictEqual(
      withoutLinkNames(form).map((pair) => JSON.stringify(pair)).sort(),
      query.map((pair) => JSON.stringify(pair)).sort(),
    );
    const sig = form.get("_sig")!;
    const forged = `/exports/a.csv?${
      canonicalQuery([["_kid", "a"], ["_exp", `${EXPIRES}`], ...other])
    }&_sig=${sig}`;
    const differs = canonicalQuery(query) !== canonicalQuery(other);
    strictEqual(outcome(forged), differs ? "link-signature" : "link:a");
  }));
});

Deno.test("a query is read as the routes read it, or not at all", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."ab=&%+_25cC3A9Ff\u00e9 '\"") }),
      (query) => {
        const pairs = readPairs(query);
        if (pairs !== undefined) {
          deepStrictEqual(pairs, [...new URLSearchParams(query)]);
          deepStrictEqual(pairs, [...new URL(`http://h/?${query}`).searchParams]);
        }
      },
    ),
    { numRuns: 2000 },
  );
  for (
    const query of [
      "&",
      "a",
      "a=1&",
      "a=1&&b=2",
      "a=%",
      "a=%zz",
      "a=%ff",
      "a=é",
      "a= b",
      "a=\n",
      "a=b#c",
    ]
  ) {
    strictEqual(readPairs(query), undefined, query);
  }
  deepStrictEqual(readPairs("%EF%BB%BFa=%00"), [["\ufeffa", "\0"]]);
  deepStrictEqual([...new URLSearchParams("%EF%BB%BFa=%00")], [["\ufeffa", "\0"]]);
});

Deno.test("a URL is an attempt at a link where it has a name that only links have", () => {
  for (const query of ["_sig=", "_kid", "a=1&_exp=5", "%5Fsig=x", "_s%69g=x"]) {
    ok(isLink(`/exports/a.csv?${query}`), query);
  }
  for (const query of ["", "_tenant=42", "_sub=x", "a=_sig", "_SIG=x", "sig=x", "_columns=_kid"]) {
    ok(!isLink(`/exports/a.csv?${query}`), query);
  }
});

Deno.test("what would not be taken, or be read as something else, is not signed", () => {
  const link: LinkRequest = { path: "/exports/a.csv", query: [], expires: EXPIRES };
  const wrong: [more: Partial<LinkRequest>, about: string][] = [
    [{ path: "/exports/a" }, "the path"],
    [{ path: "/exports/a.csv?x=1" }, "the path"],
    [{ path: "/exports/a.csv\n" }, "the path"],
    [{ path: "https://exports.example.com/exports/a.csv" }, "the path"],
    [{ expires: EXPIRES - 3600 }, "expires_in"],
    [{ expires: EXPIRES - 3600 + 86_401 }, "expires_in"],
    [{ expires: EXPIRES + 0.5 }, "expires_in"],
    [{ expires: NaN }, "expires_in"],
    [{ tenant: "" }, "the tenant, the subject or a scope"],
    [{ subject: "a\nb" }, "the tenant, the subject or a scope"],
    [{ scopes: ["a b"] }, "the tenant, the subject or a scope"],
    // A caller of POST /links who would like to be another tenant.
    [{ query: [["_tenant", "43"]] }, "_tenant"],
    [{ query: [["_scopes", "pii"]] }, "_scopes"],
    [{ query: [["since", "x"], ["_exp", "9999999999"]] }, "_exp"],
    [{ query: [["_sig", ""]] }, "_sig"],
    [{ query: [["_key", "k7f3q2"]] }, "_key"],
    [{ query: [["since", "\ud800"]] }, '"since"'],
    [{ query: [["\udc00", ""]] }, '"\\udc00"'],
  ];
  for (const [more, about] of wrong) {
    throws(
      () => LINKS.sign({ ...link, ...more }, NOW),
      (error) => error instanceof LinkError && error.about === about,
      JSON.stringify(more),
    );
  }
});

Deno.test("no error and no principal holds a secret or a signature", () => {
  const sig = VECTOR.split("_sig=")[1]!;
  const shown = [
    Deno.inspect(LINKS.verify("GET", VECTOR, NOW), { depth: 10 }),
    Deno.inspect(LINKS.verify("GET", VECTOR + "x", NOW), { depth: 10 }),
    Deno.inspect(LINKS, { depth: 10 }),
  ].join("");
  ok(!shown.includes(sig) && !shown.includes(SECRET), shown);
});
