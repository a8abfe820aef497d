import assert from "node:assert/strict";
import fc from "fast-check";
import { markup, XmlBytes } from "../../../exporters/xlsx/xml_bytes.ts";
import { hasOuterSpace, xmlText } from "../../../exporters/xlsx/xml_text.ts";
import { written } from "./written.ts";

Deno.test("markup of every length is written as it is, and ends where it ends", () => {
  for (let length = 0; length < 20; length++) {
    const text = "<abcdefghijklmnopqr>".slice(0, length);
    const twice = (xml: XmlBytes) => {
      xml.addMarkup(markup(text));
      xml.addMarkup(markup(text));
    };
    assert.equal(written(twice), text + text);
  }
});

Deno.test("the number of a row stands in the row and in its cells", () => {
  const rows = [1, 9, 10, 1_048_576, 7].map((number) =>
    written((xml) => {
      xml.startRow(markup("<row "), number, markup(">"));
      xml.startCell(markup("<A"), markup("/>"));
    })
  );
  assert.deepEqual(rows, [
    "<row 1><A1/>",
    "<row 9><A9/>",
    "<row 10><A10/>",
    "<row 1048576><A1048576/>",
    "<row 7><A7/>",
  ]);
});

Deno.test("a shorter row number after a longer one has its own digits alone", () => {
  const text = written((xml) => {
    for (const number of [1_048_576, 2]) {
      xml.startRow(markup("<"), number, markup(">"));
      xml.startCell(markup("A"), markup(";"));
    }
  });
  assert.equal(text, "<1048576>A1048576;<2>A2;");
});

/** Text as {@linkcode XmlBytes.addPlain} writes it; nothing where it does not. */
function plain(text: string): string | undefined {
  let taken = false;
  const xml = written((xml) => {
    xml.makeRoom(text.length);
    taken = xml.addPlain(text);
  });
  assert.equal(taken || xml === "", true, "what is not taken leaves nothing");
  return taken ? xml : undefined;
}

Deno.test("text is plain where it is its own XML and says all by itself", () => {
  for (
    const text of [
      "a&b",
      "<",
      ">",
      "\x01",
      "\r",
      // It may stand for what was no text.
      "\ufffd",
      "\ufffe",
      "😀",
      "\ud800",
      "_x0041_",
      " a",
      "a\n",
    ]
  ) {
    assert.equal(plain(text), undefined, JSON.stringify(text));
  }
  for (const text of ["", "a", "a b", "snake_case", "안녕", "é", "a\tb\nc", "\x7f\x80\ufffc"]) {
    assert.equal(plain(text), text, JSON.stringify(text));
  }
});

Deno.test("any text that is plain needs no escape, and comes back", () => {
  const unit = fc.oneof(
    fc.constantFrom("_", "x", " ", "&", "\t", "\u007f", "\u0080", "\u07ff", "\u0800", "\ufffd"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  );
  fc.assert(fc.property(fc.array(unit), (units) => {
    const text = units.join("");
    const xml = plain(text);
    if (xml === undefined) return;
    assert.equal(xml, text);
    assert.equal(xmlText(text), text);
    assert.equal(hasOuterSpace(text), false);
  }));
});

Deno.test("whole numbers are written with all their digits", () => {
  for (const number of [0, 1, 9, 10, 99, 100, 1_048_576, 999_999_999, 2 ** 31 - 1]) {
    assert.equal(written((xml) => xml.addInteger(number)), String(number));
  }
});

Deno.test("a serial has the digits that JavaScript gives it, each second of days near and far", () => {
  for (const day of [0, 61, 32_767, 32_768, 32_769, 46_023, 65_535, 65_536, 2_958_465]) {
    const wrong: number[] = [];
    for (let second = 0; second < 86_400; second++) {
      const serial = day + second / 86_400;
      if (written((xml) => xml.addSerial(serial)) !== String(serial)) wrong.push(serial);
    }
    assert.deepEqual(wrong, [], `day ${day}`);
  }
});

Deno.test("a serial between two seconds has its own digits", () => {
  for (const serial of [46_023.123456789, 46_023.1 + 2 ** -37, 46_023 + 2 ** -37, 0.5, 1.25]) {
    assert.equal(written((xml) => xml.addSerial(serial)), String(serial));
  }
});

Deno.test("what is longer than the buffer makes it grow, and what was there stays", () => {
  const long = "é&".repeat(50_000);
  const text = written((xml) => {
    xml.addMarkup(markup("before"));
    xml.addXml(long);
    xml.startCell(markup("<"), markup(">"), 10_000);
    assert.ok(xml.addPlain("x".repeat(10_000)));
  });
  assert.equal(text, `before${long}<>${"x".repeat(10_000)}`);
});

Deno.test("what is taken is nobody else's, and the next begins empty", () => {
  const xml = new XmlBytes(16);
  xml.addXml("first");
  const first = xml.take();
  assert.equal(xml.length, 0);
  xml.addXml("other");
  assert.equal(new TextDecoder().decode(first), "first");
  assert.equal(new TextDecoder().decode(xml.take()), "other");
});

Deno.test("a row that ZIP64 would be needed for is refused", () => {
  assert.throws(
    () => new XmlBytes(16).makeRoom(2 ** 29),
    new RangeError("Cannot write a row to a worksheet: it takes more than 1073741824 bytes"),
  );
});
