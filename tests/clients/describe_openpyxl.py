"""Prints, as JSON, what openpyxl sees of a workbook besides the values of its cells.

Argument: the file.
"""

import json
import sys

import openpyxl


def look(cell):
    """How a cell is shown; what is as in any other cell is left out."""
    link = cell.font.color is not None and cell.font.underline == "single"
    found = {
        "format": cell.number_format if cell.number_format != "General" else None,
        "bold": cell.font.bold,
        "link": cell.font.color.rgb if link else None,
        "fill": cell.fill.fgColor.rgb if cell.fill.fill_type == "solid" else None,
        "align": cell.alignment.horizontal,
        "vertical": cell.alignment.vertical,
        "wrap": cell.alignment.wrap_text,
    }
    return {name: value for name, value in found.items() if value}


def table(found):
    return {
        "range": found.ref,
        "filter": found.autoFilter.ref,
        "columns": [column.name for column in found.tableColumns],
        "style": found.tableStyleInfo.name,
        "stripes": found.tableStyleInfo.showRowStripes,
    }


def sheet(found):
    first = [cell for row in found.iter_rows(max_row=2) for cell in row]
    return {
        "name": found.title,
        "frozen": found.freeze_panes,
        "filter": found.auto_filter.ref,
        "gridlines": found.sheet_view.showGridLines is not False,
        "widths": {
            letter: dimension.width for letter, dimension in found.column_dimensions.items()
        },
        "tables": {part.displayName: table(part) for part in found.tables.values()},
        "looks": {cell.coordinate: look(cell) for cell in first if look(cell)},
        "formulas": {cell.coordinate: cell.value for cell in first if cell.data_type == "f"},
    }


def main():
    book = openpyxl.load_workbook(sys.argv[1])
    properties = book.properties
    found = {
        "title": properties.title,
        "subject": properties.subject,
        "creator": properties.creator,
        "created": properties.created.isoformat(),
        "active": book.active.title,
        "sheets": [sheet(found) for found in book.worksheets],
    }
    print(json.dumps(found))


main()
