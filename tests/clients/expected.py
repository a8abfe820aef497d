"""What the cells of an export should be, from the database itself and the rules of the docs."""

import base64
import datetime
import re
import sqlite3
import zoneinfo

DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$"
)
DATE = re.compile(r"\d{4}-\d\d-\d\d$")
TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?$")
NUMERIC = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$")
EPOCH = datetime.datetime(1970, 1, 1)

# What OWASP's "CSV Injection" names, behind white space or controls too, and a leading control.
FORMULA = re.compile("[\t\r\n\0]|[\\s\0-\x1f]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")

# Where a reader may begin another field, and what may stand before a formula there.
SEPARATORS = ",;\t\r\n"
BLANK = '"\xa0\u3000\ufeff' + "".join(set(map(chr, range(33))) - set(SEPARATORS))
EQUALS = ("=", "\uff1d")
SIGNS = ("+", "-", "@", "\uff0b", "\uff0d", "\uff20")
REACH = "(|!\uff08\uff5c\uff01"


def read(spec):
    """The rows of the database, each cell as the source should give it."""
    connection = sqlite3.connect(f"file:{spec['database']}?mode=ro", uri=True)
    try:
        types = [column["type"] for column in spec["columns"]]
        for row in connection.execute(spec["query"]):
            yield [stored(value, type) for value, type in zip(row, types, strict=True)]
    finally:
        connection.close()


def stored(value, type):
    """A value of SQLite as one of the type that the catalogue declares, where it stands for one."""
    if type == "string" and isinstance(value, (int, float)):
        return str(value)
    if type == "string" and isinstance(value, bytes):
        return value.decode()
    if type == "time" and isinstance(value, str) and value >= "24" and TIME.match(value):
        hours, minutes, seconds, fraction = TIME.match(value).groups()
        return f"PT{int(hours)}H{int(minutes)}M{int(seconds or 0)}{fraction or ''}S"
    if isinstance(value, int):
        if type == "boolean" and value in (0, 1):
            return bool(value)
        if type == "datetime":
            moment = EPOCH + datetime.timedelta(seconds=value)
            return moment.isoformat() + "Z"
        if type == "date" and value % 86400 == 0:
            return (EPOCH + datetime.timedelta(seconds=value)).date().isoformat()
    return value


def wall_clock(text, zone):
    """A datetime as a naive datetime, its fraction of a second apart and its offset; or None."""
    match = DATETIME.match(text)
    if match is None:
        return None
    day, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime.datetime.fromisoformat(f"{day} {minute}:{second or '00'}")
    except ValueError:
        return None
    if zone is None:
        return moment, fraction or "", offset
    ahead = datetime.timedelta()
    if offset not in (None, "Z"):
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        ahead = datetime.timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
    moment = (moment - ahead).replace(tzinfo=datetime.timezone.utc)
    local = moment.astimezone(zoneinfo.ZoneInfo(zone))
    # RFC 3339 knows whole minutes: Berlin was 53:28 ahead before 1893.
    minutes = round(local.utcoffset().total_seconds() / 60)
    local = (moment + datetime.timedelta(minutes=minutes)).replace(tzinfo=None)
    if minutes == 0:
        return local, fraction or "", "Z"
    sign, minutes = "-" if minutes < 0 else "+", abs(minutes)
    return local, fraction or "", f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def text(value, column, *, binary="base64", datetimes="rfc3339"):
    """A cell that is not null as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "\\x" + value.hex() if binary == "hex" else base64.b64encode(value).decode()
    if isinstance(value, str) and column["type"] == "datetime":
        clock = wall_clock(value, shown_zone(value, column))
        if clock is not None and datetimes == "spreadsheet":
            local, fraction, _ = clock
            return local.isoformat(" ") + fraction
        if clock is not None and "timezone" in column:
            local, fraction, offset = clock
            return local.isoformat() + fraction + offset
    return str(value)


def shown_zone(text, column):
    """The zone that a spreadsheet shows a datetime in: its column's, else UTC where it has an offset."""
    zoned = re.search(r"(?:Z|[+-]\d\d:\d\d)$", text) is not None
    return column.get("timezone", "UTC" if zoned else None)


def guarded(string, column):
    """What a spreadsheet may be given of a text."""
    if column["type"] in ("integer", "number", "decimal") and NUMERIC.match(string):
        return string
    harmless = "".join(
        unit + "'" if unit in SEPARATORS and runs(string[index + 1 :], unit) else unit
        for index, unit in enumerate(string)
    )
    return "'" + harmless if FORMULA.match(string) else harmless


def runs(rest, separator):
    """Whether what is behind a separator is a formula that does more than compute."""
    field = rest.lstrip(BLANK)
    if field[:1] not in SIGNS:
        return field[:1] in EQUALS
    ends = [field.find(end) for end in (separator, "\n", "\r") if end in field]
    return any(unit in REACH for unit in field[: min(ends, default=len(field))])


def same_number(number, string):
    """Whether a text is a number: languages differ in how they spell a double."""
    try:
        return float(string) == number
    except ValueError:
        return False


class Comparison:
    """Counts the cells that agree and keeps the first that do not."""

    def __init__(self):
        self.cells = 0
        self.rows = 0
        self.wrong = []

    def check(self, agrees, place, expected, actual):
        self.cells += 1
        if not agrees and len(self.wrong) < 20:
            self.wrong.append(f"{place}: expected {short(expected)}, not {short(actual)}")

    def finish(self):
        if self.wrong:
            raise SystemExit("\n".join(self.wrong))
        return {"rows": self.rows, "cells": self.cells}


def short(value):
    written = ascii(value)
    return written if len(written) < 200 else f"{written[:100]}…{written[-60:]} ({len(value)})"
