/** A workbook of every part, written by hand: what the checker of parts must find no fault with. */

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml";

function relationships(lines: string): string {
  return `<Relationships xmlns="${PACKAGE}/relationships">${lines}</Relationships>`;
}

const PARTS: Readonly<Record<string, string>> = {
  "_rels/.rels": relationships(
    `<Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/>` +
      `<Relationship Id="rId2" Type="${PACKAGE}/relationships/metadata/core-properties"` +
      ' Target="docProps/core.xml"/>' +
      `<Relationship Id="rId3" Type="${OFFICE}/extended-properties" Target="docProps/app.xml"/>`,
  ),
  "docProps/core.xml": `<cp:coreProperties xmlns:cp="${PACKAGE}/metadata/core-properties"` +
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"' +
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
    "<dc:title>T</dc:title><dc:creator>C</dc:creator>" +
    '<dcterms:created xsi:type="dcterms:W3CDTF">2026-01-02T03:04:05Z</dcterms:created>' +
    "</cp:coreProperties>",
  "docProps/app.xml":
    '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">' +
    "<Application>A</Application></Properties>",
  "xl/workbook.xml": `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}">` +
    "<bookViews><workbookView/></bookViews>" +
    '<sheets><sheet name="One" sheetId="1" r:id="rId1"/><sheet name="It\'s" sheetId="2" r:id="rId2"/>' +
    '</sheets><definedNames><definedName name="_xlnm._FilterDatabase" localSheetId="1" hidden="1">' +
    "'It''s'!$A$1:$A$2</definedName></definedNames></workbook>",
  "xl/_rels/workbook.xml.rels": relationships(
    `<Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>` +
      `<Relationship Id="rId2" Type="${OFFICE}/worksheet" Target="worksheets/sheet2.xml"/>` +
      `<Relationship Id="rId3" Type="${OFFICE}/styles" Target="styles.xml"/>` +
      `<Relationship Id="rId4" Type="${OFFICE}/sharedStrings" Target="sharedStrings.xml"/>`,
  ),
  "xl/worksheets/sheet1.xml": `<worksheet xmlns="${MAIN}" xmlns:r="${OFFICE}">` +
    '<dimension ref="A1:C2"/>' +
    '<sheetViews><sheetView tabSelected="1" workbookViewId="0">' +
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' +
    '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>' +
    '<sheetFormatPr defaultRowHeight="15"/>' +
    '<cols><col min="1" max="2" width="8.5" customWidth="1"/><col min="3" max="3" width="9"/></cols>' +
    '<sheetData><row r="1"><c r="A1" s="1" t="inlineStr"><is><t>a</t></is></c>' +
    '<c r="B1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>' +
    '<row r="2"><c r="A2" s="2"><v>-1.5E-7</v></c><c r="B2" t="b"><v>1</v></c>' +
    '<c r="C2" t="str"><f>HYPERLINK("https://a.example")</f><v>https://a.example</v></c></row>' +
    '</sheetData><tableParts count="1"><tablePart r:id="rId1"/></tableParts></worksheet>',
  "xl/worksheets/_rels/sheet1.xml.rels": relationships(
    `<Relationship Id="rId1" Type="${OFFICE}/table" Target="../tables/table1.xml"/>`,
  ),
  "xl/tables/table1.xml": `<table xmlns="${MAIN}" id="1" name="One" displayName="One" ref="A1:C2"` +
    ' totalsRowShown="0"><autoFilter ref="A1:C2"/><tableColumns count="3">' +
    '<tableColumn id="1" name="a"/><tableColumn id="2" name="b"/><tableColumn id="3" name="c_x000a_"/>' +
    '</tableColumns><tableStyleInfo name="TableStyleMedium2" showRowStripes="1"/></table>',
  "xl/worksheets/sheet2.xml": `<worksheet xmlns="${MAIN}"><sheetData>` +
    '<row r="1"><c r="A1" t="inlineStr"><is><t xml:space="preserve"> </t></is></c></row>' +
    '<row r="2"><c r="A2" t="s"><v>0</v></c></row></sheetData><autoFilter ref="A1:A2"/></worksheet>',
  "xl/styles.xml": `<styleSheet xmlns="${MAIN}">` +
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="0.0"/></numFmts>' +
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>' +
    '<font><b/><sz val="11"/><color rgb="FF000000"/><name val="Calibri"/></font></fonts>' +
    '<fills count="2"><fill><patternFill patternType="none"/></fill>' +
    '<fill><patternFill patternType="gray125"/></fill></fills>' +
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyAlignment="1">' +
    '<alignment horizontal="center"/></xf>' +
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>' +
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
  "xl/sharedStrings.xml": `<sst xmlns="${MAIN}" count="3" uniqueCount="2">` +
    '<si><t>b</t></si><si><t xml:space="preserve">c\n</t></si></sst>',
  "[Content_Types].xml": `<Types xmlns="${PACKAGE}/content-types">` +
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    '<Default Extension="xml" ContentType="application/xml"/>' +
    '<Override PartName="/docProps/core.xml"' +
    ' ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>' +
    '<Override PartName="/docProps/app.xml"' +
    ' ContentType="application/vnd.openxmlformats-officedocument.extended-properties+xml"/>' +
    `<Override PartName="/xl/workbook.xml" ContentType="${SPREADSHEET}.sheet.main+xml"/>` +
    `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${SPREADSHEET}.worksheet+xml"/>` +
    `<Override PartName="/xl/worksheets/sheet2.xml" ContentType="${SPREADSHEET}.worksheet+xml"/>` +
    `<Override PartName="/xl/tables/table1.xml" ContentType="${SPREADSHEET}.table+xml"/>` +
    `<Override PartName="/xl/styles.xml" ContentType="${SPREADSHEET}.styles+xml"/>` +
    `<Override PartName="/xl/sharedStrings.xml" ContentType="${SPREADSHEET}.sharedStrings+xml"/>` +
    "</Types>",
};

/** Its parts by name. */
export function sampleParts(): Map<string, string> {
  return new Map(Object.entries(PARTS).map(([name, xml]) => [name, DECLARATION + xml]));
}
