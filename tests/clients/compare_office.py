"""Reads what LibreOffice made of a workbook, and compares every cell and what it shows.

Standard input is JSON: the export (`database`, `query`, `columns`), its `sheets`, each a name and a
number of rows, and the `file`: the workbook as LibreOffice saved it again, as flat OpenDocument.
"""

import datetime
import json
import re
import sys
import xml.etree.ElementTree

import expected
import workbook_cells

NAMESPACES = dict(
    office="urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    table="urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    text="urn:oasis:names:tc:opendocument:xmlns:text:1.0",
)
ILLEGAL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
TIME = re.compile(r"PT(\d+)H(\d+)M([\d.]+)S$")
TOLERANCE = datetime.timedelta(milliseconds=10)


def qualified(name):
    prefix, local = name.split(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


CELL, P, S, TAB = map(qualified, ("table:table-cell", "text:p", "text:s", "text:tab"))
TYPE, VALUE, DATE_VALUE, TIME_VALUE = (
    qualified(f"office:{name}") for name in ("value-type", "value", "date-value", "time-value")
)
COLUMNS, ROWS, COUNT = map(
    qualified, ("table:number-columns-repeated", "table:number-rows-repeated", "text:c")
)
FORMULA = qualified("table:formula")


def paragraph(element):
    """The text of a paragraph, in which runs of spaces and tabs are elements."""
    text = element.text or ""
    for child in element:
        if child.tag == S:
            text += " " * int(child.get(COUNT, "1"))
        elif child.tag == TAB:
            text += "\t"
        else:
            text += paragraph(child)
        text += child.tail or ""
    return text


def content(cell):
    """The type, the value and the shown text of a cell."""
    shown = "\n".join(paragraph(p) for p in cell.findall(P))
    kind = cell.get(TYPE)
    formula = cell.get(FORMULA)
    # LibreOffice keeps a boolean of a workbook as one of these two formulas.
    if formula in ("of:=TRUE()", "of:=FALSE()"):
        return "boolean", formula == "of:=TRUE()", shown
    if formula is not None:
        return "formula", formula, shown
    if kind == "float":
        return kind, float(cell.get(VALUE)), shown
    if kind == "date":
        return kind, datetime.datetime.fromisoformat(cell.get(DATE_VALUE)), shown
    if kind == "time":
        hours, minutes, seconds = map(float, TIME.match(cell.get(TIME_VALUE)).groups())
        return kind, datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds), shown
    return kind, shown, shown


def rows_of(table, width):
    """Its rows, without the empty ones that fill the sheet."""
    for row in table.iter(qualified("table:table-row")):
        cells = []
        for cell in row.iter(CELL):
            repeated = min(int(cell.get(COLUMNS, "1")), width - len(cells))
            cells += [content(cell)] * repeated
        repeated = int(row.get(ROWS, "1"))
        if repeated > 1000 and all(kind is None for kind, *_ in cells):
            return
        yield from [cells] * repeated


def wanted(value, column):
    """The type, the value and the shown text that a cell should have; None where it may be any."""
    cell = workbook_cells.cell(value, column)
    if cell is None or cell == "":
        return None, "", ""
    if isinstance(cell, str):
        # OpenDocument is XML too, and LibreOffice reads CR LF as one end of line.
        text = ILLEGAL.sub("", cell).replace("\r\n", "\n")
        return "string", text, text
    if isinstance(cell, bool):
        return "boolean", cell, str(cell).upper()
    if isinstance(cell, (int, float)):
        # It keeps 15 digits.
        kept = float(f"{cell:.15g}")
        shown = f"{kept:,.2f}" if column.get("format") == "#,##0.00" else None
        # What is shown as nothing but zeros has no sign.
        return "float", cell, "0.00" if shown == "-0.00" else shown
    if isinstance(cell, datetime.datetime):
        pattern = "%Y-%m-%d" if column["type"] == "date" else "%Y-%m-%d %H:%M:%S"
        return "date", cell, cell.strftime(pattern) + milliseconds(cell, column)
    if isinstance(cell, datetime.time):
        since = datetime.datetime.combine(datetime.date.min, cell) - datetime.datetime.min
        return "time", since, cell.strftime("%H:%M:%S") + milliseconds(cell, column)
    minutes, seconds = divmod(int(cell.total_seconds()), 60)
    return "time", cell, f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def milliseconds(moment, column):
    """What is shown of a fraction of a second, where the column declares no format."""
    if moment.microsecond == 0 or "format" in column:
        return ""
    return f".{moment.microsecond // 1000:03}"


def agrees(want, have):
    kind, value, shown = want
    if kind != have[0] or (shown is not None and shown != have[2]):
        return False
    if kind == "float":
        # It saves 15 digits.
        return abs(value - have[1]) <= abs(value) * 1e-14
    if kind in ("date", "time"):
        return abs(value - have[1]) <= TOLERANCE
    return value == have[1]


def check_filters(document, sheets, columns, comparison):
    """Each sheet has a filter over all of its rows, with buttons to press."""
    filters = [
        found.get(qualified("table:target-range-address"))
        for found in document.iterfind(".//table:database-range", NAMESPACES)
        if found.get(qualified("table:display-filter-buttons")) == "true"
    ]
    # The tables of these tests have no more columns than letters.
    last = chr(ord("A") + columns - 1)
    wanted = []
    for sheet in sheets:
        name = sheet["name"]
        if not name.isalnum():
            name = "'" + name.replace("'", "''") + "'"
        wanted.append(f"{name}.A1:{name}.{last}{sheet['rows'] + 1}")
    comparison.check(sorted(filters) == sorted(wanted), "filters", wanted, filters)


def main():
    spec = json.load(sys.stdin)
    columns = spec["columns"]
    comparison = expected.Comparison()
    document = xml.etree.ElementTree.parse(spec["file"]).getroot()
    tables = document.findall(".//table:table", NAMESPACES)
    names = [table.get(qualified("table:name")) for table in tables]
    sheets = [sheet["name"] for sheet in spec["sheets"]]
    comparison.check(names == sheets, "sheets", sheets, names)
    check_filters(document, spec["sheets"], len(columns), comparison)
    rows = expected.read(spec)
    for sheet, table in zip(spec["sheets"], tables):
        saved = rows_of(table, len(columns))
        header = [value for _, value, _ in next(saved)]
        titles = [column["title"] for column in columns]
        comparison.check(header == titles, f"{sheet['name']}, header", titles, header)
        for number, cells in enumerate(saved, 2):
            comparison.rows += 1
            for value, column, have in zip(next(rows), columns, cells, strict=True):
                want = wanted(value, column)
                place = f"{sheet['name']}, row {number}, {column['name']}"
                comparison.check(agrees(want, have), place, want, have)
    rest = len(list(rows))
    comparison.check(rest == 0, "rows that are missing", 0, rest)
    print(json.dumps(comparison.finish()))


main()
