"""Writes one table as workbooks of openpyxl and XlsxWriter, each in both of its ways.

Arguments: a folder, and `openpyxl` or `xlsxwriter`. Rows of JSON come on standard input; a cell that is a list is
`["date", "2026-01-02"]`, `["datetime", …]`, `["time", …]`, `["duration", seconds]` or `["formula", text, value]`.
"""

import datetime
import json
import sys

READERS = {
    "date": datetime.date.fromisoformat,
    "datetime": datetime.datetime.fromisoformat,
    "time": datetime.time.fromisoformat,
    "duration": lambda seconds: datetime.timedelta(seconds=seconds),
}

FORMATS = {
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm:ss.000",
    "time": "hh:mm:ss",
    "duration": "[h]:mm:ss",
}


def plain(cell):
    if not isinstance(cell, list):
        return cell
    return cell[1] if cell[0] == "formula" else READERS[cell[0]](cell[1])


def with_openpyxl(folder, rows):
    import openpyxl

    for write_only in (False, True):
        book = openpyxl.Workbook(write_only=write_only)
        sheet = book.create_sheet("Data") if write_only else book.active
        sheet.title = "Data"
        for row in rows:
            sheet.append([plain(cell) for cell in row])
        if not write_only:
            for number, row in enumerate(rows, 1):
                for column, cell in enumerate(row, 1):
                    if isinstance(cell, list) and cell[0] in FORMATS:
                        sheet.cell(number, column).number_format = FORMATS[cell[0]]
        book.save(f"{folder}/openpyxl-{'write-only' if write_only else 'normal'}.xlsx")


def with_xlsxwriter(folder, rows):
    import xlsxwriter

    for constant_memory in (False, True):
        name = f"{folder}/xlsxwriter-{'constant' if constant_memory else 'normal'}.xlsx"
        book = xlsxwriter.Workbook(name, {"constant_memory": constant_memory})
        sheet = book.add_worksheet("Data")
        formats = {kind: book.add_format({"num_format": code}) for kind, code in FORMATS.items()}
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if not isinstance(cell, list):
                    write_cell(sheet, number, column, cell)
                elif cell[0] == "formula":
                    sheet.write_formula(number, column, cell[1], None, cell[2])
                else:
                    sheet.write_datetime(number, column, plain(cell), formats[cell[0]])
        book.close()


def write_cell(sheet, row, column, cell):
    if isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif cell is not None:
        sheet.write(row, column, cell)


def main():
    folder, program = sys.argv[1:]
    rows = json.load(sys.stdin)
    (with_openpyxl if program == "openpyxl" else with_xlsxwriter)(folder, rows)


main()
