"""Prints what openpyxl reads of a workbook: a line of JSON for each sheet's name and for each row.

Arguments: the file, and `normal` or `read-only`. Dates and times are printed as serials.
"""

import datetime
import json
import sys

import openpyxl
from openpyxl.utils.datetime import to_excel

DATES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)


def plain(value):
    return to_excel(value) if isinstance(value, DATES) else value


def main():
    file, mode = sys.argv[1:]
    book = openpyxl.load_workbook(file, read_only=mode == "read-only", data_only=True)
    for sheet in book.worksheets:
        print(json.dumps(sheet.title))
        for values in sheet.iter_rows(values_only=True):
            print(json.dumps([plain(value) for value in values]))


main()
