import assert from "node:assert/strict";
import { SharedStrings } from "../../../exporters/xlsx/shared_strings.ts";

async function xmlOf(strings: SharedStrings): Promise<string> {
  return await new Blob(await Array.fromAsync(strings.xml())).text();
}

Deno.test("a text is written once, however often and in however many columns it stands", async () => {
  const strings = new SharedStrings();
  const [one, other] = [strings.column(), strings.column()];
  assert.deepEqual(["a", "b", "a"].map(one), [0, 1, 0]);
  assert.deepEqual(["b", " c & d "].map(other), [1, 2]);
  assert.equal(
    await xmlOf(strings),
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' +
      '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="5" ' +
      'uniqueCount="3"><si><t>a</t></si><si><t>b</t></si>' +
      '<si><t xml:space="preserve"> c &amp; d </t></si></sst>',
  );
});

Deno.test("a full table takes no new text, and still knows the old ones", () => {
  const byEntries = new SharedStrings({ entries: 2 });
  assert.deepEqual(["a", "b", "c", "a"].map(byEntries.column()), [0, 1, undefined, 0]);
  const byUnits = new SharedStrings({ units: 4 });
  assert.deepEqual(["abc", "de", "f", "abc"].map(byUnits.column()), [0, undefined, 1, 0]);
});

Deno.test("a column of keys gives up after 1,024 cells, and one that repeats does not", () => {
  const strings = new SharedStrings();
  const [keys, states] = [strings.column(), strings.column()];
  for (let row = 0; row < 5000; row++) {
    assert.equal(keys(`key ${row}`) !== undefined, row < 1024);
    assert.notEqual(states(`state ${row % 7}`), undefined);
  }
  assert.equal(strings.size, 1024 + 7);
});

Deno.test("a column that begins with few texts and goes on with keys gives up then", () => {
  const share = new SharedStrings().column();
  for (let row = 0; row < 3000; row++) assert.equal(share("same"), 0);
  const shared = Array.from({ length: 3000 }, (_, row) => share(`key ${row}`))
    .filter((index) => index !== undefined).length;
  assert.ok(shared >= 512 && shared < 2048, String(shared));
  assert.equal(share("same"), undefined);
});

Deno.test("what cannot be written without a warning, or is very long, stays in its cell", () => {
  const share = new SharedStrings().column();
  assert.equal(share("\ud800"), undefined);
  assert.equal(share("x".repeat(1025)), undefined);
  assert.equal(share("x".repeat(1024)), 0);
});
