import assert from "node:assert/strict";
import { contentTypesXml } from "../../../exporters/xlsx/content_types.ts";
import { relationshipsXml } from "../../../exporters/xlsx/relationships.ts";
import { workbookXml } from "../../../exporters/xlsx/workbook.ts";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

Deno.test("the content types of a workbook of two sheets", () => {
  const main = "application/vnd.openxmlformats-officedocument.spreadsheetml";
  assert.equal(
    contentTypesXml([
      { type: "workbook", path: "xl/workbook.xml" },
      { type: "worksheet", path: "xl/worksheets/sheet1.xml" },
      { type: "worksheet", path: "xl/worksheets/sheet2.xml" },
      { type: "styles", path: "xl/styles.xml" },
    ]),
    DECLARATION +
      '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">' +
      '<Default Extension="rels"' +
      ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
      '<Default Extension="xml" ContentType="application/xml"/>' +
      `<Override PartName="/xl/workbook.xml" ContentType="${main}.sheet.main+xml"/>` +
      `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${main}.worksheet+xml"/>` +
      `<Override PartName="/xl/worksheets/sheet2.xml" ContentType="${main}.worksheet+xml"/>` +
      `<Override PartName="/xl/styles.xml" ContentType="${main}.styles+xml"/></Types>`,
  );
});

Deno.test("relationships number themselves", () => {
  const types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  assert.equal(
    relationshipsXml([
      { type: "worksheet", target: "worksheets/sheet1.xml" },
      { type: "styles", target: "styles.xml" },
    ]),
    DECLARATION +
      '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">' +
      `<Relationship Id="rId1" Type="${types}/worksheet" Target="worksheets/sheet1.xml"/>` +
      `<Relationship Id="rId2" Type="${types}/styles" Target="styles.xml"/></Relationships>`,
  );
});

Deno.test("every other kind of part has its type, and its relationship", () => {
  const office = "application/vnd.openxmlformats-officedocument";
  for (
    const [type, contentType, relationship] of [
      ["table", `${office}.spreadsheetml.table`, "officeDocument/2006/relationships/table"],
      [
        "sharedStrings",
        `${office}.spreadsheetml.sharedStrings`,
        "officeDocument/2006/relationships/sharedStrings",
      ],
      [
        "coreProperties",
        "application/vnd.openxmlformats-package.core-properties",
        "package/2006/relationships/metadata/core-properties",
      ],
      [
        "extendedProperties",
        `${office}.extended-properties`,
        "officeDocument/2006/relationships/extended-properties",
      ],
    ] as const
  ) {
    assert.match(
      contentTypesXml([{ type, path: "a/b.xml" }]),
      new RegExp(`<Override PartName="/a/b.xml" ContentType="${contentType}\\+xml"/>`),
    );
    assert.match(
      relationshipsXml([{ type, target: "b.xml" }]),
      new RegExp(
        `Id="rId1" Type="http://schemas.openxmlformats.org/${relationship}" Target="b.xml"`,
      ),
    );
  }
});

const WORKBOOK = DECLARATION +
  '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"' +
  ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">' +
  "<bookViews><workbookView/></bookViews>";

Deno.test("the workbook lists its sheets and the range of each filter", () => {
  assert.equal(
    workbookXml([
      { name: "Ann's & co", filterColumns: 27, rows: 1_048_576 },
      { name: "Ann's & co (2)", filterColumns: 27, rows: 3 },
    ]),
    WORKBOOK +
      '<sheets><sheet name="Ann\'s &amp; co" sheetId="1" r:id="rId1"/>' +
      '<sheet name="Ann\'s &amp; co (2)" sheetId="2" r:id="rId2"/></sheets><definedNames>' +
      '<definedName name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">' +
      "'Ann''s &amp; co'!$A$1:$AA$1048576</definedName>" +
      '<definedName name="_xlnm._FilterDatabase" localSheetId="1" hidden="1">' +
      "'Ann''s &amp; co (2)'!$A$1:$AA$3</definedName></definedNames></workbook>",
  );
});

Deno.test("a workbook without filters defines no names", () => {
  assert.equal(
    workbookXml([{ name: "Sheet", filterColumns: 0, rows: 3 }]),
    WORKBOOK + '<sheets><sheet name="Sheet" sheetId="1" r:id="rId1"/></sheets></workbook>',
  );
});

Deno.test("a workbook says which sheet is shown first, if it is not the first", () => {
  const sheets = ["About", "Rows"].map((name) => ({ name, filterColumns: 0, rows: 3 }));
  assert.match(workbookXml(sheets, 1), /<bookViews><workbookView activeTab="1"\/><\/bookViews>/);
});
