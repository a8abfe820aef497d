/** How JSON arrays and NDJSON are cut into the texts of their rows, however they come. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { createJsonSplitter } from "../../../sources/http/json_rows.ts";
import { createNdjsonSplitter, type JsonSplitter } from "../../../sources/http/ndjson_rows.ts";

/** Writes pieces, takes what is there after each of them, and ends. */
function split(splitter: JsonSplitter, pieces: readonly string[]): string[] {
  const found: string[] = [];
  const take = () => {
    for (let text = splitter.next(); text !== undefined; text = splitter.next()) found.push(text);
  };
  for (const piece of pieces) {
    splitter.write(piece);
    take();
  }
  splitter.end();
  take();
  return found;
}

/** Cuts a text at these positions. */
function cut(text: string, positions: readonly number[]): string[] {
  const at = [...new Set(positions.map((position) => position % (text.length + 1)))].sort((a, b) =>
    a - b
  );
  return [0, ...at].map((start, index) => text.slice(start, at[index]));
}

const ARRAY = ' [ {"a":"]},\\"{[", "b":[1,{"c":"\\\\"}]} , [1,"x\\\\\\"]"],{}\n,\t[] , 12 ] \r\n';
const ELEMENTS = ['{"a":"]},\\"{[", "b":[1,{"c":"\\\\"}]}', '[1,"x\\\\\\"]"]', "{}", "[]", "12"];

Deno.test("an array is cut into its elements, wherever its text is cut", () => {
  assert.deepEqual(split(createJsonSplitter(1000), [ARRAY]), ELEMENTS);
  assert.deepEqual(split(createJsonSplitter(1000), [...ARRAY]), ELEMENTS);
  for (let at = 0; at <= ARRAY.length; at++) {
    assert.deepEqual(split(createJsonSplitter(1000), cut(ARRAY, [at])), ELEMENTS, `at ${at}`);
  }
  assert.deepEqual(split(createJsonSplitter(1000), ["[", " ", "]"]), []);
});

Deno.test("any rows come out of an array and of NDJSON as they went in", () => {
  const row = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()));
  fc.assert(fc.property(fc.array(row), fc.array(fc.nat(), { maxLength: 5 }), (rows, positions) => {
    const texts = rows.map((value) => JSON.stringify(value));
    const array = `[${texts.join(" ,\n")}]`;
    assert.deepEqual(split(createJsonSplitter(1e6), cut(array, positions)), texts);
    const lines = texts.join("\r\n\n");
    assert.deepEqual(
      split(createNdjsonSplitter(1e6), cut(lines, positions)).map((line) => line.trim()),
      texts,
    );
  }));
});

Deno.test("what is no array is an error", () => {
  const errorOf = (text: string) => {
    try {
      return split(createJsonSplitter(100), [text]).join();
    } catch (error) {
      return (error as Error).message;
    }
  };
  for (
    const [text, message] of [
      ["", "the array has no end"],
      ["[1", "the array has no end"],
      ['[{"a":1}', "the array has no end"],
      ['[{"a":1},', "the array has no end"],
      ['[{"a":"', "the array has no end"],
      ["{}", "expected an array"],
      ["[,]", "expected an element or ]"],
      ["[{},]", "expected an element"],
      ["[{}{}]", "expected , or ]"],
      ["[{}] []", "expected nothing after the array"],
      ["[null]", "expected an element or ]"],
      ['["a"]', "expected an element or ]"],
    ] as const
  ) assert.equal(errorOf(text), message, text);
});

Deno.test("a text has a bound, which is kept before its end is seen", () => {
  const rule = { name: "SyntaxError", message: "it is longer than 10 characters (max_row)" };
  for (const create of [createJsonSplitter, createNdjsonSplitter]) {
    for (const text of ['["aaaaaaaaaaaa"', '["aaaaaaaaaaaa"]\n']) {
      const splitter = create(10);
      splitter.write(create === createJsonSplitter ? "[" + text : text);
      assert.throws(() => splitter.next(), rule, text);
    }
    const splitter = create(10);
    splitter.write(create === createJsonSplitter ? '[["aaaaaa"],' : '["aaaaaa"]\n');
    assert.equal(splitter.next(), '["aaaaaa"]');
  }
});

Deno.test("a line ends at a line feed, and the last one at the end; empty ones are none", () => {
  assert.deepEqual(split(createNdjsonSplitter(100), ["\n", "{}\r\n \t\n", '{"a":"\\n"}']), [
    "{}\r",
    '{"a":"\\n"}',
  ]);
  // Only a line feed: other separators of lines may stand in JSON's strings.
  assert.deepEqual(split(createNdjsonSplitter(100), ['["\u2028\u2029\x85"]\n']), [
    '["\u2028\u2029\x85"]',
  ]);
});
