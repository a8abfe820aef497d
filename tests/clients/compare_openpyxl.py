"""Reads a workbook with openpyxl, and compares every cell and what is around them.

Standard input is JSON: the export (`database`, `query`, `columns`), the `file`, and its `sheets`,
each a name and a number of rows.
"""

import datetime
import json
import re
import sys

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import unescape

import expected
import workbook_cells

TOLERANCE = datetime.timedelta(milliseconds=1)


def agrees(wanted, cell):
    value = cell.value
    if isinstance(wanted, str):
        # openpyxl leaves it to its caller to unescape a string.
        return cell.data_type == "s" and (unescape(value) == wanted or value == shared(wanted))
    if isinstance(wanted, datetime.time):
        return type(value) is datetime.time and near(on_a_day(value), on_a_day(wanted))
    if isinstance(wanted, (datetime.datetime, datetime.timedelta)):
        return type(value) is type(wanted) and near(value, wanted)
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        return cell.data_type == "n" and type(value) in (int, float) and value == wanted
    return type(value) is type(wanted) and value == wanted


ESCAPED = re.compile("[\0-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def shared(text):
    """A shared string as openpyxl reads it, without the escape of what is none: see misread_test.ts."""
    escaped = ESCAPED.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    return escaped.replace("x005F_", "")


def on_a_day(time):
    return datetime.datetime.combine(datetime.date.min, time)


def near(one, other):
    return abs(one - other) <= TOLERANCE


def check_around(sheet, columns, rows, comparison):
    """Header, filter, frozen row and widths."""
    header = [cell.value for cell in sheet[1]]
    titles = [column["title"] for column in columns]
    comparison.check(header == titles, f"{sheet.title}, header", titles, header)
    bold = [cell.font.bold for cell in sheet[1]] + [not cell.font.bold for cell in sheet[2]]
    comparison.check(all(bold), f"{sheet.title}, bold header", True, bold)
    around = f"A1:{get_column_letter(len(columns))}{rows + 1}"
    comparison.check(sheet.dimensions == around, f"{sheet.title}, range", around, sheet.dimensions)
    filtered = sheet.auto_filter.ref
    comparison.check(filtered == around, f"{sheet.title}, filter", around, filtered)
    frozen = sheet.freeze_panes
    comparison.check(frozen == "A2", f"{sheet.title}, frozen row", "A2", frozen)
    for index, title in enumerate(titles, 1):
        width = sheet.column_dimensions[get_column_letter(index)].width
        fits = max(8, len(title)) <= width <= 60
        comparison.check(fits, f"{sheet.title}, width of {title}", "room for it", width)


def main():
    spec = json.load(sys.stdin)
    columns = spec["columns"]
    comparison = expected.Comparison()
    book = openpyxl.load_workbook(spec["file"])
    names = [sheet["name"] for sheet in spec["sheets"]]
    comparison.check(book.sheetnames == names, "sheets", names, book.sheetnames)
    rows = expected.read(spec)
    for sheet in spec["sheets"]:
        worksheet = book[sheet["name"]]
        check_around(worksheet, columns, sheet["rows"], comparison)
        for cells in worksheet.iter_rows(min_row=2):
            comparison.rows += 1
            for value, column, cell in zip(next(rows), columns, cells, strict=True):
                wanted = workbook_cells.cell(value, column)
                place = f"{sheet['name']}!{cell.coordinate}"
                comparison.check(agrees(wanted, cell), place, wanted, cell.value)
                shown = workbook_cells.number_format(wanted, column)
                if shown is not None and cell.number_format != shown:
                    comparison.check(False, f"{place}, format", shown, cell.number_format)
    rest = len(list(rows))
    comparison.check(rest == 0, "rows that are missing", 0, rest)
    print(json.dumps(comparison.finish()))


main()
