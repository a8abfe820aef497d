import assert from "node:assert/strict";
import fc from "fast-check";
import { placeholders } from "../../../sources/http/query.ts";
import { toRequest } from "../../../sources/http/request.ts";
import { type ParamValue, SourceError } from "../../../sources/source.ts";
import { settings } from "./fixture.ts";

const BASE = "https://billing.internal/api/rows?key=1";

function urlOf(text: string, params: Record<string, ParamValue> = {}, base = BASE): string {
  return toRequest(settings(base), { text, params }).url;
}

function refusal(text: string, params: Record<string, ParamValue> = {}): string {
  try {
    return `not refused: ${urlOf(text, params)}`;
  } catch (error) {
    assert(error instanceof SourceError);
    return error.message.replace("Cannot run the query: ", "");
  }
}

Deno.test("the placeholders of a path and a query string are found, each once", () => {
  assert.deepEqual(placeholders("/:org/x?since=:since&until=:since%3A&a=b"), ["org", "since"]);
  assert.deepEqual(placeholders(""), []);
});

Deno.test("a query adds to the path and to the query string of the source's URL", () => {
  assert.equal(urlOf(""), BASE);
  assert.equal(urlOf("/"), BASE);
  assert.equal(urlOf("/invoices"), "https://billing.internal/api/rows/invoices?key=1");
  assert.equal(
    urlOf("invoices?open=yes"),
    "https://billing.internal/api/rows/invoices?key=1&open=yes",
  );
  assert.equal(urlOf("?a=1&b=2", {}, "https://x/"), "https://x/?a=1&b=2");
  assert.equal(urlOf("/x", {}, "https://x/y/"), "https://x/y/x");
});

Deno.test("params that a query names take their places, the others go behind it", () => {
  const params = { org: "a&b=c", n: 5, big: 2n ** 63n, flag: true, none: null, extra: "é" };
  assert.equal(
    urlOf("/:org/list-:n?big=:big&flag=:flag&none=:none&never=x:none", params),
    "https://billing.internal/api/rows/a%26b%3Dc/list-5?key=1&big=9223372036854775808&flag=true&extra=%C3%A9",
  );
  assert.deepEqual(
    toRequest(settings("https://x/", { method: "POST" }), { text: "?flag=:flag", params }),
    {
      url: "https://x/?flag=true",
      body: '{"org":"a&b=c","n":5,"big":9223372036854775808,"none":null,"extra":"é"}',
    },
  );
  assert.deepEqual(
    toRequest(settings("https://x/", { method: "POST" }), { text: "", params: {} }),
    {
      url: "https://x/",
      body: "{}",
    },
  );
});

Deno.test("a list is a pair for each item, commas in a path, and an array in a body", () => {
  const params = { ids: [1, 2n ** 63n], names: ["a,b", "c&d"], none: [] };
  assert.equal(
    urlOf("/of/:ids?id[]=:ids&by=x:names-:n", { ...params, n: 5 }, "https://x/"),
    "https://x/of/1,9223372036854775808?id[]=1&id[]=9223372036854775808" +
      "&by=xa%2Cb-5&by=xc%26d-5&none=",
  );
  assert.equal(
    urlOf("", params, "https://x/"),
    "https://x/?ids=1&ids=9223372036854775808&names=a%2Cb&names=c%26d&none=",
  );
  assert.equal(urlOf("?ids=:ids", { ids: [] }, "https://x/"), "https://x/?ids=");
  assert.equal(urlOf("?ids=:ids", { ids: null }, "https://x/"), "https://x/");
  assert.equal(
    toRequest(settings("https://x/", { method: "POST" }), { text: "", params }).body,
    '{"ids":[1,9223372036854775808],"names":["a,b","c&d"],"none":[]}',
  );
  assert.equal(
    refusal("/:ids", { ids: ["a", "../b"] }),
    "the value of :ids is empty or has a slash, and stands in its path",
  );
  assert.equal(refusal("/:ids", { ids: [] }), refusal("/:ids", { ids: "" }));
  assert.equal(
    refusal("?a=:ids-:names", params),
    ":ids and :names are lists, and stand in one pair",
  );
});

Deno.test("a value or a query that leaves the URL is refused", () => {
  const slash = "the value of :a is empty or has a slash, and stands in its path";
  for (const a of ["", null, "a/b", "a\\b", "..\\", "a\nb", "\0"]) {
    assert.equal(refusal("/:a", { a }), slash, String(a));
  }
  const dots = "a param makes a . or .. of its path";
  for (const a of [".", "..", "..;", "..;x=1", ".;"]) {
    assert.equal(refusal("/:a/x", { a }), dots, a);
  }
  assert.equal(refusal("/.:a/x", { a: ".;/" }), slash);
  assert.equal(refusal("/.:a/x", { a: "." }), dots);
  assert.equal(refusal("/:a:b/x", { a: ".", b: "." }), dots);
  for (const path of ["/../x", "/./x", "/x/..", "/%2e%2E/x", "/a%2f../x", "/..;/x"]) {
    assert.equal(refusal(path), "its path has a . or .. in it", path);
  }
  for (const text of ["/a b", "/a\\b", "/a#b", "/a\tb"]) {
    assert.equal(refusal(text), "it is a path and a query string, without spaces, \\ and #");
  }
  assert.equal(refusal("/:a"), "it names :a, which has no value");
  assert.equal(
    refusal("?a=:a", { a: "\ud800" }),
    "a value has half of a character (a lone surrogate)",
  );
});

Deno.test("a value that is refused is told of by the name of its param, as it is its caller's", () => {
  const refused = (text: string, params: Record<string, ParamValue>) => {
    try {
      urlOf(text, params);
    } catch (error) {
      return error instanceof SourceError ? error.params : error;
    }
  };
  assert.deepEqual(refused("/:org/:a", { org: "x", a: "..;" }), ["a"]);
  assert.deepEqual(refused("/:org/:a", { org: "x", a: "" }), ["a"]);
  assert.deepEqual(refused("/:a:b/x?c=:c", { a: ".", b: ".", c: "." }), ["a", "b"]);
  assert.deepEqual(refused("?a=:a", { a: "\ud800" }), ["a"]);
  assert.deepEqual(refused("", { a: "\ud800" }), ["a"]);
  // The configuration's own mistakes are not.
  assert.deepEqual(refused("/..;/x", {}), []);
});

Deno.test("whatever the values are, a request stays under the URL, and they arrive as they are", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("..", ".", "%2e%2e", "//evil.example", "@evil", "?x", "&b=1", "#", "%2F"),
  );
  fc.assert(
    fc.property(value, value, (a, b) => {
      let url: URL;
      try {
        url = new URL(urlOf("/:a/end?b=:b", { a, b, c: a }));
      } catch (error) {
        assert(error instanceof SourceError, String(error));
        return;
      }
      assert.equal(url.origin, "https://billing.internal");
      const segments = url.pathname.split("/");
      assert.deepEqual([segments.length, ...segments.slice(0, 3)], [5, "", "api", "rows"]);
      assert.equal(decodeURIComponent(segments[3]!), a);
      assert.equal(segments[4], "end");
      assert.deepEqual([...url.searchParams], [["key", "1"], ["b", b], ["c", a]]);
    }),
    { numRuns: 500 },
  );
});
