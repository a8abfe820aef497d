/** Opens a workbook with ExcelJS, whole, and does nothing with it. */

import ExcelJS from "exceljs";

await new ExcelJS.Workbook().xlsx.readFile(Deno.args[0]!);
