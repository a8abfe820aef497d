import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRange, type Selection, selectRange } from "../../routes/ranges.ts";

const WHOLE: Selection = { status: 200 };

function part(first: number, last: number, contentRange: string): Selection {
  return { status: 206, range: { first, last }, contentRange };
}

function beyond(contentRange: string): Selection {
  return { status: 416, contentRange };
}

const RANGES: readonly [range: string, size: number, selection: Selection][] = [
  // RFC 9110, 14.1.2: its own examples, of a representation of 10,000 bytes.
  ["bytes=0-499", 10_000, part(0, 499, "bytes 0-499/10000")],
  ["bytes=500-999", 10_000, part(500, 999, "bytes 500-999/10000")],
  ["bytes=-500", 10_000, part(9500, 9999, "bytes 9500-9999/10000")],
  ["bytes=9500-", 10_000, part(9500, 9999, "bytes 9500-9999/10000")],
  // The ends.
  ["bytes=0-0", 10, part(0, 0, "bytes 0-0/10")],
  ["bytes=9-9", 10, part(9, 9, "bytes 9-9/10")],
  ["bytes=9-", 10, part(9, 9, "bytes 9-9/10")],
  ["bytes=-1", 10, part(9, 9, "bytes 9-9/10")],
  ["bytes=0-", 10, part(0, 9, "bytes 0-9/10")],
  ["bytes=0-9", 10, part(0, 9, "bytes 0-9/10")],
  ["bytes=0-", 1, part(0, 0, "bytes 0-0/1")],
  // More than there is.
  ["bytes=0-10", 10, part(0, 9, "bytes 0-9/10")],
  ["bytes=3-999999999999999999999999", 10, part(3, 9, "bytes 3-9/10")],
  ["bytes=-10", 10, part(0, 9, "bytes 0-9/10")],
  ["bytes=-11", 10, part(0, 9, "bytes 0-9/10")],
  ["bytes=-999999999999999999999999", 10, part(0, 9, "bytes 0-9/10")],
  // Leading zeros are digits too, and large files have large offsets.
  ["bytes=002-0004", 10, part(2, 4, "bytes 2-4/10")],
  ["bytes=5000000000-", 5_000_000_001, part(5e9, 5e9, "bytes 5000000000-5000000000/5000000001")],
  // The unit's case, and the white space and empty elements that a list may have (5.6.1.2).
  ["BYTES=2-4", 10, part(2, 4, "bytes 2-4/10")],
  [" bytes=2-4 ", 10, part(2, 4, "bytes 2-4/10")],
  ["bytes=,2-4,", 10, part(2, 4, "bytes 2-4/10")],
  ["bytes= ,\t, 2-4", 10, part(2, 4, "bytes 2-4/10")],
  // Nothing of it is there.
  ["bytes=10-", 10, beyond("bytes */10")],
  ["bytes=10-10", 10, beyond("bytes */10")],
  ["bytes=11-20", 10, beyond("bytes */10")],
  ["bytes=999999999999999999999999-", 10, beyond("bytes */10")],
  ["bytes=-0", 10, beyond("bytes */10")],
  // An empty file: only a suffix of it could be, and no Content-Range can say so.
  ["bytes=0-", 0, beyond("bytes */0")],
  ["bytes=0-0", 0, beyond("bytes */0")],
  ["bytes=-0", 0, beyond("bytes */0")],
  ["bytes=-5", 0, WHOLE],
  // Several ranges: the whole file instead.
  ["bytes=0-0,-1", 10, WHOLE],
  ["bytes=0-0,2-3,5-6", 10, WHOLE],
  ["bytes=10-,20-", 10, WHOLE],
  // Two header fields, joined as HTTP joins them.
  ["bytes=0-1, bytes=2-3", 10, WHOLE],
  // Not ranges of bytes.
  ["bytes=4-2", 10, WHOLE],
  ["bytes=", 10, WHOLE],
  ["bytes=,", 10, WHOLE],
  ["bytes=-", 10, WHOLE],
  ["bytes", 10, WHOLE],
  ["", 10, WHOLE],
  ["=0-1", 10, WHOLE],
  ["0-1", 10, WHOLE],
  ["bytes:0-1", 10, WHOLE],
  ["bytes =0-1", 10, WHOLE],
  ["rows=0-1", 10, WHOLE],
  ["bytes=a-b", 10, WHOLE],
  ["bytes=0x1-2", 10, WHOLE],
  ["bytes=1e0-2", 10, WHOLE],
  ["bytes=1.0-2", 10, WHOLE],
  ["bytes=+1-2", 10, WHOLE],
  ["bytes=0-1-2", 10, WHOLE],
  ["bytes=--1", 10, WHOLE],
  ["bytes=1 - 2", 10, WHOLE],
  ["bytes=٠-١", 10, WHOLE],
  ["bytes=0-1;q=1", 10, WHOLE],
];

for (const [range, size, selection] of RANGES) {
  Deno.test(`Range ${JSON.stringify(range)} of ${size} bytes gives ${selection.status}`, () => {
    assert.deepEqual(parseRange(range, size), selection);
  });
}

Deno.test("a range is never empty and never outside the file, whatever the header says", () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^bytes=[0-9, -]{0,12}$/),
  );
  fc.assert(fc.property(text, fc.nat(1000), (range, size) => {
    const selection = parseRange(range, size);
    if (selection.status === 206) {
      const { first, last } = selection.range;
      assert(0 <= first && first <= last && last < size, `${first}-${last}`);
      assert.equal(selection.contentRange, `bytes ${first}-${last}/${size}`);
    } else {
      assert(selection.status === 200 || selection.status === 416);
    }
  }));
});

const FILE = { size: 10, etag: '"abc"' };
const PART = part(2, 4, "bytes 2-4/10");
const NOT_MODIFIED: Selection = { status: 304 };
const FAILED: Selection = { status: 412 };

const REQUESTS: readonly [
  what: string,
  headers: Record<string, string>,
  selection: Selection,
  method?: string,
][] = [
  ["no header", {}, WHOLE],
  ["a range", { "Range": "bytes=2-4" }, PART],
  ["a range beyond the end", { "Range": "bytes=10-" }, beyond("bytes */10")],
  ["a range of another method", { "Range": "bytes=2-4" }, WHOLE, "HEAD"],
  ["a range beyond the end of another method", { "Range": "bytes=10-" }, WHOLE, "HEAD"],

  ["If-Range with the tag", { "Range": "bytes=2-4", "If-Range": '"abc"' }, PART],
  ["If-Range with another tag", { "Range": "bytes=2-4", "If-Range": '"abd"' }, WHOLE],
  ["If-Range with a weak tag", { "Range": "bytes=2-4", "If-Range": 'W/"abc"' }, WHOLE],
  ["If-Range without quotes", { "Range": "bytes=2-4", "If-Range": "abc" }, WHOLE],
  ["If-Range with a list", { "Range": "bytes=2-4", "If-Range": '"abc", "abd"' }, WHOLE],
  ["If-Range with a date", {
    "Range": "bytes=2-4",
    "If-Range": "Fri, 02 Jan 2026 03:04:05 GMT",
  }, WHOLE],
  ["another file and a range beyond it", {
    "Range": "bytes=10-",
    "If-Range": '"abd"',
  }, WHOLE],
  ["If-Range and no range", { "If-Range": '"abd"' }, WHOLE],

  ["If-None-Match with the tag", { "If-None-Match": '"abc"' }, NOT_MODIFIED],
  ["If-None-Match with the tag, weak", { "If-None-Match": 'W/"abc"' }, NOT_MODIFIED],
  ["If-None-Match with *", { "If-None-Match": "*" }, NOT_MODIFIED],
  ["If-None-Match with another tag", { "If-None-Match": '"abd"' }, WHOLE],
  ["If-None-Match with the tag in a list", {
    "If-None-Match": '"x,y" , W/"z","abc"',
  }, NOT_MODIFIED],
  ["If-None-Match with the tag as part of one", { "If-None-Match": '"x,abc,y"' }, WHOLE],
  ["If-None-Match without quotes", { "If-None-Match": "abc" }, WHOLE],
  ["If-None-Match of HEAD", { "If-None-Match": '"abc"' }, NOT_MODIFIED, "HEAD"],
  ["If-None-Match with the tag goes before a range", {
    "If-None-Match": '"abc"',
    "Range": "bytes=2-4",
  }, NOT_MODIFIED],
  ["If-None-Match with another tag leaves a range", {
    "If-None-Match": '"abd"',
    "Range": "bytes=2-4",
  }, PART],

  ["If-Match with the tag leaves a range", { "If-Match": '"abc"', "Range": "bytes=2-4" }, PART],
  ["If-Match with *", { "If-Match": "*" }, WHOLE],
  ["If-Match with the tag in a list", { "If-Match": '"abd", "abc"' }, WHOLE],
  ["If-Match with another tag", { "If-Match": '"abd"', "Range": "bytes=2-4" }, FAILED],
  ["If-Match with the tag, weak", { "If-Match": 'W/"abc"' }, FAILED],
  ["If-Match goes before If-None-Match", {
    "If-Match": '"abd"',
    "If-None-Match": '"abc"',
  }, FAILED],
];

for (const [what, headers, selection, method = "GET"] of REQUESTS) {
  Deno.test(`${what} gives ${selection.status}`, () => {
    assert.deepEqual(selectRange(method, new Headers(headers), FILE), selection);
  });
}
