"""What the cells of a workbook should be: numbers, dates and times of their own types, else text."""

import datetime
import fractions
import re

import expected

# What Excel keeps of a number, of a text and of a calendar.
DIGITS = 15
UNITS = 32_767
FIRST_DAY = datetime.datetime(1900, 3, 1)
LEAST_NORMAL = 2.0**-1022

DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")


def cell(value, column):
    """A cell as None, a bool, a number, a datetime, a time, a timedelta or a text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if digits(str(value)) <= DIGITS else str(value)
    if isinstance(value, float):
        whole = abs(value) >= 10**DIGITS
        exact = abs(value) >= LEAST_NORMAL and not (whole and digits(repr(value)) > DIGITS)
        return value if exact else repr(value)
    if isinstance(value, str):
        typed = READERS.get(column["type"], lambda text, column: None)(value, column)
        if typed is not None:
            return typed
    return cut(expected.text(value, column))


def digits(number):
    """Significant digits of a number."""
    return len(re.sub(r"e.*|[-+.]", "", number).strip("0"))


def cut(text):
    """The first units of a text that a cell holds, and no half of a character."""
    return text.encode("utf-16-le")[: 2 * UNITS].decode("utf-16-le", errors="ignore")


def decimal(text, column):
    if expected.NUMERIC.match(text) is None:
        return None
    # More digits are rounded behind a point, and kept in a whole number, which is a key.
    whole = fractions.Fraction(text).denominator == 1
    return None if whole and digits(text) > DIGITS else float(text)


def moment(text, column):
    clock = expected.wall_clock(text, expected.shown_zone(text, column))
    if clock is None or clock[0] < FIRST_DAY:
        return None
    return clock[0] + datetime.timedelta(seconds=float("0" + clock[1]))


def date(text, column):
    if expected.DATE.match(text) is None:
        return None
    return moment(text + " 00:00", column)


def time(text, column):
    if expected.TIME.match(text) is None:
        # A day or more is a duration.
        return duration(text, column)
    try:
        return datetime.time.fromisoformat(text)
    except ValueError:
        return None


def duration(text, column):
    match = DURATION.match(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return datetime.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


READERS = {
    "decimal": decimal,
    "date": date,
    "datetime": moment,
    "time": time,
    "duration": duration,
}

FORMATS = {
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "time": "hh:mm:ss",
    "duration": "[h]:mm:ss",
}


def number_format(value, column):
    """The number format that a cell should be shown in; None where it does not matter."""
    if column["type"] == "time" and isinstance(value, datetime.timedelta):
        return column.get("format") or FORMATS["duration"]
    if "format" not in column and getattr(value, "microsecond", 0) != 0:
        return FORMATS[column["type"]] + ".000"
    if value is None or isinstance(value, (str, bool)):
        return None
    if column["type"] in FORMATS and isinstance(value, (int, float)):
        # A number in a column of dates is no date.
        return "General"
    return column.get("format") or FORMATS.get(column["type"], "General")
