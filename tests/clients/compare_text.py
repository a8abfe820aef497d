"""Reads a text format as Python or SQLite does, and compares every cell with the database.

Standard input is JSON: the export (`database`, `query`, `columns`), the `file`, its `format`, and
what its reader must know (`delimiter`, `null`, `guard`, `binary`, `datetimes`, `names`).
"""

import csv
import itertools
import json
import re
import sqlite3
import sys
import xml.etree.ElementTree

import expected

ILLEGAL_IN_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Number(str):
    """A number of JSON, as it is written there."""


def read_csv(spec):
    csv.field_size_limit(10_000_000)
    with open(spec["file"], encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file, delimiter=spec.get("delimiter", ","), strict=True)


def read_sqlite(spec):
    """A database that the sqlite3 shell has imported the file into, as the table `imported`."""
    connection = sqlite3.connect(spec["file"])
    rows = connection.execute("select * from imported order by rowid")
    yield [name for name, *_ in rows.description]
    yield from rows
    connection.close()


def read_postgres(spec):
    """The rows of a table of texts, that PostgreSQL has copied the file into, as an object a line."""
    yield [column["name"] for column in spec["columns"]]
    with open(spec["file"], encoding="utf-8", newline="") as file:
        for line in file:
            yield list(json.loads(line).values())


def read_json(spec):
    numbers = {"parse_int": Number, "parse_float": Number}
    with open(spec["file"], encoding="utf-8", newline="") as file:
        if spec["format"] == "json":
            rows = json.load(file, **numbers)
        else:
            rows = [json.loads(line, **numbers) for line in file]
    yield list(rows[0])
    for row in rows:
        yield list(row.values())


def read_xml(spec):
    names = [column["name"] for column in spec["columns"]]
    yield names
    for row in xml.etree.ElementTree.parse(spec["file"]).getroot():
        cells = {cell.tag: cell.text or "" for cell in row}
        assert set(cells) <= set(names), cells
        yield [cells.get(name) for name in names]


READERS = {
    "csv": read_csv,
    "sqlite": read_sqlite,
    "postgres": read_postgres,
    "json": read_json,
    "ndjson": read_json,
    "xml": read_xml,
}


KNOW_NULL = ("postgres", "json", "ndjson", "xml")


def wanted(value, column, spec):
    """The text that a cell should be read as."""
    if value is None:
        return None if spec["format"] in KNOW_NULL else spec.get("null", "")
    written = expected.text(
        value,
        column,
        binary=spec.get("binary", "base64"),
        datetimes=spec.get("datetimes", "rfc3339"),
    )
    if spec.get("guard") and isinstance(value, str):
        return expected.guarded(written, column)
    if spec["format"] == "xml":
        return ILLEGAL_IN_XML.sub("\ufffd", written)
    return written


def agrees(value, column, spec, cell):
    if spec["format"] in ("json", "ndjson"):
        if isinstance(value, bool):
            return cell is value
        if isinstance(value, str) and column["type"] == "json":
            try:
                return cell == json.loads(value, parse_int=Number, parse_float=Number)
            except json.JSONDecodeError:
                return cell == value
        if isinstance(value, int) and isinstance(cell, Number) != (abs(value) < 2**53):
            return False
        if isinstance(value, str) and column["type"] == "decimal":
            # One kind in all rows, whatever the digits are.
            if isinstance(cell, Number) != bool(expected.NUMERIC.match(value)):
                return False
    if isinstance(value, float) and cell is not None:
        return expected.same_number(value, cell)
    return cell == wanted(value, column, spec)


def main():
    spec = json.load(sys.stdin)
    columns = spec["columns"]
    comparison = expected.Comparison()
    rows = READERS[spec["format"]](spec)
    names = [column[spec.get("names", "name")] for column in columns]
    header = [expected.guarded(n, {"type": "string"}) for n in names] if spec.get("guard") else names
    comparison.check(next(rows) == header, "header", header, None)
    for number, (values, cells) in enumerate(
        itertools.zip_longest(expected.read(spec), rows, fillvalue=()), 1
    ):
        comparison.rows += 1
        comparison.check(len(cells) == len(values), f"row {number}", len(values), len(cells))
        for value, cell, column in zip(values, cells, columns):
            comparison.check(
                agrees(value, column, spec, cell),
                f"row {number}, {column['name']}",
                wanted(value, column, spec),
                cell,
            )
    print(json.dumps(comparison.finish()))


main()
