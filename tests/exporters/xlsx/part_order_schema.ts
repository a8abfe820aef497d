/** The elements of a workbook's parts: their children in order, their attributes, and the clause. */

/** What an element may hold. */
export interface ElementRule {
  /** Where ECMA-376 says so: part 1 (transitional schema of part 4), or part 2 where named. */
  readonly clause: string;
  /**
   * Child elements in order, each with `?` for at most one, `*` for any number, `+` for one at
   * least and nothing for exactly one; `#text` for text; `&` first where any order will do.
   */
  readonly children: string;
  /** Attributes, those that must be there with `!`. */
  readonly attributes: string;
}

/** The namespaces of the parts, each with the prefix that this table names it by. */
export const NAMESPACES: Readonly<Record<string, string>> = {
  "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "",
  "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r:",
  "http://schemas.openxmlformats.org/package/2006/content-types": "types:",
  "http://schemas.openxmlformats.org/package/2006/relationships": "rels:",
  "http://schemas.openxmlformats.org/package/2006/metadata/core-properties": "cp:",
  "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties": "app:",
  "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes": "vt:",
  "http://purl.org/dc/elements/1.1/": "dc:",
  "http://purl.org/dc/terms/": "dcterms:",
  "http://www.w3.org/2001/XMLSchema-instance": "xsi:",
  "http://www.w3.org/XML/1998/namespace": "xml:",
};

/** A worksheet (18.3). Children that have no rule of their own are none that an export writes. */
const WORKSHEET = {
  worksheet: rule(
    "18.3.1.99",
    "sheetPr? dimension? sheetViews? sheetFormatPr? cols* sheetData sheetCalcPr? " +
      "sheetProtection? protectedRanges? scenarios? autoFilter? sortState? dataConsolidate? " +
      "customSheetViews? mergeCells? phoneticPr? conditionalFormatting* dataValidations? " +
      "hyperlinks? printOptions? pageMargins? pageSetup? headerFooter? rowBreaks? colBreaks? " +
      "customProperties? cellWatches? ignoredErrors? smartTags? drawing? legacyDrawing? " +
      "legacyDrawingHF? drawingHF? picture? oleObjects? controls? webPublishItems? tableParts? " +
      "extLst?",
  ),
  sheetPr: rule(
    "18.3.1.82",
    "tabColor? outlinePr? pageSetUpPr?",
    "syncHorizontal syncVertical syncRef transitionEvaluation transitionEntry published " +
      "codeName filterMode enableFormatConditionsCalculation",
  ),
  pageSetUpPr: rule("18.3.1.65", "", "autoPageBreaks fitToPage"),
  dimension: rule("18.3.1.35", "", "ref!"),
  sheetViews: rule("18.3.1.88", "sheetView+ extLst?"),
  sheetView: rule(
    "18.3.1.87",
    "pane? selection* pivotSelection* extLst?",
    "windowProtection showFormulas showGridLines showRowColHeaders showZeros rightToLeft " +
      "tabSelected showRuler showOutlineSymbols defaultGridColor showWhiteSpace view " +
      "topLeftCell colorId zoomScale zoomScaleNormal zoomScaleSheetLayoutView " +
      "zoomScalePageLayoutView workbookViewId!",
  ),
  pane: rule("18.3.1.66", "", "xSplit ySplit topLeftCell activePane state"),
  selection: rule("18.3.1.78", "", "pane activeCell activeCellId sqref"),
  sheetFormatPr: rule(
    "18.3.1.81",
    "",
    "baseColWidth defaultColWidth defaultRowHeight! customHeight zeroHeight thickTop " +
      "thickBottom outlineLevelRow outlineLevelCol",
  ),
  cols: rule("18.3.1.17", "col+"),
  col: rule(
    "18.3.1.13",
    "",
    "min! max! width style hidden bestFit customWidth phonetic outlineLevel collapsed",
  ),
  sheetData: rule("18.3.1.80", "row*"),
  row: rule(
    "18.3.1.73",
    "c* extLst?",
    "r spans s customFormat ht hidden customHeight outlineLevel collapsed thickTop thickBot ph",
  ),
  c: rule("18.3.1.4", "f? v? is? extLst?", "r s t cm vm ph"),
  // A formula is an ordinary one: none of its attributes is written.
  f: rule("18.3.1.40", "#text"),
  v: rule("18.3.1.96", "#text", "xml:space"),
  is: rule("18.3.1.53", "t? r* rPh* phoneticPr?"),
  t: rule("18.4.12", "#text", "xml:space"),
  autoFilter: rule("18.3.1.2", "filterColumn* sortState? extLst?", "ref"),
  hyperlinks: rule("18.3.1.48", "hyperlink+"),
  hyperlink: rule("18.3.1.47", "", "ref! r:id location tooltip display"),
  mergeCells: rule("18.3.1.55", "mergeCell+", "count"),
  mergeCell: rule("18.3.1.54", "", "ref!"),
  ignoredErrors: rule("18.3.1.51", "ignoredError+ extLst?"),
  ignoredError: rule(
    "18.3.1.50",
    "",
    "sqref! evalError twoDigitTextYear numberStoredAsText formula formulaRange " +
      "unlockedFormula emptyCellReference listDataValidation calculatedColumn",
  ),
  pageMargins: rule("18.3.1.62", "", "left! right! top! bottom! header! footer!"),
  tableParts: rule("18.3.1.95", "tablePart*", "count"),
  tablePart: rule("18.3.1.94", "", "r:id!"),
};

/** The table of a worksheet (18.5), and the table of shared strings (18.4). */
const TABLES = {
  table: rule(
    "18.5.1.2",
    "autoFilter? sortState? tableColumns tableStyleInfo? extLst?",
    "id! name displayName! comment ref! tableType headerRowCount insertRow insertRowShift " +
      "totalsRowCount totalsRowShown published headerRowDxfId dataDxfId totalsRowDxfId " +
      "headerRowBorderDxfId tableBorderDxfId totalsRowBorderDxfId headerRowCellStyle " +
      "dataCellStyle totalsRowCellStyle connectionId",
  ),
  tableColumns: rule("18.5.1.4", "tableColumn+", "count"),
  tableColumn: rule(
    "18.5.1.3",
    "calculatedColumnFormula? totalsRowFormula? xmlColumnPr? extLst?",
    "id! uniqueName name! totalsRowFunction totalsRowLabel queryTableFieldId headerRowDxfId " +
      "dataDxfId totalsRowDxfId headerRowCellStyle dataCellStyle totalsRowCellStyle",
  ),
  tableStyleInfo: rule(
    "18.5.1.5",
    "",
    "name showFirstColumn showLastColumn showRowStripes showColumnStripes",
  ),
  sst: rule("18.4.9", "si* extLst?", "count uniqueCount"),
  si: rule("18.4.8", "t? r* rPh* phoneticPr?"),
};

/** The workbook (18.2). */
const WORKBOOK = {
  workbook: rule(
    "18.2.27",
    "fileVersion? fileSharing? workbookPr? workbookProtection? bookViews? sheets " +
      "functionGroups? externalReferences? definedNames? calcPr? oleSize? customWorkbookViews? " +
      "pivotCaches? smartTagPr? smartTagTypes? webPublishing? fileRecoveryPr* " +
      "webPublishObjects? extLst?",
    "conformance",
  ),
  fileVersion: rule("18.2.13", "", "appName lastEdited lowestEdited rupBuild codeName"),
  workbookPr: rule(
    "18.2.28",
    "",
    "date1904 showObjects showBorderUnselectedTables filterPrivacy promptedSolutions " +
      "showInkAnnotation backupFile saveExternalLinkValues updateLinks codeName " +
      "hidePivotFieldList showPivotChartFilter allowRefreshQuery publishItems checkCompatibility " +
      "autoCompressPictures refreshAllConnections defaultThemeVersion",
  ),
  bookViews: rule("18.2.1", "workbookView+"),
  workbookView: rule(
    "18.2.30",
    "extLst?",
    "visibility minimized showHorizontalScroll showVerticalScroll showSheetTabs xWindow " +
      "yWindow windowWidth windowHeight tabRatio firstSheet activeTab autoFilterDateGrouping",
  ),
  sheets: rule("18.2.20", "sheet+"),
  sheet: rule("18.2.19", "", "name! sheetId! state r:id!"),
  definedNames: rule("18.2.6", "definedName*"),
  definedName: rule(
    "18.2.5",
    "#text",
    "name! comment customMenu description help statusBar localSheetId hidden function " +
      "vbProcedure xlm functionGroupId shortcutKey publishToServer workbookParameter",
  ),
  calcPr: rule(
    "18.2.2",
    "",
    "calcId calcMode fullCalcOnLoad refMode iterate iterateCount iterateDelta fullPrecision " +
      "calcCompleted calcOnSave concurrentCalc concurrentManualCount forceFullCalc",
  ),
};

const COLOR = "auto indexed rgb theme tint";

/** The styles (18.8). */
const STYLES = {
  styleSheet: rule(
    "18.8.39",
    "numFmts? fonts? fills? borders? cellStyleXfs? cellXfs? cellStyles? dxfs? tableStyles? " +
      "colors? extLst?",
  ),
  numFmts: rule("18.8.31", "numFmt+", "count"),
  numFmt: rule("18.8.30", "", "numFmtId! formatCode!"),
  fonts: rule("18.8.23", "font*", "count"),
  // The schema lets these come in any order; Excel writes them in this one.
  font: rule(
    "18.8.22",
    "b? i? strike? condense? extend? outline? shadow? u? vertAlign? sz? color? name? family? " +
      "charset? scheme?",
  ),
  b: rule("18.8.2", "", "val"),
  i: rule("18.8.26", "", "val"),
  u: rule("18.4.13", "", "val"),
  sz: rule("18.4.11", "", "val!"),
  color: rule("18.3.1.15", "", COLOR),
  name: rule("18.8.29", "", "val!"),
  family: rule("18.8.18", "", "val!"),
  scheme: rule("18.8.35", "", "val!"),
  fills: rule("18.8.21", "fill*", "count"),
  // A gradient is the other choice, which no export makes.
  fill: rule("18.8.20", "patternFill"),
  patternFill: rule("18.8.32", "fgColor? bgColor?", "patternType"),
  fgColor: rule("18.8.19", "", COLOR),
  bgColor: rule("18.8.3", "", COLOR),
  borders: rule("18.8.5", "border*", "count"),
  border: rule(
    "18.8.4",
    "start? end? left? right? top? bottom? diagonal? vertical? horizontal?",
    "diagonalUp diagonalDown outline",
  ),
  left: rule("18.8.4", "color?", "style"),
  right: rule("18.8.4", "color?", "style"),
  top: rule("18.8.4", "color?", "style"),
  bottom: rule("18.8.4", "color?", "style"),
  diagonal: rule("18.8.4", "color?", "style"),
  cellStyleXfs: rule("18.8.9", "xf+", "count"),
  cellXfs: rule("18.8.10", "xf+", "count"),
  xf: rule(
    "18.8.45",
    "alignment? protection? extLst?",
    "numFmtId fontId fillId borderId xfId quotePrefix pivotButton applyNumberFormat applyFont " +
      "applyFill applyBorder applyAlignment applyProtection",
  ),
  alignment: rule(
    "18.8.1",
    "",
    "horizontal vertical textRotation wrapText indent relativeIndent justifyLastLine " +
      "shrinkToFit readingOrder",
  ),
  cellStyles: rule("18.8.8", "cellStyle+", "count"),
  cellStyle: rule("18.8.7", "extLst?", "name xfId! builtinId iLevel hidden customBuiltin"),
  dxfs: rule("18.8.15", "dxf*", "count"),
  dxf: rule("18.8.14", "font? numFmt? fill? alignment? border? protection? extLst?"),
  tableStyles: rule("18.8.42", "tableStyle*", "count defaultTableStyle defaultPivotStyle"),
};

const CORE = "part 2, 8.3";
const EXTENDED = "22.2";

/** The package itself, and what it says of the document. */
const PACKAGE = {
  "types:Types": rule("part 2, 6.2.3", "& types:Default* types:Override*"),
  "types:Default": rule("part 2, 6.2.3", "", "Extension! ContentType!"),
  "types:Override": rule("part 2, 6.2.3", "", "PartName! ContentType!"),
  "rels:Relationships": rule("part 2, 6.5", "rels:Relationship*"),
  "rels:Relationship": rule("part 2, 6.5", "", "Id! Type! Target! TargetMode"),
  "cp:coreProperties": rule(
    CORE,
    "& cp:category? cp:contentStatus? dcterms:created? dc:creator? dc:description? " +
      "dc:identifier? cp:keywords? dc:language? cp:lastModifiedBy? cp:lastPrinted? " +
      "dcterms:modified? cp:revision? dc:subject? dc:title? cp:version?",
  ),
  "dc:title": rule(CORE, "#text"),
  "dc:creator": rule(CORE, "#text"),
  "dc:subject": rule(CORE, "#text"),
  "dc:description": rule(CORE, "#text"),
  "cp:lastModifiedBy": rule(CORE, "#text"),
  "dcterms:created": rule(CORE, "#text", "xsi:type!"),
  "dcterms:modified": rule(CORE, "#text", "xsi:type!"),
  "app:Properties": rule(
    EXTENDED,
    "& app:Template? app:Manager? app:Company? app:Application? app:AppVersion? " +
      "app:DocSecurity? app:ScaleCrop? app:HeadingPairs? app:TitlesOfParts? app:LinksUpToDate? " +
      "app:SharedDoc? app:HyperlinksChanged?",
  ),
  "app:Application": rule(EXTENDED, "#text"),
  "app:AppVersion": rule(EXTENDED, "#text"),
  "app:Company": rule(EXTENDED, "#text"),
  "app:DocSecurity": rule(EXTENDED, "#text"),
};

/** Every element that a part of an export may hold, by name. */
export const ELEMENTS: Readonly<Record<string, ElementRule>> = {
  ...WORKSHEET,
  ...TABLES,
  ...WORKBOOK,
  ...STYLES,
  ...PACKAGE,
};

const UNSIGNED = /^\d{1,10}$/;
const BOOLEAN = /^(?:0|1|true|false)$/;
const CELL = /^[A-Z]{1,3}[1-9]\d{0,6}$/;
const RANGE = /^[A-Z]{1,3}[1-9]\d{0,6}(?::[A-Z]{1,3}[1-9]\d{0,6})?$/;

/** How attributes are spelled, by name, or by element and name; all others are any text. */
export const SPELLINGS: Readonly<Record<string, RegExp>> = {
  ...spelled(
    UNSIGNED,
    "count uniqueCount numFmtId fontId fillId borderId xfId builtinId sheetId localSheetId " +
      "workbookViewId activeTab min max id s style headerRowCount totalsRowCount dataDxfId " +
      "headerRowDxfId indent row:r",
  ),
  ...spelled(
    BOOLEAN,
    "customWidth hidden bestFit tabSelected customHeight customFormat wrapText date1904 " +
      "applyNumberFormat applyFont applyFill applyBorder applyAlignment totalsRowShown " +
      "showFirstColumn showLastColumn showRowStripes showColumnStripes fullCalcOnLoad " +
      "showGridLines",
  ),
  ...spelled(CELL, "topLeftCell activeCell c:r"),
  ...spelled(RANGE, "ref sqref"),
  // A border's style is a word.
  ...spelled(/^[a-zA-Z]+$/, "left:style right:style top:style bottom:style diagonal:style"),
  ...spelled(/^[0-9A-F]{8}$/, "rgb"),
  "c:t": /^(?:b|n|s|str|inlineStr)$/,
  "xml:space": /^(?:default|preserve)$/,
  "xsi:type": /^dcterms:W3CDTF$/,
  activePane: /^(?:bottomLeft|bottomRight|topLeft|topRight)$/,
  state: /^(?:frozen|frozenSplit|split|visible|hidden|veryHidden)$/,
  horizontal: /^(?:general|left|center|right|fill|justify|centerContinuous|distributed)$/,
  vertical: /^(?:top|center|bottom|justify|distributed)$/,
  patternType: /^(?:none|solid|gray125)$/,
  TargetMode: /^(?:External|Internal)$/,
};

function rule(clause: string, children = "", attributes = ""): ElementRule {
  return { clause, children, attributes };
}

function spelled(pattern: RegExp, names: string): Readonly<Record<string, RegExp>> {
  return Object.fromEntries(names.split(" ").map((name) => [name, pattern]));
}
