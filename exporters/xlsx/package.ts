/** Knows the order of a workbook's parts. */

import type { Batch, Table } from "../../table/table.ts";
import type { Read } from "../batch_stream.ts";
import type { Warnings } from "../warnings.ts";
import { ABOUT_TITLE, aboutSheetXml } from "./about_sheet.ts";
import {
  contentTypesXml,
  type Part,
  type PartType,
  sheetPath,
  sheetRelationshipsPath,
  tablePath,
} from "./content_types.ts";
import type { Blocks } from "./deflate_blocks.ts";
import { APP_PATH, appPropertiesXml, CORE_PATH, corePropertiesXml } from "./document_properties.ts";
import type { XlsxOptions } from "./options.ts";
import { type Relationship, relationshipsXml } from "./relationships.ts";
import { SharedStrings } from "./shared_strings.ts";
import { createSheetNames } from "./sheet_names.ts";
import { createStyles } from "./styles.ts";
import { createTableNames, tablePartXml } from "./table_part.ts";
import { createTableSheets, type SheetLimits } from "./table_sheets.ts";
import { workbookXml, type WrittenSheet } from "./workbook.ts";
import type { Zip } from "./zip.ts";

/**
 * Makes the function that writes tables as a workbook. It reads the first batch before it writes the
 * first byte, and reads on as the bytes are taken, one table after the other.
 *
 * @param limits where a sheet ends
 * @param warnings counts the cells that a worksheet cannot hold as they are
 * @throws {TableError} when a number format is none
 * @throws {RangeError} when a time zone is not known
 */
export function createWorkbook(
  tables: readonly Pick<Table, "title" | "columns" | "style">[],
  { header = true, sharedStrings = true, properties = {}, about, time }: XlsxOptions,
  limits: SheetLimits,
  warnings: Warnings,
): (reads: readonly Read<Batch>[], zip: Zip) => Promise<void> {
  const styles = createStyles(tables, { about: about !== undefined });
  const strings = sharedStrings ? new SharedStrings() : undefined;
  const all = tables.map(({ columns, style }, index) => {
    const asTable = style === "table" && header && columns.length > 0;
    const options = { header, styles: styles.tables[index]!, asTable, strings, ...limits };
    return { asTable, sheets: createTableSheets({ columns }, options, warnings) };
  });

  return async function writeWorkbook(reads, zip) {
    const namesOf = createSheetNames();
    const tableName = createTableNames();
    const sheets: WrittenSheet[] = [];
    const parts: Part[] = [];
    let tableParts = 0;

    async function write(type: PartType, path: string, xml: string): Promise<void> {
      await zip.add(path, xml);
      parts.push({ type, path });
    }

    await all[0]?.sheets.begin(reads[0]!);
    const core = corePropertiesXml(properties, time);
    const app = appPropertiesXml(properties);
    await zip.add(
      "_rels/.rels",
      relationshipsXml([
        { type: "officeDocument", target: WORKBOOK_PATH },
        ...(core ? [{ type: "coreProperties", target: CORE_PATH } as const] : []),
        ...(app ? [{ type: "extendedProperties", target: APP_PATH } as const] : []),
      ]),
    );
    if (core) await write("coreProperties", CORE_PATH, core);
    if (app) await write("extendedProperties", APP_PATH, app);
    await write("styles", "xl/styles.xml", styles.xml);
    if (about) {
      const sheet = {
        entries: about,
        time,
        rowsPerSheet: limits.rowsPerSheet,
        styles: styles.about,
      };
      await write("worksheet", sheetPath(0), aboutSheetXml(sheet, warnings));
      sheets.push({ name: namesOf(ABOUT_TITLE)(), filterColumns: 0, rows: 0 });
    }
    // A reader who opens the file sees rows; what is said about them is one click away.
    const activeSheet = sheets.length;

    for (const [index, { title, columns }] of tables.entries()) {
      const { asTable, sheets: table } = all[index]!;
      const nextName = namesOf(title);
      if (index > 0) await table.begin(reads[index]!);
      do {
        const sheet = sheets.length;
        const name = nextName();
        let rows = 0;
        const xml = async function* (): Blocks {
          rows = yield* table.nextSheet(sheet === activeSheet);
        };
        await zip.addBlocks(sheetPath(sheet), xml());
        parts.push({ type: "worksheet", path: sheetPath(sheet) });
        // How many rows a table has is known when its sheet is written.
        if (asTable) {
          const id = ++tableParts;
          const target = `../tables/table${id}.xml`;
          await zip.add(
            sheetRelationshipsPath(sheet),
            relationshipsXml([{ type: "table", target }]),
          );
          const part = { id, name: tableName(name), columns: table.titles, rows };
          await write("table", tablePath(id), tablePartXml(part));
        }
        sheets.push({ name, filterColumns: header && !asTable ? columns.length : 0, rows });
      } while (table.more);
    }

    // What names every sheet, and what is in all of them, can only come after the last.
    const shares = strings !== undefined && strings.size > 0;
    if (shares) {
      await zip.addBlocks(STRINGS_PATH, strings.xml());
      parts.push({ type: "sharedStrings", path: STRINGS_PATH });
    }
    await write("workbook", WORKBOOK_PATH, workbookXml(sheets, activeSheet));
    const related: Relationship[] = sheets.map((_, index) => ({
      type: "worksheet",
      target: sheetPath(index).slice("xl/".length),
    }));
    related.push({ type: "styles", target: "styles.xml" });
    if (shares) related.push({ type: "sharedStrings", target: "sharedStrings.xml" });
    await zip.add("xl/_rels/workbook.xml.rels", relationshipsXml(related));
    await zip.add("[Content_Types].xml", contentTypesXml(parts));
    await zip.close();
  };
}

const WORKBOOK_PATH = "xl/workbook.xml";
const STRINGS_PATH = "xl/sharedStrings.xml";
