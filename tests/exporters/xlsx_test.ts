import assert from "node:assert/strict";
import { xlsx } from "../../exporters/xlsx/mod.ts";
import { exporterContract, HOSTILE_NAMES } from "../contracts/exporter_contract.ts";
import { columnLetters } from "../../exporters/xlsx/references.ts";
import { readWorkbook } from "./xlsx/read_workbook.ts";

exporterContract("xlsx", xlsx, {
  decode(bytes, header) {
    const [sheet, ...others] = readWorkbook(bytes);
    assert.ok(sheet);
    assert.equal(others.length, 0);
    const { cells, rows } = sheet;
    const [first, ...rest] = rows.map((row) =>
      header.map((_, index) => {
        const cell = cells.get(columnLetters(index) + row);
        if (cell === undefined) return null;
        return cell.type === "b" ? (cell.text === "1" ? "true" : "false") : cell.text;
      })
    );
    // Where there is no time zone in the cells, it is named above them.
    const names = first!.map((title) => title?.replace(/ \((?:UTC|Asia\/Seoul)\)$/, ""));
    assert.deepEqual(names, header);
    return rest;
  },
  hostileNames: HOSTILE_NAMES,
  renamed: 0,
  hasEnd: true,
  reads: {
    "long decimal": "12345678901234567000",
    "date": "46024",
    "datetime": "46024.12783564815",
    "datetime in a zone": "46025.127838541666",
    "time": "0.12783564814814816",
    "duration": "1.5034722222222223",
    "number in duration": "0.00001736111111111111",
  },
});
