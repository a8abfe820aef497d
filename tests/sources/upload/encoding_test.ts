/** Texts of every encoding that spreadsheets write are read as the same cells. */

import assert from "node:assert/strict";
import { openCsv } from "../../../sources/upload/csv/mod.ts";
import { openJson } from "../../../sources/upload/json.ts";
import { read } from "./upload.ts";

/** Texts as `iconv` wrote them in an encoding: first a short one, then one with more words. */
const ENCODED: Readonly<Record<string, readonly (readonly [text: string, base64: string])[]>> = {
  "euc-kr": [
    ["이름,나이\n홍길동,30\n", "wMy4pyyzqsDMCsirsea1vywzMAo="],
    [
      "이름,부서\n김철수,영업부\n이영희,쀍똠방\n",
      "wMy4pyy6zrytCrHow7a89iy/tb73us4KwMy/tcjxLJfNjGO55go=",
    ],
  ],
  "shift_jis": [
    ["氏名,年齢\n田中,30\n", "joGWvCyUTpfuCpNjkoYsMzAK"],
    [
      "名前,部署\n山田太郎,営業部\nカタカナ,ひらがな①\n",
      "lryRTyyVlI+QCo5Sk2ORvphZLIlji8aVlAqDSoNeg0qDaSyC0ILngqqCyIdACg==",
    ],
  ],
  "euc-jp": [
    [
      "名前,部署\n山田太郎,営業部\nカタカナ,ひらがな\n",
      "zL7BsCzJ9L3wCruzxcTCwM+6LLHEtsjJ9Aqlq6W/paulyiyk0qTppKykygo=",
    ],
  ],
  "gb18030": [
    ["姓名,年龄\n张伟,30\n", "0NXD+yzE6sHkCtXFzrAsMzAK"],
    [
      "姓名,部门\n李四,人事部\n王五,研发中心€\n",
      "0NXD+yyyv8PFCsDuy8QsyMvKwrK/Cs31zuUs0dC3otbQ0MSi4wo=",
    ],
  ],
  "big5": [
    ["姓名,部門\n張三,銷售部\n李四,人事部\n", "qW2mVyyzoar5CrFppFQsvlCw4rOhCqf1pXwspEioxrOhCg=="],
  ],
  "windows-1252": [
    ["id,name\n1,José\n2,Anna\n", "aWQsbmFtZQoxLEpvc+kKMixBbm5hCg=="],
    [
      "Prénom,Société €\nRené,Café de l’Été\nZoé,Crêperie Élise\n",
      "UHLpbm9tLFNvY2npdOkggApSZW7pLENhZukgZGUgbJLJdOkKWm/pLENy6nBlcmllIMlsaXNlCg==",
    ],
  ],
  "windows-1250": [
    [
      "Imię,Miasto\nMałgorzata,Łódź\nStanisław,Gdańsk\nZbigniew,Częstochowa\n",
      "SW1p6ixNaWFzdG8KTWGzZ29yemF0YSyj82SfClN0YW5pc7NhdyxHZGHxc2sKWmJpZ25pZXcsQ3rqc3RvY2hvd2EK",
    ],
  ],
  "windows-1251": [
    [
      "Имя,Отдел\nИван Петров,Продажи\nМария Сидорова,Кадры\n",
      "yOz/LM7y5OXrCsji4O0gz+Xy8O7iLM/w7uTg5ugKzODw6P8g0ejk7vDu4uAsyuDk8PsK",
    ],
  ],
  "windows-1253": [
    [
      "Όνομα,Πόλη\nΓιώργος,Αθήνα\nΜαρία,Θεσσαλονίκη\n",
      "vO3v7OEs0Pzr5wrD6f7x4+/yLMHo3u3hCszh8d/hLMjl8/Ph6+/t3+rnCg==",
    ],
  ],
  "windows-1254": [
    [
      "İsim,Şehir\nAyşe Yılmaz,İstanbul\nÇağlar Öztürk,Eskişehir\nIşık,Muğla\n",
      "3XNpbSzeZWhpcgpBef5lIFn9bG1heizdc3RhbmJ1bArHYfBsYXIg1np0/HJrLEVza2n+ZWhpcgpJ/v1rLE118GxhCg==",
    ],
  ],
  "windows-1255": [
    [
      "שם,עיר\nדוד כהן,תל אביב\nשרה לוי,ירושלים\nשם,עיר\nדוד כהן,תל אביב\nשרה לוי,ירושלים\nשם,עיר\nדוד כהן,תל אביב\nשרה לוי,ירושלים\nשם,עיר\nדוד כהן,תל אביב\nשרה לוי,ירושלים\n",
      "+e0s8un4CuPl4yDr5O8s+uwg4OHp4Qr5+OQg7OXpLOn45fns6e0K+e0s8un4CuPl4yDr5O8s+uwg4OHp4Qr5+OQg7OXpLOn45fns6e0K+e0s8un4CuPl4yDr5O8s+uwg4OHp4Qr5+OQg7OXpLOn45fns6e0K+e0s8un4CuPl4yDr5O8s+uwg4OHp4Qr5+OQg7OXpLOn45fns6e0K",
    ],
  ],
  "windows-1256": [
    [
      "الاسم,المدينة\nمحمد علي,القاهرة\nفاطمة,الرياض\n",
      "x+HH0+Msx+Hjz+3kyQrjzePPINrh7SzH4d7H5dHJCt3H2OPJLMfh0e3H1go=",
    ],
  ],
  "windows-1257": [
    [
      "Vardas,Miestas\nŽydrūnas,Šiauliai\nJūratė,Klaipėda\nVardas,Miestas\nŽydrūnas,Šiauliai\nJūratė,Klaipėda\nVardas,Miestas\nŽydrūnas,Šiauliai\nJūratė,Klaipėda\nVardas,Miestas\nŽydrūnas,Šiauliai\nJūratė,Klaipėda\n",
      "VmFyZGFzLE1pZXN0YXMK3nlkcvtuYXMs0GlhdWxpYWkKSvtyYXTrLEtsYWlw62RhClZhcmRhcyxNaWVzdGFzCt55ZHL7bmFzLNBpYXVsaWFpCkr7cmF06yxLbGFpcOtkYQpWYXJkYXMsTWllc3RhcwreeWRy+25hcyzQaWF1bGlhaQpK+3JhdOssS2xhaXDrZGEKVmFyZGFzLE1pZXN0YXMK3nlkcvtuYXMs0GlhdWxpYWkKSvtyYXTrLEtsYWlw62RhCg==",
    ],
  ],
  "windows-874": [
    [
      "ชื่อ,เมือง\nสมชาย ใจดี,กรุงเทพ\nสมหญิง,เชียงใหม่\n",
      "qtfozSzgwdfNpwrKwarSwiDjqLTVLKHD2Kfgt74KysHLrdSnLOCq1cKn48vB6Ao=",
    ],
  ],
  "koi8-r": [
    [
      "Имя,Отдел\nИван Петров,Продажи\nМария Сидорова,Кадры\n",
      "6c3RLO/UxMXMCunXwc4g8MXU0s/XLPDSz8TB1skK7cHSydEg88nEz9LP18Es68HE0tkK",
    ],
  ],
};

/** The cells of a text without quotes. */
const cellsOf = (text: string) =>
  text.trimEnd().split("\n").map((line) =>
    line.split(",").map((cell) => cell === "30" ? 30 : cell)
  );

Deno.test("an older encoding is guessed and said, or told", async () => {
  for (const [label, texts] of Object.entries(ENCODED)) {
    for (const [text, base64] of texts) {
      const bytes = Uint8Array.fromBase64(base64);
      const guessed = await read(bytes, openCsv, { header: false });
      assert.deepEqual(guessed.notes, { [`encoding-guessed ${label}`]: 1 }, text);
      const told = await read(bytes, openCsv, { header: false, encoding: label });
      assert.deepEqual(told.notes, {});
      for (const { rows } of [guessed, told]) {
        assert.deepEqual(
          rows.map((row) => row.map(String)),
          cellsOf(text).map((row) => row.map(String)),
        );
      }
    }
  }
});

/** UTF-16 of a text. */
function utf16(text: string, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * text.length));
  for (let at = 0; at < text.length; at++) {
    view.setUint16(2 * at, text.charCodeAt(at), littleEndian);
  }
  return new Uint8Array(view.buffer);
}

Deno.test("UTF-8 and UTF-16 are read with a mark and without, as CSV and as JSON", async () => {
  const text = 'name,größe\n한국어 🎉,5\n"a\nb",6\n';
  const json = '[{"name": "한국어 🎉", "größe": 5}, {"name": "a\\nb", "größe": 6}]';
  for (const mark of ["", "\ufeff"]) {
    const encodings = [
      (text: string) => new TextEncoder().encode(text),
      (text: string) => utf16(text, true),
      (text: string) => utf16(text, false),
    ];
    for (const encode of encodings) {
      const { columns, rows, notes } = await read(encode(mark + text), openCsv);
      assert.deepEqual(columns, ["name:string", "größe:integer"]);
      assert.deepEqual(rows, [["한국어 🎉", 5], ["a\nb", 6]]);
      assert.deepEqual(notes, {});
      const array = await read(
        encode(mark + json),
        (open, context) => openJson(open, context, false),
      );
      assert.deepEqual([array.columns, array.rows], [columns, rows]);
    }
  }
});

Deno.test("an accent far down is seen, and no character is halved where pieces end", async () => {
  const lines = "1234567,abc\n".repeat(100_000);
  const latin = new Uint8Array([...new TextEncoder().encode(lines), 0x31, 0x2c, 0xe9, 0x0a]);
  const { rows, notes } = await read(latin, openCsv, { maxCells: 1e7 });
  assert.deepEqual(rows.at(-1), [1, "é"]);
  assert.deepEqual(notes, { "encoding-guessed windows-1252": 1 });
  for (const shift of [0, 1, 2, 3]) {
    const text = `a${"x".repeat(shift)},${"🎉".repeat(200_000)}\n1,2\n`;
    const { columns, notes } = await read(text, openCsv);
    assert.equal(columns[1], `${"🎉".repeat(200_000)}:integer`);
    assert.deepEqual(notes, {});
  }
});

Deno.test("bytes that are no text are replaced, and counted", async () => {
  const bytes = new TextEncoder().encode("a,b\n1,x?y\n2,\ufffd\n3,é\n");
  bytes[bytes.indexOf(0x3f)] = 0xff;
  const { rows, notes } = await read(bytes, openCsv, { encoding: "utf-8" });
  assert.deepEqual(rows, [[1, "x\ufffdy"], [2, "\ufffd"], [3, "é"]]);
  assert.deepEqual(notes, { "invalid-text": 1 });
});
